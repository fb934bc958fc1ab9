// error: the box loss of fcos is a loss of boxes or a sum that holds one
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 2>& x, const xt::xtensor<float, 1>& centerness) {
    return xloss::value(xloss::fcos{.box = xloss::bce{}}, xloss::fcos_output{x, x, centerness},
                        xloss::fcos_target{x, x, centerness});
}
