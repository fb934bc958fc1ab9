// error: For cross_entropy use bce
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::binary(xloss::cross_entropy{});
}
