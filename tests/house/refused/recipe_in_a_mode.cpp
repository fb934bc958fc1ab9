// error: xloss: this is not a loss
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::multilabel(xloss::sam2{});
}
