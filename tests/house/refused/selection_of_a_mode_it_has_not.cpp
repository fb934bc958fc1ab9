// error: xloss: a term of this loss has no multiclass form
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::multiclass(xloss::top_k(xloss::bce{}));
}
