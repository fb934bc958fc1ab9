#ifndef XLOSS_BENCHMARKS_PROBLEM_HPP
#define XLOSS_BENCHMARKS_PROBLEM_HPP

// What every contender is given and what it must offer. Plain types only: the peers are built in translation
// units of their own, with the flags their libraries ask for, and nothing of those flags may pass this line.

#include <cstddef>
#include <cstdint>

namespace bench {

/// How the target is stored.
enum class target_kind { float32, uint8, int64 };

/// The losses that the peers know, each with the parameters of the row that names it.
enum class formula {
    bce,
    focal_2,
    focal_1_5,
    dice,
    iou,
    tversky,
    bce_dice,
    focal_20_dice,
    cross_entropy,
    cross_entropy_ignoring,
    cross_entropy_weighted,
    cross_entropy_smoothed,
    cross_entropy_top_k,
    softmax_focal_2,
    softmax_dice,
    generalized_dice,
    cross_entropy_dice,
    cross_entropy_generalized_dice,
    lovasz_hinge,
    lovasz_sigmoid,
    lovasz_softmax,
    lovasz_softmax_per_image,
    cross_entropy_lovasz,
    boundary,
    sobel_boundary,
    cl_dice,
    sam,
    sam2
};

/// The parameters of the multiclass rows. The class that is ignored is one that occurs.
constexpr std::int64_t ignored_class = 1;
constexpr double tversky_alpha = 0.3, tversky_beta = 0.7;
constexpr double smoothing = 0.1;
constexpr double kept_fraction = 0.1;
constexpr double lovasz_weight = 0.3; // beside cross entropy
constexpr int skeleton_iterations = 3;
constexpr double predicted_iou = 0.5; // of every mask
constexpr double class_weight(std::int64_t c, std::int64_t classes) {
    return 0.5 + static_cast<double>(c) / static_cast<double>(classes);
}

/// One call of a loss: logits [B, C, H, W]; target [B, 1, H, W] of zeros and ones where C is 1, else a label
/// map [B, H, W]. The memory belongs to the row and outlives its contenders.
struct problem {
    std::int64_t batch, classes, height, width;
    const float* logits;
    const void* target;
    target_kind kind;
    /// Scores wait as [B, H, W, C], and so shall the gradient, where a contender can: torch.
    bool channels_last = false;
    /// Of volumes, whose slices lie below each other.
    std::int64_t depth = 1;
    /// For losses of a map of signed distances that is kept: the map, shaped like the logits.
    bool has_map = false;
    const float* distance = nullptr;

    [[nodiscard]] std::int64_t pixels() const { return batch * height * width; }
    [[nodiscard]] std::int64_t elements() const { return pixels() * classes; }
};

/// One way to compute a loss. What is timed is a step: value and gradient, from logits and target as stored.
class contender {
public:
    contender() = default;
    contender(const contender&) = delete;
    contender& operator=(const contender&) = delete;
    virtual ~contender() = default;

    /// Computes value and gradient; returns the value.
    virtual double step() = 0;
    /// Computes with that many threads from now on; false where it cannot.
    virtual bool use_threads(std::size_t n) { return n == 1; }
    /// The gradient of the last step, [B, C, H, W] without gaps.
    [[nodiscard]] virtual const float* gradient() const = 0;
};

} // namespace bench

#endif
