// error: xloss: a mode wraps last
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::multiclass(xloss::cross_entropy{}) + xloss::dice{};
}
