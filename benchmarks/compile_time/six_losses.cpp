// A training step with each of six losses: value and gradient of float logits, masks and labels of bytes.
#include <xloss/xloss.hpp>

#include <xtensor/xtensor.hpp>

#include <cstdint>
#include <cstdio>

int main() {
    const xt::xtensor<float, 4> logits({2, 1, 64, 64}, 0.5F), scores({2, 4, 64, 64}, 0.5F);
    const xt::xtensor<std::uint8_t, 4> mask({2, 1, 64, 64}, std::uint8_t{1});
    const xt::xtensor<std::uint8_t, 3> labels({2, 64, 64}, std::uint8_t{1});
    double sum = 0.0;
    sum += xloss::value_and_grad(xloss::bce{}, logits, mask).value;
    sum += xloss::value_and_grad(xloss::dice{}, logits, mask).value;
    sum += xloss::value_and_grad(xloss::tversky{.alpha = 0.3, .beta = 0.7}, logits, mask).value;
    sum += xloss::value_and_grad(20.0 * xloss::focal{} + xloss::dice{}, logits, mask).value;
    sum += xloss::value_and_grad(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}), scores, labels)
               .value;
    sum += xloss::value_and_grad(xloss::lovasz_softmax{}, scores, labels).value;
    std::printf("%.9g\n", sum);
}
