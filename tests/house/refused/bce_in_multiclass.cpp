// error: For bce and weighted_bce use cross_entropy
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::multiclass(xloss::bce{} + xloss::dice{});
}
