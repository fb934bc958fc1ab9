#ifndef XLOSS_EXAMPLES_BRAIN_ADAM_HPP
#define XLOSS_EXAMPLES_BRAIN_ADAM_HPP

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace example {

/// Adam (Kingma and Ba, 2015, arXiv:1412.6980, algorithm 1). It divides each step by the gradient's own size,
/// so losses of very different scale (focal's is a hundredth of BCE's) can share one learning rate.
class adam {
public:
    explicit adam(std::size_t parameters) : mean(parameters, 0.0f), square(parameters, 0.0f) {}

    /// One step; leaves the gradient at 0, ready for the next batch to be added.
    void step(std::span<float> parameters, std::span<float> gradient, float rate) {
        constexpr float beta1 = 0.9f, beta2 = 0.999f;
        decay1 *= beta1;
        decay2 *= beta2;
        for (std::size_t k = 0; k < parameters.size(); ++k) {
            mean[k] = beta1 * mean[k] + (1.0f - beta1) * gradient[k];
            square[k] = beta2 * square[k] + (1.0f - beta2) * gradient[k] * gradient[k];
            const float size = std::sqrt(square[k] / (1.0f - decay2)) + 1e-8f;
            parameters[k] -= rate * mean[k] / (1.0f - decay1) / size;
            gradient[k] = 0.0f;
        }
    }

private:
    float decay1 = 1.0f,
          decay2 = 1.0f; // beta1^t and beta2^t: both averages start at 0 and are corrected for it
    std::vector<float> mean, square;
};

} // namespace example

#endif
