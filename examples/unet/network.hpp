#ifndef XLOSS_EXAMPLES_UNET_NETWORK_HPP
#define XLOSS_EXAMPLES_UNET_NETWORK_HPP

#include <torch/torch.h>

#include <cstdint>

namespace example {

/// A U-Net (Ronneberger et al. 2015, arXiv:1505.04597) of three levels, small enough to train in seconds on a
/// processor: 8, 16 and 32 channels, group normalization, which does not depend on the other slices of a
/// batch. Images [B, 1, H, W] of any size to logits of the same shape.
class unet_impl : public torch::nn::Module {
public:
    torch::Tensor forward(const torch::Tensor& images) {
        const auto fine = down1->forward(images);
        const auto middle = down2->forward(torch::max_pool2d(fine, 2));
        const auto coarse = bottom->forward(torch::max_pool2d(middle, 2));
        const auto up = up2->forward(beside(coarse, middle));
        return head->forward(up1->forward(beside(up, fine)));
    }

private:
    /// Twice: convolution, normalization, ReLU.
    static torch::nn::Sequential block(std::int64_t in, std::int64_t out) {
        const auto convolution = [](std::int64_t from, std::int64_t to) {
            return torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, 3).padding(1).bias(false));
        };
        const auto norm = [&] { return torch::nn::GroupNorm(torch::nn::GroupNormOptions(4, out)); };
        return torch::nn::Sequential(convolution(in, out), norm(), torch::nn::ReLU(), convolution(out, out),
                                     norm(), torch::nn::ReLU());
    }

    /// The channels of `coarse`, brought to the size of `fine`, with those of `fine`.
    static torch::Tensor beside(const torch::Tensor& coarse, const torch::Tensor& fine) {
        return torch::cat({torch::upsample_nearest2d(coarse, {fine.size(2), fine.size(3)}), fine}, 1);
    }

    torch::nn::Sequential down1 = register_module("down1", block(1, 8));
    torch::nn::Sequential down2 = register_module("down2", block(8, 16));
    torch::nn::Sequential bottom = register_module("bottom", block(16, 32));
    torch::nn::Sequential up2 = register_module("up2", block(32 + 16, 16));
    torch::nn::Sequential up1 = register_module("up1", block(16 + 8, 8));
    torch::nn::Conv2d head = register_module("head", torch::nn::Conv2d(8, 1, 1));
};

} // namespace example

#endif
