#ifndef XLOSS_LOSSES_CROSS_ENTROPY_HPP
#define XLOSS_LOSSES_CROSS_ENTROPY_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/survey.hpp>

namespace xloss {

/// Softmax cross entropy: -sum_c w_c ((1 - e) y_c + e/C) log p_c, mean over pixels; torch's definition.
///
/// **Shapes and modes.** multiclass: logits `[B, C, ...]`; y is a label map `[B, ...]` of any integer type,
/// or one-hot or soft `[B, C, ...]`. For one sigmoid per pixel: `bce`.
///
/// **Parameters.** `label_smoothing` e in [0, 1]; `class_weights` w >= 0, not all zero, one for all or one
/// for each class. They enter the mean's denominator, and the smoothed part too.
///
/// **Gradient.** No kinks; by the logits p_c sum_k t_k - t_c with t the weighted, smoothed target.
///
/// **Empty.** A class without a pixel is nothing special. All pixels ignored: 0, with gradient 0 (torch:
/// NaN).
///
/// **Source.** torch; smoothing is Szegedy et al. 2016, arXiv 1512.00567.
///
/// **Elsewhere.** The mean divides by the weights w_y of the valid pixels, as torch does for labels. torch's
/// mean for soft targets with class weights is `denominator::valid`. mmsegmentation without `avg_non_ignore`,
/// and SMP's soft cross entropy with an ignore index, divide by all pixels: `denominator::all`.
/// @throws parameter_error for class weights that are negative, all zero or of the wrong length, a
/// label_smoothing outside [0, 1]; label_error for a label that is neither a class nor ignored.
struct cross_entropy {
    static constexpr const char* name = "cross_entropy";
    static constexpr unsigned modes = modes::channelwise;

    double label_smoothing = 0.0; ///< e
    per_class class_weights{};    ///< w

    struct term {
        static constexpr bool slopes_by_p = true;
        engine::per_class_view class_weights{};
        double label_smoothing = 0.0;

        template <class V>
        point<V> at_class(const pixel<V>& s) const {
            const V y = s.y * (1.0 - label_smoothing) + label_smoothing / static_cast<double>(s.classes);
            return {-times_log(y, s.log_p), -y};
        }

        /// Smoothed targets are above 0 in every class.
        [[nodiscard]] bool every_class() const { return label_smoothing > 0.0; }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "label_smoothing", label_smoothing, 0.0, 1.0);
        return run(term{class_weights, label_smoothing});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
