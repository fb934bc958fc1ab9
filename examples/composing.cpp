// Sums of losses, modes, options of the data, and a training step that allocates nothing.
#include <cstdint>
#include <iostream>

#include <xloss/xloss.hpp>

int main() {
    std::cout.precision(4);

    // A sum of losses is one loss and one fused evaluation. Its terms are reported one by one, without their
    // factors.
    const xt::xtensor<float, 3> logits{{{2.0F, -1.0F, 0.5F}, {-3.0F, 1.5F, 0.0F}}}; // [B, H, W]
    const xt::xtensor<std::uint8_t, 3> mask{{{1, 0, 1}, {0, 1, 0}}};
    const auto sam = 20.0 * xloss::focal{} + xloss::dice{};
    const auto r = xloss::value_and_grad(sam, logits, mask);
    std::cout << "20 focal + dice: " << r.value << ", focal " << r.terms[0].value << " over "
              << r.terms[0].normalizer << " pixels, dice " << r.terms[1].value << " over "
              << r.terms[1].normalizer << " region\n";

    // Classes: scores [B, C, ...] and a label map [B, ...], which is never expanded to one-hot. Ignored
    // pixels are absent from values, gradients and denominators.
    const xt::xtensor<float, 3> scores{
        {{1.0F, 0.0F, -2.0F, 3.0F}, {0.0F, 2.0F, 1.0F, 0.0F}, {-1.0F, 0.5F, 2.0F, 1.0F}}};
    const xt::xtensor<std::uint8_t, 2> labels{{0, 1, 2, 255}};
    const auto classes = xloss::multiclass(xloss::cross_entropy{.label_smoothing = 0.1} +
                                               1.5 * xloss::dice{.empty = xloss::empty_region::skip},
                                           {.ignore_index = 255});
    const auto s = xloss::value_and_grad(classes, scores, labels);
    std::cout << "cross entropy + 1.5 dice: " << s.value << ", " << s.valid << " of " << labels.size()
              << " pixels valid, gradient of an ignored one " << s.grad(0, 0, 3) << '\n';

    // A weight for every pixel rides on the target and means the same in every loss.
    const xt::xtensor<float, 3> weights{{{1.0F, 1.0F, 4.0F}, {1.0F, 1.0F, 0.0F}}};
    std::cout << "weighted: " << sam(logits, xloss::weighted(mask, weights)) << '\n';

    // Training: the gradient goes into a buffer of your own, here the mean over two micro-batches. After the
    // first call of a shape nothing is allocated.
    xloss::workspace memory;
    auto gradient = xt::xtensor<float, 3>::from_shape({1, 2, 3});
    float value = 0.0F;
    for (int batch = 0; batch < 2; ++batch) {
        const auto step = xloss::value_and_grad_into(
            gradient, sam, logits, mask, {.upstream = 0.5, .accumulate = batch > 0, .workspace = &memory});
        value += 0.5F * step.value;
    }
    std::cout << "two micro-batches: " << value << ", first gradient " << gradient(0, 0, 0) << '\n';
}
