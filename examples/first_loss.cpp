// Value and gradient of 20 focal + Dice for one small mask.
#include <cstdint>
#include <iostream>

#include <xloss/xloss.hpp>

int main() {
    const xt::xtensor<float, 4> logits{{{{2.0F, -1.0F, 0.5F}, {-3.0F, 1.5F, 0.0F}}}}; // [B, 1, H, W]
    const xt::xtensor<std::uint8_t, 4> mask{{{{1, 0, 1}, {0, 1, 0}}}}; // the same shape, as it is

    const auto loss = 20.0 * xloss::focal{.alpha = 0.25, .gamma = 2.0} + xloss::dice{.smooth = 1.0};
    const auto result = xloss::value_and_grad(loss, logits, mask);

    std::cout.precision(4);
    std::cout << "value " << result.value << "\ngradient";
    for (float g : result.grad)
        std::cout << ' ' << g;
    std::cout << '\n';
}
