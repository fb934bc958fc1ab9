// error: are as many as its heads
#include <tuple>
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 3>& x, const xt::xtensor<float, 3>& y) {
    return xloss::value(xloss::deep_supervision(xloss::bce{}, {1.0, 0.4}), std::tie(x, x), std::tie(y, y, y));
}
