// error: xloss: a box loss has no mode, and adds up only with box losses
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 2>& boxes, const xt::xtensor<float, 2>& target) {
    return xloss::value(xloss::focal{} + xloss::giou{}, boxes, target);
}
