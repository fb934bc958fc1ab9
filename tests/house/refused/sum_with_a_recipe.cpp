// error: xloss: + takes losses, sums of losses and terms on both sides
#include <xloss/xloss.hpp>

auto refused() {
    return xloss::dice{} + xloss::sam{};
}
