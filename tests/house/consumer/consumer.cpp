#include <xloss/xloss.hpp>

#include <cstdio>

int main() {
    const xt::xtensor<float, 3> logits = {{{-1.0F, 2.0F, 0.5F}}};
    const xt::xtensor<float, 3> mask = {{{0.0F, 1.0F, 1.0F}}};
    const float value = xloss::value(xloss::bce{}, logits, mask);
    std::printf("bce: %.9g\n", static_cast<double>(value));
    return value > 0.0F ? 0 : 1;
}
