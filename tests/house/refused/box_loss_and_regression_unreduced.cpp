// error: xloss: unreduced needs box losses alone
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 2>& boxes, const xt::xtensor<float, 2>& target) {
    return xloss::unreduced(xloss::l1{} + xloss::giou{}, boxes, target);
}
