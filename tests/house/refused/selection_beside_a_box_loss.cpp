// error: xloss: a selection keeps elements, and in a sum with a box loss there are none
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 2>& boxes, const xt::xtensor<float, 2>& target) {
    return xloss::value(xloss::top_k(xloss::l1{}, 0.5) + xloss::giou{}, boxes, target);
}
