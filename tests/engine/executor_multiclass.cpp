// How the pieces of work are run changes no bit of any result: losses with a softmax.

#include "engine/orders.hpp"
#include "support/catch.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <string>

namespace {

struct data : orders::label_data {
    template <class Loss>
    void check(const std::string& name, const Loss& loss) {
        orders::check(name, xloss::multiclass(loss, {.ignore_index = 3, .check_finite = true}), x, y);
    }
};

} // namespace

TEST_CASE("no executor changes a bit of a loss with a softmax", "[engine][executor]") {
    data given;
    given.check("cross_entropy", xloss::cross_entropy{});
    given.check("focal", xloss::focal{});
    given.check("dice", xloss::dice{});
    given.check("unified_focal", xloss::unified_focal{});
    given.check("generalized_dice", xloss::generalized_dice{});
    given.check("cross_entropy + user's", xloss::cross_entropy{.label_smoothing = 0.1} + user::brier{});
}
