#ifndef XLOSS_TRAINING_CLASS_WEIGHTS_HPP
#define XLOSS_TRAINING_CLASS_WEIGHTS_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/tally.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/training/label_maps.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace xloss {

/// How often each class occurs in label maps: the pixels of every class, and the pixels of the samples that
/// have any of it. Files, micro-batches and processes are added up.
///
///     xloss::class_counts counts(19, 255); // classes, the ignored label
///     for (auto& labels : files)
///         counts.add(labels);
///
/// An ignored pixel, or one of weight 0, is absent; one of weight w counts as w pixels (`masked`,
/// `weighted`).
class class_counts {
public:
    /// Of `classes` classes, nothing counted. Labels of `ignore_index` are absent.
    /// @throws parameter_error for no class.
    explicit class_counts(std::size_t classes, std::optional<std::int64_t> ignore_index = {})
        : classes_(classes), ignore_(ignore_index), numbers_(2 * classes) {
        if (classes == 0)
            tensor::raise<parameter_error>({name(), ": no class to count"});
    }

    /// Of a label map, as `add`.
    template <class Y>
    requires(!std::is_arithmetic_v<Y>)
        class_counts(const Y& labels, std::size_t classes, std::optional<std::int64_t> ignore_index = {},
                     const executor_ref& executor = {})
        : class_counts(classes, ignore_index) {
        add(labels, executor);
    }

    /// Adds a label map `[B, ...]` of any integer type; axis 0 are the samples. The executor runs pieces of
    /// it; the numbers do not depend on it.
    /// @throws shape_error; label_error for a label that is neither a class nor ignored; target_error for a
    /// weight that is negative or no number. Nothing is added then.
    template <class Y>
    class_counts& add(const Y& labels, const executor_ref& executor = {}) {
        const auto y = engine::label_target<double>(
            labels, engine::logits_shape(engine::target_shape(labels), classes_, &class_counts::name),
            ignore_, &class_counts::name, executor);
        engine::tally_labels(y, numbers_.data(), executor);
        return *this;
    }

    /// Adds what others have counted.
    /// @throws shape_error where the number of classes differs.
    class_counts& merge(const class_counts& other) {
        if (other.classes_ != classes_)
            tensor::raise<shape_error>(
                {name(), ": counts of ", other.classes_, " classes do not fit those of ", classes_});
        for (std::size_t i = 0; i < numbers_.size(); ++i)
            numbers_[i] += other.numbers_[i];
        return *this;
    }

    /// How many there are, found or not.
    [[nodiscard]] std::size_t classes() const { return classes_; }
    /// Pixels of every class.
    [[nodiscard]] std::span<const double> pixels() const { return numbers().first(classes_); }
    /// For every class, the pixels (of all classes) of the samples that have any of it.
    [[nodiscard]] std::span<const double> pixels_where_present() const { return numbers().last(classes_); }
    /// Both, one after the other. Sums: those of several processes add up elementwise, one all-reduce.
    [[nodiscard]] std::span<double> numbers() { return {numbers_.data(), numbers_.size()}; }
    /// Both.
    [[nodiscard]] std::span<const double> numbers() const { return {numbers_.data(), numbers_.size()}; }

private:
    static std::string name() { return engine::public_name("class_counts"); }

    std::size_t classes_;
    std::optional<std::int64_t> ignore_;
    std::vector<double> numbers_;
};

/// How the weight of a class follows from its n_c pixels, of n in all.
enum class weighting {
    inverse,         ///< n/(C n_c)
    median,          ///< median(f)/f_c, f_c = n_c over the pixels of the samples that have any of the class
    effective_number ///< (1 - b)/(1 - b^n_c), scaled to sum to C
};

/// The options of `class_weights_from`.
struct class_weighting {
    weighting method = weighting::inverse;      ///< the formula
    double beta = 0.999;                        ///< b of `effective_number`, in [0, 1)
    std::optional<std::int64_t> ignore_index{}; ///< of label maps; counts have been made with theirs
    executor_ref executor{};                    ///< runs pieces of label maps; none: one after the other
};

namespace engine {

inline std::string class_weights_name() {
    return public_name("class_weights_from");
}

/// The median of what is above 0: the mean of the middle two of an even number.
inline double median_above_zero(std::vector<double> v) {
    // Sorted by insertion: there are few classes, and std::sort would be compiled wherever xloss is included.
    std::size_t n = 0;
    for (const double x : v) {
        if (x == 0.0)
            continue;
        std::size_t at = n++;
        for (; at > 0 && v[at - 1] > x; --at)
            v[at] = v[at - 1];
        v[at] = x;
    }
    const std::size_t half = n / 2;
    return n % 2 == 1 ? v[half] : 0.5 * (v[half - 1] + v[half]);
}

/// Counts may have been written by another process.
inline void check_counts(const class_counts& counts) {
    double all = 0.0;
    for (std::size_t c = 0; c < counts.classes(); ++c) {
        const double n = counts.pixels()[c], where = counts.pixels_where_present()[c];
        if (!(n >= 0.0 && std::isfinite(n) && where >= 0.0 && std::isfinite(where)) ||
            (n > 0.0 && where == 0.0))
            tensor::raise<parameter_error>({class_weights_name(), ": class ", c, " has ", n,
                                            " pixels in samples of ", where, ", which are no counts"});
        all += n;
    }
    if (all == 0.0)
        tensor::raise<parameter_error>(
            {class_weights_name(), ": no pixel of any class was counted, so that no class has a weight"});
}

inline std::vector<double> inverse_weights(const class_counts& counts) {
    double all = 0.0;
    for (double n : counts.pixels())
        all += n;
    std::vector<double> weights;
    for (double n : counts.pixels())
        weights.push_back(n > 0.0 ? all / (static_cast<double>(counts.classes()) * n) : 0.0);
    return weights;
}

inline std::vector<double> median_weights(const class_counts& counts) {
    std::vector<double> weights;
    weights.reserve(counts.classes());
    for (std::size_t c = 0; c < counts.classes(); ++c)
        weights.push_back(counts.pixels()[c] > 0.0 ? counts.pixels()[c] / counts.pixels_where_present()[c]
                                                   : 0.0);
    const double median = median_above_zero(weights);
    for (double& w : weights)
        w = w > 0.0 ? median / w : 0.0;
    return weights;
}

inline std::vector<double> effective_number_weights(const class_counts& counts, double beta) {
    check_number("class_weights_from", "beta", beta, 0.0, std::nextafter(1.0, 0.0));
    std::vector<double> weights;
    double sum = 0.0;
    for (double n : counts.pixels()) {
        // 1 - b^n to full accuracy where b^n is next to 1
        weights.push_back(n > 0.0 ? (1.0 - beta) / -std::expm1(n * std::log(beta)) : 0.0);
        sum += weights.back();
    }
    for (double& w : weights)
        w *= static_cast<double>(counts.classes()) / sum;
    return weights;
}

} // namespace engine

/// Class weights against imbalance: one for each class, to be given to the `class_weights` (or `alpha`,
/// `pos_weight`) of a loss.
///
///     const auto w = xloss::class_weights_from(labels, 19, {.ignore_index = 255});
///     const auto loss = xloss::multiclass(xloss::cross_entropy{.class_weights = w}, {.ignore_index = 255});
///
/// **Formulas.** n_c pixels of class c, of n in all, C classes; see `weighting`. A class without a pixel has
/// weight 0, and does not enter the median. The median of an even number of classes is the mean of the middle
/// two.
///
/// **Source.** median: Eigen & Fergus 2015, arXiv 1411.4734; effective_number: Cui et al. 2019, arXiv
/// 1901.05555. Ignored pixels are no part of any n here.
///
/// **Elsewhere.** inverse is scikit-learn's `class_weight="balanced"` where every class occurs; it divides by
/// the classes that occur. Median frequency by n_c/n, without a look at samples, differs by a factor of each
/// class that is not in all samples.
/// @throws parameter_error where no pixel was counted, for a beta outside [0, 1).
inline std::vector<double> class_weights_from(const class_counts& counts, const class_weighting& how = {}) {
    engine::check_counts(counts);
    switch (how.method) {
    case weighting::median:
        return engine::median_weights(counts);
    case weighting::effective_number:
        return engine::effective_number_weights(counts, how.beta);
    default:
        return engine::inverse_weights(counts);
    }
}

/// The same from a label map `[B, ...]` of any integer type.
/// @throws as for counts; shape_error; label_error for a label that is neither a class nor ignored.
template <class Y>
std::vector<double> class_weights_from(const Y& labels, std::size_t classes,
                                       const class_weighting& how = {}) {
    return class_weights_from(class_counts(labels, classes, how.ignore_index, how.executor), how);
}

} // namespace xloss

#endif
