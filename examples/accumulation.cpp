// A batch too large for memory comes in micro-batches, and its gradient is that of the whole: no average of
// averages, although Dice divides by sums over all of it and weighted BCE weighs by its share of positives.

#include <xloss/xloss.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

struct micro_batch {
    xt::xtensor<float, 4> logits = xt::zeros<float>({2, 1, 8, 8}); // [B, 1, H, W]
    xt::xtensor<std::uint8_t, 4> mask = xt::zeros<std::uint8_t>({2, 1, 8, 8});
    xt::xtensor<float, 4> grad = xt::zeros<float>({2, 1, 8, 8});
};

/// Each has more foreground than the one before.
std::vector<micro_batch> made_up_batches(std::size_t count) {
    std::vector<micro_batch> batches(count);
    for (std::size_t k = 0; k < count; ++k)
        for (std::size_t i = 0; i < batches[k].mask.size(); ++i) {
            batches[k].mask.data()[i] = i % 16 < 2 * k + 1 ? 1 : 0;
            batches[k].logits.data()[i] = static_cast<float>(std::sin(static_cast<double>(7 * i + k)));
        }
    return batches;
}

} // namespace

int main() {
    const auto loss = xloss::weighted_bce{} + xloss::dice{.over = xloss::region::batch};
    std::vector<micro_batch> batches = made_up_batches(3);

    // Forward, batch by batch: the sums are a few numbers, whatever the size of the batch.
    auto whole = xloss::measure(loss, batches[0].logits, batches[0].mask);
    for (std::size_t k = 1; k < batches.size(); ++k)
        whole.merge(xloss::measure(loss, batches[k].logits, batches[k].mask));

    // Backward, batch by batch: the gradient of the loss over all of them.
    for (micro_batch& part : batches)
        xloss::finish(part.grad, whole, part.logits, part.mask);

    const auto result = xloss::finish(whole);
    std::printf("whole batch  value %.6f  weighted BCE %.6f  Dice %.6f  pixels %zu  numbers kept %zu\n",
                static_cast<double>(result.value), static_cast<double>(result.terms[0].value),
                static_cast<double>(result.terms[1].value), result.valid, whole.numbers().size());

    // What one call over all of them gives, and what a mean of their own losses would have been.
    micro_batch joined{xt::zeros<float>({6, 1, 8, 8}), xt::zeros<std::uint8_t>({6, 1, 8, 8}), {}};
    double mean = 0.0;
    for (std::size_t k = 0; k < batches.size(); ++k) {
        const std::size_t size = batches[k].mask.size();
        std::copy_n(batches[k].logits.data(), size, joined.logits.data() + k * size);
        std::copy_n(batches[k].mask.data(), size, joined.mask.data() + k * size);
        mean += static_cast<double>(loss(batches[k].logits, batches[k].mask)) / 3.0;
    }
    const auto in_one = xloss::value_and_grad(loss, joined.logits, joined.mask);
    std::printf("in one call  value %.6f  mean of the micro-batches' own losses %.6f\n",
                static_cast<double>(in_one.value), mean);

    bool same = std::abs(in_one.value - result.value) < 1e-6F;
    for (std::size_t i = 0; i < in_one.grad.size(); ++i) {
        const auto& part = batches[i / batches[0].grad.size()].grad;
        same = same && std::abs(in_one.grad.data()[i] - part.data()[i % part.size()]) < 1e-8F;
    }
    std::printf("value and gradient are %s\n", same ? "the same" : "NOT the same");
    return same ? 0 : 1;
}
