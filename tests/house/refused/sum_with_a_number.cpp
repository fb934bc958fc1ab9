// error: xloss: + takes losses, sums of losses and terms on both sides
#include <xloss/xloss.hpp>

auto refused() {
    return 1.0 + xloss::dice{};
}
