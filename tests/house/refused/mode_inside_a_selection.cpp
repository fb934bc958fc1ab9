// error: xloss: a mode wraps last: write multiclass(top_k(loss)), not top_k(multiclass(loss))
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::ohem(xloss::multiclass(xloss::cross_entropy{}));
}
