// error: lovasz_hinge and lovasz_sigmoid use lovasz_softmax
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::multiclass(xloss::cross_entropy{} + xloss::lovasz_hinge{});
}
