#ifndef XLOSS_EXAMPLES_BRAIN_MODEL_HPP
#define XLOSS_EXAMPLES_BRAIN_MODEL_HPP

// A perceptron that looks at one pixel: its features, two hidden layers, one logit or one of every class.
// Forward and backward are written out by hand: the library gives the gradient with respect to the logits,
// and everything from there on is here.

#include "features.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace example {

/// One layer, y = W x + b, for pixels that lie one after the other. Weights are [In, Out] and the sizes are
/// known at compile time, so that every inner loop below runs over neighbouring floats and vectorises.
template <std::size_t In, std::size_t Out>
struct dense {
    static constexpr std::size_t size = In * Out + Out; ///< weights, then biases

    static void forward(const float* parameters, const float* x, float* y, std::size_t pixels) {
        const float* bias = parameters + In * Out;
        for (std::size_t n = 0; n < pixels; ++n, x += In, y += Out) {
            std::array<float, Out> sum;
            for (std::size_t o = 0; o < Out; ++o)
                sum[o] = bias[o];
            for (std::size_t i = 0; i < In; ++i)
                for (std::size_t o = 0; o < Out; ++o)
                    sum[o] += x[i] * parameters[i * Out + o];
            for (std::size_t o = 0; o < Out; ++o)
                y[o] = sum[o];
        }
    }

    /// Adds dL/dW and dL/db to `gradient`, given dL/dy.
    static void backward_parameters(float* gradient, const float* x, const float* dy, std::size_t pixels) {
        std::array<float, size> sum{};
        for (std::size_t n = 0; n < pixels; ++n, x += In, dy += Out) {
            for (std::size_t i = 0; i < In; ++i)
                for (std::size_t o = 0; o < Out; ++o)
                    sum[i * Out + o] += x[i] * dy[o];
            for (std::size_t o = 0; o < Out; ++o)
                sum[In * Out + o] += dy[o];
        }
        for (std::size_t k = 0; k < size; ++k)
            gradient[k] += sum[k];
    }

    /// Writes dL/dx, given dL/dy.
    static void backward_input(const float* parameters, const float* dy, float* dx, std::size_t pixels) {
        std::array<float, In * Out> transposed; // [Out, In]: again neighbouring floats in the inner loop
        for (std::size_t i = 0; i < In; ++i)
            for (std::size_t o = 0; o < Out; ++o)
                transposed[o * In + i] = parameters[i * Out + o];
        for (std::size_t n = 0; n < pixels; ++n, dy += Out, dx += In) {
            std::array<float, In> sum{};
            for (std::size_t o = 0; o < Out; ++o)
                for (std::size_t i = 0; i < In; ++i)
                    sum[i] += dy[o] * transposed[o * In + i];
            for (std::size_t i = 0; i < In; ++i)
                dx[i] = sum[i];
        }
    }

    /// Weights of variance gain / In. Gain 2 keeps the size of activations where half of them are rectified
    /// to 0 (He et al., 2015).
    static void initialise(float* parameters, float gain, std::mt19937& random) {
        std::normal_distribution<float> normal(0.0f, std::sqrt(gain / static_cast<float>(In)));
        for (std::size_t k = 0; k < In * Out; ++k)
            parameters[k] = normal(random);
        for (std::size_t o = 0; o < Out; ++o)
            parameters[In * Out + o] = 0.0f;
    }
};

inline void rectify(std::span<float> x) {
    for (float& value : x)
        value = value > 0.0f ? value : 0.0f;
}

/// The slope of a rectified unit is 1 where it is on and 0 where it is off.
inline void rectify_backward(std::span<const float> x, std::span<float> dx) {
    for (std::size_t i = 0; i < x.size(); ++i)
        dx[i] = x[i] > 0.0f ? dx[i] : 0.0f;
}

template <std::size_t Hidden, std::size_t Outputs>
class perceptron {
    using first = dense<feature_count, Hidden>;
    using second = dense<Hidden, Hidden>;
    using third = dense<Hidden, Outputs>;

public:
    static constexpr std::size_t outputs = Outputs;

    /// What the backward pass of a slice needs of its forward pass.
    struct activations {
        std::vector<float> hidden1, hidden2;
    };

    std::vector<float> parameters, gradient;

    explicit perceptron(unsigned seed)
        : parameters(first::size + second::size + third::size, 0.0f), gradient(parameters.size(), 0.0f) {
        std::mt19937 random(seed);
        first::initialise(parameters.data(), 2.0f, random);
        second::initialise(parameters.data() + first::size, 2.0f, random);
        // Small, so that training starts near equal probabilities; not 0: equal weights would move as one.
        third::initialise(parameters.data() + first::size + second::size, 0.1f, random);
    }

    /// Logits of the pixels of one slice; those of a pixel lie side by side.
    void forward(std::span<const float> features, activations& kept, std::span<float> logits) const {
        const std::size_t pixels = logits.size() / Outputs;
        kept.hidden1.resize(pixels * Hidden);
        kept.hidden2.resize(pixels * Hidden);
        const float* weights = parameters.data();
        first::forward(weights, features.data(), kept.hidden1.data(), pixels);
        rectify(kept.hidden1);
        second::forward(weights + first::size, kept.hidden1.data(), kept.hidden2.data(), pixels);
        rectify(kept.hidden2);
        third::forward(weights + first::size + second::size, kept.hidden2.data(), logits.data(), pixels);
    }

    /// Adds the slice's share of dL/dparameters to `gradient`, given dL/dlogits.
    void backward(std::span<const float> features, const activations& kept, std::span<const float> dlogits) {
        const std::size_t pixels = dlogits.size() / Outputs;
        dhidden1.resize(pixels * Hidden);
        dhidden2.resize(pixels * Hidden);
        const float* weights = parameters.data();
        float* sum = gradient.data();
        third::backward_parameters(sum + first::size + second::size, kept.hidden2.data(), dlogits.data(),
                                   pixels);
        third::backward_input(weights + first::size + second::size, dlogits.data(), dhidden2.data(), pixels);
        rectify_backward(kept.hidden2, dhidden2);
        second::backward_parameters(sum + first::size, kept.hidden1.data(), dhidden2.data(), pixels);
        second::backward_input(weights + first::size, dhidden2.data(), dhidden1.data(), pixels);
        rectify_backward(kept.hidden1, dhidden1);
        first::backward_parameters(sum, features.data(), dhidden1.data(), pixels);
    }

private:
    std::vector<float> dhidden1, dhidden2;
};

} // namespace example

#endif
