#ifndef XLOSS_ENGINE_SURVEY_HPP
#define XLOSS_ENGINE_SURVEY_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>
#include <string>

namespace xloss {

/// What is known of a call before its logits are read: the first of the three stages.
struct survey {
    std::size_t valid = 0;                  ///< elements that count: not ignored, weight > 0
    std::size_t elements = 0;               ///< all elements
    double weight = 0.0;                    ///< sum of the pixel weights m over the elements
    double positive = 0.0;                  ///< sum of m y over the elements (only where asked for)
    std::span<const double> class_weight{}; ///< sum of m, class by class
    std::span<const double> class_target{}; ///< sum of m y, class by class (only where asked for)
    std::span<const double> class_valid{};  ///< elements that count, class by class
    std::size_t classes = 1;                ///< 1 in binary
    mode md = mode::binary;                 ///< how the call runs
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum
};

namespace engine {

/// How many numbers a survey is.
constexpr std::size_t survey_size(std::size_t classes) {
    return 4 + 3 * classes;
}

/// A survey as numbers of which those of two calls add up to those of both.
inline void write_survey(const survey& s, double* to) {
    *to++ = static_cast<double>(s.valid);
    *to++ = static_cast<double>(s.elements);
    *to++ = s.weight;
    *to++ = s.positive;
    to = std::copy(s.class_weight.begin(), s.class_weight.end(), to);
    to = std::copy(s.class_target.begin(), s.class_target.end(), to);
    std::copy(s.class_valid.begin(), s.class_valid.end(), to);
}

/// The survey that these numbers are; it refers to them.
inline survey read_survey(const double* from, std::size_t classes, mode md, reduction how) {
    survey s;
    s.valid = static_cast<std::size_t>(from[0]);
    s.elements = static_cast<std::size_t>(from[1]);
    s.weight = from[2];
    s.positive = from[3];
    s.class_weight = {from + 4, classes};
    s.class_target = {from + 4 + classes, classes};
    s.class_valid = {from + 4 + 2 * classes, classes};
    s.classes = classes;
    s.md = md;
    s.reduction = how;
    return s;
}

/// Reads targets, weights and ignored values once; the logits never. Every error in them is thrown here,
/// before anything is written.
template <class T>
class surveyor {
public:
    surveyor(const target<T>& y, const mode_options& options, const executor_ref& executor, workspace& memory)
        : y_(y), g_(y.geometry()), options_(options), executor_(executor), memory_(memory) {}

    /// `targets`: whether sums of y are asked for.
    XLOSS_NOINLINE survey run(bool targets) {
        survey s;
        s.classes = g_.classes;
        s.md = y_.md();
        s.reduction = options_.reduction;
        const bool per_pixel = s.md == mode::multiclass;
        s.elements = per_pixel ? g_.samples * g_.pixels : g_.size();
        totals_ = memory_.zeros(scratch::class_sums, fields * g_.classes + 1);
        targets_ = targets;
        if (y_.is_label_map() || y_.masked() || targets || options_.check_targets)
            read_all();
        else
            plain();
        if (per_pixel && !y_.masked_per_class())
            for (std::size_t c = 1; c < g_.classes; ++c) { // what is true of a pixel is true of its classes
                weight_of(totals_, c) = weight_of(totals_, 0);
                valid_of(totals_, c) = valid_of(totals_, 0);
            }
        for (std::size_t c = 0; c < g_.classes; ++c) {
            s.weight += per_pixel ? 0.0 : weight_of(totals_, c);
            s.positive += target_of(totals_, c);
        }
        // A soft target whose classes have weights of their own counts each class by its share.
        if (per_pixel)
            s.weight = y_.masked_per_class() ? s.positive : weight_of(totals_, 0);
        s.valid = static_cast<std::size_t>(totals_[fields * g_.classes]);
        s.class_weight = {totals_, g_.classes};
        s.class_target = {totals_ + g_.classes, g_.classes};
        s.class_valid = {totals_ + 2 * g_.classes, g_.classes};
        return s;
    }

private:
    static constexpr std::size_t fields = 3;           // of every class: weight, target, valid
    static constexpr std::size_t tiles_per_piece = 16; // as in the sweep
    enum class fault { none, label, weight, soft, sum };
    struct finding {
        fault kind = fault::none;
        std::size_t sample = 0, cls = 0, pixel = 0;
    };
    struct rows {
        alignas(64) std::array<T, tile_size> y, m, spare, sum, any;
    };

    double& weight_of(double* sums, std::size_t c) const { return sums[c]; }
    double& target_of(double* sums, std::size_t c) const { return sums[g_.classes + c]; }
    double& valid_of(double* sums, std::size_t c) const { return sums[2 * g_.classes + c]; }

    /// Nothing rides on the target and nobody asks for it: known without reading.
    void plain() {
        const bool per_pixel = y_.md() == mode::multiclass;
        for (std::size_t c = 0; c < (per_pixel ? 1 : g_.classes); ++c)
            weight_of(totals_, c) = valid_of(totals_, c) = static_cast<double>(g_.samples * g_.pixels);
        totals_[fields * g_.classes] = static_cast<double>(per_pixel ? g_.samples * g_.pixels : g_.size());
    }

    void read_all() {
        const std::size_t tiles_per_sample = (g_.pixels + tile_size - 1) / tile_size;
        const std::size_t tiles = g_.samples * tiles_per_sample;
        const std::size_t pieces = (tiles + tiles_per_piece - 1) / tiles_per_piece;
        const std::size_t width = fields * g_.classes + 1;
        double* partials = memory_.zeros(scratch::survey_sums, slots(executor_, pieces) * width);
        std::array<finding, pieces_in_flight> found;
        for_pieces(
            executor_, {pieces, tiles_per_piece * std::min(tile_size, g_.pixels) * rows_per_tile()},
            [&](std::size_t piece, std::size_t slot) {
                rows r;
                double* sums = partials + slot * width;
                std::fill_n(sums, width, 0.0);
                found[slot] = {};
                const std::size_t end = std::min(tiles, (piece + 1) * tiles_per_piece);
                for (std::size_t t = piece * tiles_per_piece; t < end && found[slot].kind == fault::none;
                     ++t) {
                    const std::size_t i = t % tiles_per_sample * tile_size;
                    found[slot] =
                        read_tile(r, t / tiles_per_sample, i, std::min(tile_size, g_.pixels - i), sums);
                }
            },
            [&](std::size_t, std::size_t slot) {
                if (found[slot].kind != fault::none)
                    report(found[slot]);
                for (std::size_t k = 0; k < width; ++k)
                    totals_[k] += partials[slot * width + k];
            });
    }

    [[nodiscard]] std::size_t rows_per_tile() const { return y_.is_label_map() ? 1 : g_.classes; }

    finding read_tile(rows& r, std::size_t b, std::size_t i, std::size_t n, double* sums) const {
        return y_.is_label_map() ? read_labels(r, b, i, n, sums) : read_soft(r, b, i, n, sums);
    }

    finding read_labels(rows& r, std::size_t b, std::size_t i, std::size_t n, double* sums) const {
        const T* labels = y_.labels(b, i, n, r.y.data());
        if (!in_range(labels, n, -1.0, std::numeric_limits<T>::max()))
            return {fault::label, b, 0, i + first_where(labels, n, [](T v) { return v < T(-1); })};
        if (y_.masked_per_class())
            return read_labels_by_class(r, labels, b, i, n, sums);
        // Nothing is ignored and nothing rides: every label counts once.
        const T* m = nullptr;
        if (y_.masked()) {
            m = y_.weights(b, 0, i, n, labels, r.m.data(), r.spare.data());
            if (!are_weights(m, n))
                return {fault::weight, b, 0, i + first_bad_weight(m, n)};
        }
        const double valid = m ? static_cast<double>(count_nonzero(m, n)) : static_cast<double>(n);
        const double weight = m ? sum_of(m, n) : static_cast<double>(n);
        const bool per_pixel = y_.md() == mode::multiclass;
        const std::size_t elements = per_pixel ? 1 : g_.classes; // of one pixel
        sums[fields * g_.classes] += valid * static_cast<double>(elements);
        for (std::size_t c = 0; c < elements; ++c) {
            weight_of(sums, c) += weight;
            valid_of(sums, c) += valid;
        }
        if (targets_)
            for (std::size_t j = 0; j < n; ++j)
                if (labels[j] >= T(0))
                    target_of(sums, static_cast<std::size_t>(labels[j])) +=
                        m ? static_cast<double>(m[j]) : 1.0;
        return {};
    }

    /// Where a pixel may count in some classes only, because a selection has left out others.
    finding read_labels_by_class(rows& r, const T* labels, std::size_t b, std::size_t i, std::size_t n,
                                 double* sums) const {
        for (std::size_t c = 0; c < g_.classes; ++c) {
            const T* m = y_.weights(b, c, i, n, labels, r.m.data(), r.spare.data());
            const double valid = static_cast<double>(count_nonzero(m, n));
            sums[fields * g_.classes] += valid;
            valid_of(sums, c) += valid;
            weight_of(sums, c) += sum_of(m, n);
            if (targets_)
                for (std::size_t j = 0; j < n; ++j)
                    if (labels[j] == static_cast<T>(c))
                        target_of(sums, c) += static_cast<double>(m[j]);
        }
        return {};
    }

    finding read_soft(rows& r, std::size_t b, std::size_t i, std::size_t n, double* sums) const {
        const bool per_pixel = y_.md() == mode::multiclass;
        std::fill_n(r.sum.begin(), n, T(0));
        std::fill_n(r.any.begin(), n, T(0));
        for (std::size_t c = 0; c < g_.classes; ++c) {
            const T* y = y_.soft(b, c, i, n, r.y.data());
            const T* m = nullptr;
            if (y_.masked()) {
                m = y_.weights(b, c, i, n, y, r.m.data(), r.spare.data());
                if (!are_weights(m, n))
                    return {fault::weight, b, c, i + first_bad_weight(m, n)};
            }
            if (options_.check_targets) {
                const auto bad = [=](std::size_t j) {
                    return (!m || m[j] != T(0)) && !(y[j] >= T(0) && y[j] <= T(1));
                };
                for (std::size_t j = 0; j < n; ++j)
                    if (bad(j))
                        return {fault::soft, b, c, i + j};
                for (std::size_t j = 0; j < n; ++j)
                    r.sum[j] += m && m[j] == T(0) ? T(0) : y[j];
            }
            if (!per_pixel || c == 0 || y_.masked_per_class()) { // else the same in every class
                const double valid = m ? static_cast<double>(count_nonzero(m, n)) : static_cast<double>(n);
                weight_of(sums, c) += m ? sum_of(m, n) : static_cast<double>(n);
                valid_of(sums, c) += valid;
                if (!per_pixel)
                    sums[fields * g_.classes] += valid;
            }
            if (per_pixel) {
                for (std::size_t j = 0; j < n; ++j)
                    r.any[j] = m && m[j] == T(0) ? r.any[j] : T(1);
            }
            if (targets_ || y_.masked_per_class())
                target_of(sums, c) += m ? weighted_sum(m, y, n) : sum_of(y, n);
        }
        if (per_pixel)
            sums[fields * g_.classes] += static_cast<double>(count_nonzero(r.any.data(), n));
        if (per_pixel && options_.check_targets && !y_.masked_per_class())
            for (std::size_t j = 0; j < n; ++j)
                if (r.any[j] != T(0) && !(std::abs(r.sum[j] - T(1)) <= T(1e-4)))
                    return {fault::sum, b, 0, i + j};
        return {};
    }

    template <class Condition>
    XLOSS_COLD static std::size_t first_where(const T* row, std::size_t n, Condition condition) {
        return static_cast<std::size_t>(std::find_if(row, row + n, condition) - row);
    }

    static std::size_t first_bad_weight(const T* m, std::size_t n) {
        return first_where(m, n, [](T v) { return !(v >= T(0) && v <= std::numeric_limits<T>::max()); });
    }

    [[nodiscard]] XLOSS_COLD std::string ignored_in_words() const {
        if (!options_.ignore_index)
            return " and no ignore_index is given";
        return tensor::text_of({" and not the ignored ", *options_.ignore_index});
    }

    [[noreturn]] XLOSS_COLD void report(const finding& f) const {
        switch (f.kind) {
        case fault::label:
            tensor::raise<label_error>({y_.loss(), ": ", y_.label_at(f.sample, f.pixel), " is outside [0, ",
                                        g_.classes, ")", ignored_in_words()});
        case fault::weight:
            tensor::raise<target_error>({y_.loss(), ": the weight at ", y_.index_of(f.sample, f.cls, f.pixel),
                                         " is not a finite number >= 0"});
        case fault::sum:
            tensor::raise<target_error>({y_.loss(), ": the classes of the target at ",
                                         y_.index_of(f.sample, f.cls, f.pixel), " do not sum to 1"});
        default:
            tensor::raise<target_error>(
                {y_.loss(), ": the target at ", y_.index_of(f.sample, f.cls, f.pixel), " is outside [0, 1]"});
        }
    }

    const target<T>& y_;
    const geometry& g_;
    const mode_options& options_;
    const executor_ref& executor_;
    workspace& memory_;
    double* totals_ = nullptr;
    bool targets_ = false;
};

} // namespace engine
} // namespace xloss

#endif
