// How the pieces of work are run changes no bit of any result: losses with one sigmoid per element.

#include "engine/orders.hpp"
#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string>

namespace {

struct mask_data {
    xt::xtensor<float, 4> x = made_up::logits<float>(orders::shape);
    xt::xtensor<float, 4> y = made_up::labels<float>(orders::shape),
                          w = made_up::weights<float>(orders::shape);

    template <class Loss>
    void check(const std::string& name, const Loss& loss) {
        orders::check(name, xloss::multilabel(loss), x, xloss::weighted(y, w));
    }
};

} // namespace

TEST_CASE("no executor changes a bit of a loss with one sigmoid per element", "[engine][executor]") {
    mask_data data;
    data.check("bce", xloss::bce{});
    data.check("weighted_bce", xloss::weighted_bce{});
    data.check("normalized focal", xloss::focal{.gamma = 0.5, .normalized = true});
    data.check("dice", xloss::dice{.form = xloss::soft_form::semimetric, .over = xloss::region::batch});
    data.check("unified_focal", xloss::unified_focal{});
    data.check("generalized_dice", xloss::generalized_dice{});
    data.check("user's", user::tversky{});
    orders::check("bce, binary", xloss::binary(xloss::bce{}), data.x, data.y);
}

TEST_CASE("the first error is the same in every order", "[engine][executor]") {
    orders::label_data data;
    data.y(0, orders::height - 7, 7) = 4;
    data.y(1, 2, 3) = 9;
    const auto message = [&](xloss::executor_ref executor) {
        try {
            static_cast<void>(xloss::value(xloss::multiclass(xloss::cross_entropy{}), data.x, data.y,
                                           {.executor = executor}));
        } catch (const xloss::label_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    executors::backwards backwards;
    executors::shuffled shuffled;
    CHECK(message({}).find("label 3 at [0, ") != std::string::npos);
    CHECK(message(backwards) == message({}));
    CHECK(message(shuffled) == message({}));

    data.x(0, 1, 60, 5) = std::numeric_limits<float>::infinity();
    data.x(1, 0, 0, 0) = std::numeric_limits<float>::quiet_NaN();
    const auto finite = [&](xloss::executor_ref executor) {
        try {
            static_cast<void>(xloss::value(xloss::one_vs_rest(xloss::bce{}, {.check_finite = true}), data.x,
                                           data.y, {.executor = executor}));
        } catch (const xloss::finite_error& e) {
            return std::string(e.what());
        }
        return std::string();
    };
    CHECK(finite({}).find("[0, 1, 60, 5]") != std::string::npos);
    CHECK(finite(backwards) == finite({}));
}

TEST_CASE("an executor gets each piece once, and one that runs pieces alone is not asked",
          "[engine][executor]") {
    std::array<int, 200> times{};
    std::size_t merged = 0;
    bool in_order = true;
    executors::shuffled shuffled;
    xloss::engine::for_pieces(
        shuffled, times.size(),
        [&](std::size_t piece, std::size_t slot) {
            CHECK(slot < xloss::engine::pieces_in_flight);
            ++times[piece];
        },
        [&](std::size_t piece, std::size_t) { in_order = in_order && piece == merged++; });
    CHECK(in_order);
    CHECK(merged == times.size());
    CHECK(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));

    executors::backwards backwards;
    xloss::executor_ref(backwards).run(1, [](std::size_t) {});
    CHECK(backwards.pieces == 0);
}
