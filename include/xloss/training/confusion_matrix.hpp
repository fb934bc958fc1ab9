#ifndef XLOSS_TRAINING_CONFUSION_MATRIX_HPP
#define XLOSS_TRAINING_CONFUSION_MATRIX_HPP

#include <xloss/criterion/target.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/tally.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>
#include <xloss/tensor/xtensor.hpp>
#include <xloss/training/label_maps.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace xloss {

/// The classes that a mean of scores is over.
struct scored_classes {
    std::vector<std::size_t> classes{}; ///< none listed: all
    bool include_background = true;     ///< false: not class 0
};

/// How many pixels of which class were predicted as which, and the hard metrics that follow: what a model is
/// judged by, where a loss is what it learns from.
///
///     xloss::confusion_matrix seen(19, 255); // classes, the ignored label
///     for (auto& [scores, labels] : batches)
///         seen.add_scores(scores, labels);
///     std::cout << seen.mean_iou() << ' ' << seen.iou()[3] << '\n';
///
/// **Classes.** Two or more; for a mask two: 0 is background, 1 foreground, so that the IoU of the mask is
/// `iou()[1]`.
///
/// **What counts.** As in every loss: an ignored pixel, or one of weight 0, is absent, whatever was predicted
/// there; a pixel of weight w counts as w pixels (`masked`, `weighted`). Only the true labels can be ignored.
///
/// **Scores**, with n[t, p] pixels of class t predicted as p: tp_c = n[c, c], true_c = sum_p n[c, p],
/// pred_c = sum_t n[t, c].
/// - IoU tp/(true + pred - tp), Dice 2 tp/(true + pred), accuracy tp/true (the recall), precision tp/pred.
/// - A mean is over the classes that have the score: 0/0 (for IoU and Dice a class that neither is there nor
///   was predicted) is 1, and does not count in it. No class that counts: 0, as all means over nothing.
/// - One matrix is one score for all that was added: the IoU of a data set, not the mean over its images.
///   For that, make a matrix for each image, and mean.
///
/// **Elsewhere.** mmsegmentation: aAcc, mIoU, mAcc, mDice are `overall_accuracy`, `mean_iou`,
/// `mean_accuracy`, `mean_dice`. torchmetrics: `MulticlassJaccardIndex` is `mean_iou`. scikit-learn:
/// `confusion_matrix` has the same order, true by predicted; `accuracy_score` is `overall_accuracy`,
/// `balanced_accuracy_score` `mean_accuracy`. MONAI's metrics mean over images first.
class confusion_matrix {
public:
    /// Of `classes` classes, nothing counted. True labels of `ignore_index` are absent.
    /// @throws parameter_error for fewer than two classes.
    explicit confusion_matrix(std::size_t classes, std::optional<std::int64_t> ignore_index = {})
        : classes_(classes), ignore_(ignore_index) {
        if (classes < 2)
            tensor::raise<parameter_error>(
                {name(), ": ", classes, " classes; a mask has two, background and foreground"});
        numbers_.resize(classes * classes);
    }

    /// Adds pixels with their predicted and true labels: label maps `[B, ...]` of any integer types. The
    /// executor, here and below, runs pieces of them; the numbers do not depend on it.
    /// @throws shape_error; label_error for a label, predicted or true, that is no class; target_error for a
    /// weight that is negative or no number. Nothing is added then.
    template <class P, class Y>
    confusion_matrix& add(const P& predicted, const Y& labels, const executor_ref& executor = {}) {
        const tensor::shape shape = engine::target_shape(labels), given = tensor::shape_of(predicted);
        if (given != shape)
            tensor::raise<shape_error>(
                {name(), ": predicted labels ", given, " do not fit the label map ", shape});
        const auto y = engine::label_target<double>(
            labels, engine::logits_shape(shape, classes_, &confusion_matrix::name), ignore_,
            &confusion_matrix::name, executor);
        return count(y, engine::predicted_labels<double>(predicted, classes_), executor);
    }

    /// Adds pixels with their scores `[B, C, ...]` (logits, probabilities: the largest is the prediction, the
    /// first of equals) and true labels `[B, ...]`.
    /// @throws as `add`; finite_error for a score that is NaN where the pixel counts.
    template <class X, class Y>
    confusion_matrix& add_scores(const X& scores, const Y& labels, const executor_ref& executor = {}) {
        using T = typename number_of<X>::type;
        const tensor::source<T> x(scores);
        if (x.shape().rank < 2 || x.shape()[1] != classes_)
            tensor::raise<shape_error>({name(), ": scores ", x.shape(), " are not [B, ", classes_, ", ...]"});
        const auto y = engine::label_target<T>(labels, x.shape(), ignore_, &confusion_matrix::name, executor);
        return count(y, engine::largest_score<T>(x), executor);
    }

    /// Adds pixels with their logits `[B, ...]` and a mask of the same shape and any number type, 0 or 1. A
    /// logit above `threshold` predicts foreground: 0 is the probability 0.5. For probabilities give 0.5.
    /// @throws as `add`; finite_error for a logit that is NaN where the pixel counts, parameter_error unless
    /// there are two classes.
    template <class X, class Y>
    confusion_matrix& add_logits(const X& logits, const Y& mask, double threshold = 0.0,
                                 const executor_ref& executor = {}) {
        using T = typename number_of<X>::type;
        if (classes_ != 2)
            tensor::raise<parameter_error>(
                {name(), ": one logit per pixel is for 2 classes, and not for ", classes_, ": add_scores"});
        if (threshold != threshold)
            tensor::raise<parameter_error>({name(), ": the threshold is NaN"});
        const tensor::source<T> x(logits);
        engine::target<T> y(&confusion_matrix::name, x.shape(), mode::binary, ignore_);
        engine::attach(y, mask);
        engine::check_targets_alone(y, ignore_, executor);
        return count(y, engine::above_threshold<T>(x, threshold), executor);
    }

    /// Adds what another matrix has counted.
    /// @throws shape_error where the number of classes differs.
    confusion_matrix& merge(const confusion_matrix& other) {
        if (other.classes_ != classes_)
            tensor::raise<shape_error>(
                {name(), ": a matrix of ", other.classes_, " classes does not fit one of ", classes_});
        for (std::size_t i = 0; i < numbers_.size(); ++i)
            numbers_[i] += other.numbers_[i];
        return *this;
    }

    /// Of the matrix.
    [[nodiscard]] std::size_t classes() const { return classes_; }
    /// The true label that is absent.
    [[nodiscard]] std::optional<std::int64_t> ignore_index() const { return ignore_; }

    /// Pixels of class `truth` that were predicted as class `predicted`; whole numbers unless weighted.
    /// @throws parameter_error for a class that is not there.
    [[nodiscard]] double at(std::size_t truth, std::size_t predicted) const {
        require_class(truth);
        require_class(predicted);
        return pixels(truth, predicted);
    }
    /// All of them, row by row, a row for each true class. Sums: those of several processes add up
    /// elementwise to those of all, one all-reduce. Valid until something is added.
    [[nodiscard]] std::span<double> numbers() { return {numbers_.data(), numbers_.size()}; }
    /// All of them.
    [[nodiscard]] std::span<const double> numbers() const { return {numbers_.data(), numbers_.size()}; }

    /// Pixels that counted.
    [[nodiscard]] double total() const {
        double sum = 0.0;
        for (double n : numbers_)
            sum += n;
        return sum;
    }

    /// tp/(true + pred - tp) of every class.
    [[nodiscard]] std::vector<double> iou() const { return each(iou_of); }
    /// 2 tp/(true + pred) of every class.
    [[nodiscard]] std::vector<double> dice() const { return each(dice_of); }
    /// tp/true of every class: the share of its pixels that was found, its recall.
    [[nodiscard]] std::vector<double> accuracy() const { return each(accuracy_of); }
    /// tp/pred of every class: the share of its predictions that is right.
    [[nodiscard]] std::vector<double> precision() const { return each(precision_of); }

    /// Mean of `iou` over the classes that are there or were predicted.
    /// @throws parameter_error for a class that is not there.
    [[nodiscard]] double mean_iou(const scored_classes& which = {}) const { return mean(iou_of, which); }
    /// Mean of `dice` over the classes that are there or were predicted.
    /// @throws parameter_error for a class that is not there.
    [[nodiscard]] double mean_dice(const scored_classes& which = {}) const { return mean(dice_of, which); }
    /// Mean of `accuracy` over the classes that are there.
    /// @throws parameter_error for a class that is not there.
    [[nodiscard]] double mean_accuracy(const scored_classes& which = {}) const {
        return mean(accuracy_of, which);
    }
    /// Mean of `precision` over the classes that were predicted.
    /// @throws parameter_error for a class that is not there.
    [[nodiscard]] double mean_precision(const scored_classes& which = {}) const {
        return mean(precision_of, which);
    }

    /// The share of pixels that was predicted right; 0 where nothing counted.
    [[nodiscard]] double overall_accuracy() const {
        double right = 0.0;
        for (std::size_t c = 0; c < classes_; ++c)
            right += pixels(c, c);
        const double all = total();
        return all > 0.0 ? right / all : 0.0;
    }

private:
    struct quotient {
        double numerator, denominator;
    };
    using score = quotient (*)(double tp, double truth, double predicted);

    static quotient iou_of(double tp, double truth, double predicted) { return {tp, truth + predicted - tp}; }
    static quotient dice_of(double tp, double truth, double predicted) {
        return {2.0 * tp, truth + predicted};
    }
    static quotient accuracy_of(double tp, double truth, double) { return {tp, truth}; }
    static quotient precision_of(double tp, double, double predicted) { return {tp, predicted}; }

    template <class X>
    struct number_of {
        using type = std::remove_cvref_t<tensor::value_type_of<X>>;
        static_assert(std::is_same_v<type, float> || std::is_same_v<type, double>,
                      "xloss: scores and logits are float or double; predicted labels go to add");
    };

    static std::string name() { return engine::public_name("confusion_matrix"); }

    [[nodiscard]] double pixels(std::size_t truth, std::size_t predicted) const {
        return numbers_[truth * classes_ + predicted];
    }

    void require_class(std::size_t c) const {
        if (c >= classes_)
            tensor::raise<parameter_error>({name(), ": class ", c, " is outside [0, ", classes_, ")"});
    }

    /// On an error nothing is added.
    template <class T, class Prediction>
    confusion_matrix& count(const engine::target<T>& y, const Prediction& prediction,
                            const executor_ref& executor) {
        std::vector<double> sums = numbers_;
        engine::tally_pairs(y, prediction, classes_, sums.data(), executor);
        numbers_ = std::move(sums);
        return *this;
    }

    [[nodiscard]] quotient quotient_of(score how, std::size_t c) const {
        double truth = 0.0, predicted = 0.0;
        for (std::size_t k = 0; k < classes_; ++k) {
            truth += pixels(c, k);
            predicted += pixels(k, c);
        }
        return how(pixels(c, c), truth, predicted);
    }

    [[nodiscard]] std::vector<double> each(score how) const {
        std::vector<double> scores(classes_);
        for (std::size_t c = 0; c < classes_; ++c) {
            const quotient q = quotient_of(how, c);
            scores[c] = q.denominator > 0.0 ? q.numerator / q.denominator : 1.0;
        }
        return scores;
    }

    [[nodiscard]] double mean(score how, const scored_classes& which) const {
        for (std::size_t c : which.classes)
            require_class(c);
        double sum = 0.0, count = 0.0;
        for (std::size_t c = which.include_background ? 0 : 1; c < classes_; ++c) {
            if (!which.classes.empty() &&
                std::find(which.classes.begin(), which.classes.end(), c) == which.classes.end())
                continue;
            const quotient q = quotient_of(how, c);
            if (q.denominator > 0.0) {
                sum += q.numerator / q.denominator;
                count += 1.0;
            }
        }
        return count > 0.0 ? sum / count : 0.0;
    }

    std::size_t classes_;
    std::optional<std::int64_t> ignore_;
    std::vector<double> numbers_{};
};

} // namespace xloss

#endif
