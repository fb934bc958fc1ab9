#ifndef XLOSS_EXAMPLES_PROMPTABLE_MODEL_HPP
#define XLOSS_EXAMPLES_PROMPTABLE_MODEL_HPP

// A promptable model in miniature: a patch and a click in, candidate masks and their predicted IoU out. Every
// pixel goes through the same two layers, which know the click. As in SAM, what reads a mask off their hidden
// units is itself made from the prompt: a small network turns the click into the weights of the mask layer.
// The predicted IoU is read off the hidden units within each mask. Forward and backward are written out by
// hand: the library gives the gradient with respect to mask logits and predicted IoU, and everything from
// there on is here.

#include "../brain/model.hpp"
#include "prompts.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <span>
#include <vector>

namespace example {

inline float sigmoid(float x) {
    return 1.0f / (1.0f + std::exp(-x));
}

template <std::size_t Candidates>
class prompt_model {
    static constexpr std::size_t hidden = 32, token_hidden = 32, iou_hidden = 32;

    /// Of each candidate: the hidden units' mean within the mask, how large the mask is and how sure of
    /// itself.
    static constexpr std::size_t summary = hidden + 2;
    /// What the IoU is predicted from: these, and what the click alone tells.
    static constexpr std::size_t judged = Candidates * summary + token_hidden;

    using pixel_layer = dense<pixel_inputs, hidden>;
    using click_layer = dense<feature_count, hidden>;
    using second_layer = dense<hidden, hidden>;
    using mask_layer = dense<hidden, Candidates>; // its parameters are the outputs of the next two
    using token_layer = dense<feature_count, token_hidden>;
    using token_output = dense<token_hidden, mask_layer::size>;
    using iou_layer = dense<judged, iou_hidden>;
    using iou_output = dense<iou_hidden, Candidates>;

    // Where the parameters of each layer begin.
    static constexpr std::size_t click_at = pixel_layer::size;
    static constexpr std::size_t second_at = click_at + click_layer::size;
    static constexpr std::size_t token_at = second_at + second_layer::size;
    static constexpr std::size_t weights_at = token_at + token_layer::size;
    static constexpr std::size_t iou_at = weights_at + token_output::size;
    static constexpr std::size_t output_at = iou_at + iou_layer::size;
    static constexpr std::size_t parameter_count = output_at + iou_output::size;

public:
    static constexpr std::size_t candidates = Candidates;

    /// What the backward pass of a prompt needs of its forward pass.
    struct activations {
        std::vector<float> hidden1 = std::vector<float>(patch_pixels * hidden);
        std::vector<float> hidden2 = hidden1;
        std::array<float, token_hidden> token{};
        std::array<float, mask_layer::size> mask_weights{};
        std::vector<float> probability = std::vector<float>(Candidates * patch_pixels);
        std::array<float, Candidates> mass{};  // the sum of each candidate's probabilities
        std::array<float, judged> summaries{}; // and the token
        std::array<float, iou_hidden> iou_units{};
        std::array<float, Candidates> iou{};
    };

    std::vector<float> parameters = std::vector<float>(parameter_count), gradient = parameters;

    explicit prompt_model(unsigned seed) {
        std::mt19937 random(seed);
        // Both of these feed the first layer: half of its variance each.
        pixel_layer::initialise(parameters.data(), 1.0f, random);
        click_layer::initialise(&parameters[click_at], 1.0f, random);
        second_layer::initialise(&parameters[second_at], 2.0f, random);
        token_layer::initialise(&parameters[token_at], 2.0f, random);
        token_output::initialise(&parameters[weights_at], 0.1f, random);
        iou_layer::initialise(&parameters[iou_at], 2.0f, random);
        iou_output::initialise(&parameters[output_at], 0.1f, random);
    }

    /// Mask logits [candidate, row, column] and predicted IoU [candidate] of one prompt.
    void forward(const prompt_input& input, activations& kept, float* masks, float* iou) const {
        std::array<float, hidden> click;
        click_layer::forward(&parameters[click_at], input.click.data(), click.data(), 1);
        pixel_layer::forward(parameters.data(), input.pixels.data(), kept.hidden1.data(), patch_pixels);
        for (std::size_t n = 0; n < patch_pixels; ++n)
            for (std::size_t k = 0; k < hidden; ++k)
                kept.hidden1[n * hidden + k] += click[k];
        rectify(kept.hidden1);
        second_layer::forward(&parameters[second_at], kept.hidden1.data(), kept.hidden2.data(), patch_pixels);
        rectify(kept.hidden2);

        token_layer::forward(&parameters[token_at], input.click.data(), kept.token.data(), 1);
        rectify(kept.token);
        token_output::forward(&parameters[weights_at], kept.token.data(), kept.mask_weights.data(), 1);
        std::array<float, Candidates> logits;
        for (std::size_t n = 0; n < patch_pixels; ++n) {
            mask_layer::forward(kept.mask_weights.data(), &kept.hidden2[n * hidden], logits.data(), 1);
            for (std::size_t m = 0; m < Candidates; ++m)
                masks[m * patch_pixels + n] = logits[m];
        }
        for (std::size_t m = 0; m < Candidates; ++m)
            summarise(kept, m, masks + m * patch_pixels);
        std::copy(kept.token.begin(), kept.token.end(), &kept.summaries[Candidates * summary]);
        iou_layer::forward(&parameters[iou_at], kept.summaries.data(), kept.iou_units.data(), 1);
        rectify(kept.iou_units);
        iou_output::forward(&parameters[output_at], kept.iou_units.data(), kept.iou.data(), 1);
        for (float& value : kept.iou)
            value = sigmoid(value);
        std::copy(kept.iou.begin(), kept.iou.end(), iou);
    }

    /// Adds the prompt's share of dL/dparameters to `gradient`, given dL/dmasks and dL/diou. What the
    /// predicted IoU depends on reaches the hidden units, but not the masks that they are averaged in: a mask
    /// shall not be changed to be easier to judge.
    void backward(const prompt_input& input, const activations& kept, const float* dmasks,
                  const float* diou) {
        backward_iou(kept, diou);
        std::array<float, Candidates> dlogits;
        for (std::size_t n = 0; n < patch_pixels; ++n) {
            for (std::size_t m = 0; m < Candidates; ++m)
                dpixels[n * Candidates + m] = dlogits[m] = dmasks[m * patch_pixels + n];
            mask_layer::backward_input(kept.mask_weights.data(), dlogits.data(), &dhidden2[n * hidden], 1);
            add_summary_slopes(kept, n);
        }
        backward_token(input, kept);
        rectify_backward(kept.hidden2, dhidden2);
        second_layer::backward_parameters(&gradient[second_at], kept.hidden1.data(), dhidden2.data(),
                                          patch_pixels);
        second_layer::backward_input(&parameters[second_at], dhidden2.data(), dhidden1.data(), patch_pixels);
        rectify_backward(kept.hidden1, dhidden1);
        pixel_layer::backward_parameters(gradient.data(), input.pixels.data(), dhidden1.data(), patch_pixels);

        std::array<float, hidden> dclick{};
        for (std::size_t n = 0; n < patch_pixels; ++n)
            for (std::size_t k = 0; k < hidden; ++k)
                dclick[k] += dhidden1[n * hidden + k];
        click_layer::backward_parameters(&gradient[click_at], input.click.data(), dclick.data(), 1);
    }

private:
    static void summarise(activations& kept, std::size_t m, const float* logits) {
        float* p = &kept.probability[m * patch_pixels];
        float* out = &kept.summaries[m * summary];
        std::fill_n(out, summary, 0.0f);
        float mass = 1e-6f, unsure = 0.0f;
        for (std::size_t n = 0; n < patch_pixels; ++n) {
            p[n] = sigmoid(logits[n]);
            mass += p[n];
            unsure += p[n] * (1.0f - p[n]);
            for (std::size_t k = 0; k < hidden; ++k)
                out[k] += p[n] * kept.hidden2[n * hidden + k];
        }
        for (std::size_t k = 0; k < hidden; ++k)
            out[k] /= mass;
        out[hidden] = mass / patch_pixels;
        out[hidden + 1] = unsure / mass;
        kept.mass[m] = mass;
    }

    /// From the predicted IoU back to the summaries.
    void backward_iou(const activations& kept, const float* diou) {
        std::array<float, Candidates> doutput;
        std::array<float, iou_hidden> dunits;
        for (std::size_t m = 0; m < Candidates; ++m)
            doutput[m] = diou[m] * kept.iou[m] * (1.0f - kept.iou[m]);
        iou_output::backward_parameters(&gradient[output_at], kept.iou_units.data(), doutput.data(), 1);
        iou_output::backward_input(&parameters[output_at], doutput.data(), dunits.data(), 1);
        rectify_backward(kept.iou_units, dunits);
        iou_layer::backward_parameters(&gradient[iou_at], kept.summaries.data(), dunits.data(), 1);
        iou_layer::backward_input(&parameters[iou_at], dunits.data(), dsummaries.data(), 1);
    }

    /// From the mask logits back to the click.
    void backward_token(const prompt_input& input, const activations& kept) {
        std::array<float, mask_layer::size> dweights{};
        std::array<float, token_hidden> dtoken;
        mask_layer::backward_parameters(dweights.data(), kept.hidden2.data(), dpixels.data(), patch_pixels);
        token_output::backward_parameters(&gradient[weights_at], kept.token.data(), dweights.data(), 1);
        token_output::backward_input(&parameters[weights_at], dweights.data(), dtoken.data(), 1);
        for (std::size_t k = 0; k < token_hidden; ++k)
            dtoken[k] += dsummaries[Candidates * summary + k];
        rectify_backward(kept.token, dtoken);
        token_layer::backward_parameters(&gradient[token_at], input.click.data(), dtoken.data(), 1);
    }

    /// The hidden units of a pixel have a share in the mean of every mask.
    void add_summary_slopes(const activations& kept, std::size_t n) {
        for (std::size_t m = 0; m < Candidates; ++m) {
            const float share = kept.probability[m * patch_pixels + n] / kept.mass[m];
            for (std::size_t k = 0; k < hidden; ++k)
                dhidden2[n * hidden + k] += share * dsummaries[m * summary + k];
        }
    }

    std::vector<float> dhidden1 = std::vector<float>(patch_pixels * hidden), dhidden2 = dhidden1;
    std::vector<float> dpixels = std::vector<float>(patch_pixels * Candidates);
    std::array<float, judged> dsummaries{};
};

} // namespace example

#endif
