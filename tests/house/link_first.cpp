#include "every_header.hpp"

#include <cstdio>

// Both files include every header and evaluate the same loss: a function that is not inline, or a type that
// differs between the two, shows here.
float value_in_second();

static float value_in_first() {
    const xt::xtensor<float, 3> logits = {{{-1.0F, 2.0F, 0.5F}}};
    const xt::xtensor<float, 3> mask = {{{0.0F, 1.0F, 1.0F}}};
    return xloss::value(20.0 * xloss::focal{} + xloss::dice{}, logits, mask);
}

int main() {
    const float first = value_in_first();
    const float second = value_in_second();
    std::printf("%.9g in one translation unit, %.9g in the other\n", static_cast<double>(first),
                static_cast<double>(second));
    return first > 0.0F && !(first < second) && !(first > second) ? 0 : 1;
}
