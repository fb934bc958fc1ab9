#ifndef XLOSS_LOSSES_LOVASZ_HPP
#define XLOSS_LOSSES_LOVASZ_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>

#include <cstddef>
#include <vector>

namespace xloss {

/// Lovász hinge loss: the Lovász extension of the Jaccard loss (1 - IoU) at the hinge errors e = 1 - x (2 y -
/// 1) of a region. In falling order of e, sum relu(e_i) (J_i - J_(i-1)) with J_i = 1 - (G - sum_(k<=i)
/// y_k)/(G + sum_(k<=i) (1 - y_k)), G = sum y; then the mean over regions. Where all wrong pixels have the
/// same error e and all others none, it is e (1 - IoU).
///
/// **Shapes and modes.** binary, multilabel, one_vs_rest, on logits. A region is a sample (and a class of it,
/// where logits have a class axis); with `region::batch` all samples together. For probabilities take
/// `lovasz_sigmoid`, in multiclass `lovasz_softmax`.
///
/// **Weights.** A pixel of weight w counts as w equal pixels: y and 1 - y enter the sums of J times w, and a
/// pixel's gradient is that of its w copies together. Ignored pixels are absent.
///
/// **Gradient.** relu'(e_i) (J_i - J_(i-1)) by e_i. Equal errors share the mean of their gradients, so that
/// the order in which a sort leaves them does not show; an error of 0 has none.
///
/// **Empty.** Of a region without a true pixel `empty` decides; by the formula it is relu of the largest
/// error, which alone has a gradient. All pixels ignored: 0, with gradient 0.
///
/// **Memory.** What the workspace keeps beside the usual: 16 bytes for every pixel of the largest region (in
/// double 32), and with soft targets or weights other than 0 and 1 another 12 (24); one number per element
/// where the gradient is added to, as by a later loss of a sum, or is not contiguous.
///
/// **Source.** Berman et al. 2018, arXiv 1705.08790; Yu and Blaschko 2015, arXiv 1512.07797.
///
/// **Elsewhere.** Berman's `per_image=True` is `region::sample`, `per_image=False` `region::batch`.
///
/// @throws parameter_error for given probabilities, class weights that are negative, all zero or of the wrong
/// length, a class that is not there.
struct lovasz_hinge {
    static constexpr const char* name = "lovasz_hinge";
    static constexpr unsigned modes = modes::elementwise;
    static constexpr bool slopes_by_logit = true; ///< the errors are those of logits

    region over = region::sample;              ///< what shares one score
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{};        ///< the classes that count; none listed: all
    bool include_background = true;            ///< false: not class 0
    per_class class_weights{};                 ///< of the mean over the classes of a sample

    /// The error of a pixel, and its slope by the logit.
    template <class V>
    point<V> error(const pixel<V>& s) const {
        const V sign = 2.0 * s.y - 1.0;
        // A soft target of 1/2 has no margin, for an infinite logit either.
        return {1.0 - select(sign != V(0.0), s.x * sign), -sign};
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

namespace engine {

/// |p - y|, from the smaller of p and 1 - p, and its slope by p.
template <class V>
point<V> absolute_error(const pixel<V>& s) {
    const V d = difference(s.p, s.q, s.y);
    return {abs(d), select(d > V(0.0), V(1.0), select(d < V(0.0), V(-1.0)))};
}

} // namespace engine

/// Lovász loss of sigmoid probabilities: as `lovasz_hinge`, at the errors e = |y - p|.
///
/// **Shapes and modes.** binary, multilabel, one_vs_rest; `activation::none` takes probabilities. All samples
/// together are a region by default.
///
/// **Weights, memory.** As `lovasz_hinge`.
///
/// **Gradient.** J_i - J_(i-1) by e_i, shared by equal errors; 0 at p = y.
///
/// **Empty.** A region without a true pixel does not count, by default; by the formula it is its largest
/// error.
///
/// **Source.** Berman et al. 2018, arXiv 1705.08790.
///
/// **Elsewhere.** Berman's lovasz_softmax on one channel of probabilities. His `classes='present'` is
/// `empty_region::skip`, `'all'` is `smooth`.
///
/// @throws parameter_error for class weights that are negative, all zero or of the wrong length, a class that
/// is not there.
struct lovasz_sigmoid {
    static constexpr const char* name = "lovasz_sigmoid";
    static constexpr unsigned modes = modes::elementwise;
    static constexpr bool slopes_by_logit = false; ///< the errors are those of probabilities

    region over = region::batch;             ///< what shares one score
    empty_region empty = empty_region::skip; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{};      ///< the classes that count; none listed: all
    bool include_background = true;          ///< false: not class 0
    per_class class_weights{};               ///< of the mean over the classes of a sample

    /// The error of a pixel, and its slope by p.
    template <class V>
    point<V> error(const pixel<V>& s) const {
        return engine::absolute_error(s);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

/// Lovász-softmax loss: as `lovasz_sigmoid`, at the errors |[y = c] - p_c| of every class, p the softmax.
///
/// **Shapes and modes.** multiclass, on logits, or on probabilities with `activation::none`; a label map,
/// one-hot or soft targets. All samples together are a region by default.
///
/// **Weights, gradient, empty.** As `lovasz_sigmoid`: classes that no pixel has do not count, by default.
///
/// **Memory.** As `lovasz_hinge`, and one number of the logits' type per element; a second one where the
/// gradient is added to, or is not contiguous.
///
/// **Source.** Berman et al. 2018, arXiv 1705.08790.
///
/// **Elsewhere.** Berman's takes probabilities; `per_image=True` is `region::sample`, `classes='all'` is
/// `empty_region::smooth`. Its gradient at equal errors depends on the sort.
///
/// @throws parameter_error for class weights that are negative, all zero or of the wrong length, a class that
/// is not there.
struct lovasz_softmax {
    static constexpr const char* name = "lovasz_softmax";
    static constexpr unsigned modes = modes::channelwise;
    static constexpr bool slopes_by_logit = false; ///< the errors are those of probabilities

    region over = region::batch;             ///< what shares one score
    empty_region empty = empty_region::skip; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{};      ///< the classes that count, after the softmax; none listed: all
    bool include_background = true;          ///< false: not class 0
    per_class class_weights{};               ///< of the mean over the classes of a sample

    /// The error of a pixel of a class, and its slope by p.
    template <class V>
    point<V> error(const pixel<V>& s) const {
        return engine::absolute_error(s);
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
