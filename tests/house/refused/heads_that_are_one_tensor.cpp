// error: xloss: the logits of deep_supervision are a list
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 3>& x, const xt::xtensor<float, 3>& y) {
    return xloss::value(xloss::deep_supervision(xloss::bce{}, {1.0}), x, y);
}
