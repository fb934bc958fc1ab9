#ifndef XLOSS_ENGINE_OPTIONS_HPP
#define XLOSS_ENGINE_OPTIONS_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>

#include <xloss/engine/executor.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

namespace xloss {

/// How logits become probabilities, and how targets are read.
enum class mode {
    binary,     ///< [B, ...]: one sigmoid per pixel; targets of the same shape
    multilabel, ///< [B, C, ...]: one sigmoid per pixel and class; targets of the same shape
    multiclass, ///< [B, C, ...]: softmax over axis 1; label map [B, ...], one-hot or soft targets [B, C, ...]
    one_vs_rest, ///< [B, C, ...]: one sigmoid per pixel and class; label map [B, ...]
    multimask    ///< [B, N, ...]: one sigmoid per pixel, every mask a sample; targets of the same shape, or
                 ///< [B, ...] where those of N masks are one
};

/// What stands between logits and probabilities.
enum class activation {
    natural, ///< sigmoid or softmax, as the mode has it
    sigmoid,
    softmax,
    none ///< the inputs are probabilities
};

/// How the losses of pixels or regions become one number; none of the two is `unreduced`.
enum class reduction {
    mean, ///< over `denominator`, or over the regions
    sum   ///< no division
};

/// What the mean over pixels divides by.
enum class denominator {
    weights, ///< the sum of pixel weight times class weight over the valid elements
    valid,   ///< the number of valid elements (not ignored, weight > 0)
    all      ///< the number of all elements, ignored ones too
};

/// The options of `binary`, `multilabel`, `multiclass` and `one_vs_rest`: what belongs to the data, not to a
/// loss.
struct mode_options {
    xloss::activation activation = xloss::activation::natural; ///< none: the inputs are probabilities
    std::optional<std::int64_t> ignore_index{};          ///< targets of this value are absent from everything
    xloss::reduction reduction = xloss::reduction::mean; ///< mean or sum
    xloss::denominator denominator = xloss::denominator::weights; ///< of means over pixels
    bool check_finite = false;  ///< a NaN or infinite logit is an error that names its index (one more pass)
    bool check_targets = false; ///< so are soft targets and probabilities outside [0, 1], and distributions
                                ///< that do not sum to 1
};

/// The gradient that arrives from above: a number, or a tensor of the shape that `unreduced` gives.
class upstream {
public:
    /// A number that multiplies the gradient.
    constexpr upstream(double factor = 1.0) : factor_(factor) {}

    /// Refers to `tensor`, which must outlive the call.
    template <class E>
    requires(!std::is_arithmetic_v<E> && !std::is_same_v<E, upstream>) upstream(const E& tensor)
        : tensor_(tensor::source<double>(tensor)) {}

    /// The number; 1 where there is a tensor.
    [[nodiscard]] double factor() const { return factor_; }
    /// The tensor, if one was given.
    [[nodiscard]] const std::optional<tensor::source<double>>& tensor() const { return tensor_; }

private:
    double factor_ = 1.0;
    std::optional<tensor::source<double>> tensor_{};
};

/// The options of one evaluation.
struct call_options {
    xloss::upstream upstream =
        1.0;                 ///< multiplies the gradient; a tensor: value sum u l, gradient its derivative
    bool accumulate = false; ///< add to the gradient buffer instead of overwriting it
    xloss::workspace* workspace = nullptr; ///< kept by the caller: no allocation after one call of a shape
    executor_ref executor{};               ///< runs the pieces of work; none: one after the other
};

} // namespace xloss

#endif
