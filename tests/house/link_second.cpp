#include "every_header.hpp"

float value_in_second();

float value_in_second() {
    const xt::xtensor<float, 3> logits = {{{-1.0F, 2.0F, 0.5F}}};
    const xt::xtensor<float, 3> mask = {{{0.0F, 1.0F, 1.0F}}};
    return xloss::value(20.0 * xloss::focal{} + xloss::dice{}, logits, mask);
}
