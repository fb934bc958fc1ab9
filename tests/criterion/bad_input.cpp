// What training code gets wrong with several classes, for every loss that has them: it is said in words that
// help, and the gradient is as it was. And what is not wrong: a batch in which no pixel counts.

#include "losses/cases.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xview.hpp>
#endif

using namespace cases;
using xloss::cross_entropy;
using xloss::dice;
using xloss::focal;
using xloss::generalized_dice;
using xloss::iou;
using xloss::label_error;
using xloss::mcc;
using xloss::mode_options;
using xloss::multiclass;
using xloss::one_vs_rest;
using xloss::parameter_error;
using xloss::poly_cross_entropy;
using xloss::region;
using xloss::shape_error;
using xloss::target_error;
using xloss::tversky;
using xloss::unified_focal;

namespace {

using scores = xt::xtensor<double, 4>;

const scores x = logits(2, 3, 4, 5);
const auto map = labels(3, 2, 4, 5);

/// Calls f(name, criterion) for every loss with a softmax, and for two on a label map without.
template <class F>
void every_loss(const mode_options& options, F&& f) {
    f("cross_entropy", multiclass(cross_entropy{}, options));
    f("focal", multiclass(focal{}, options));
    f("poly_cross_entropy", multiclass(poly_cross_entropy{}, options));
    f("unified_focal", multiclass(unified_focal{}, options));
    f("dice", multiclass(dice{}, options));
    f("iou", multiclass(iou{.over = region::batch}, options));
    f("tversky", multiclass(tversky{}, options));
    f("mcc", multiclass(mcc{}, options));
    f("generalized_dice", multiclass(generalized_dice{}, options));
    f("wasserstein_dice", multiclass(xloss::wasserstein_dice{}, options));
    f("top_k", multiclass(xloss::top_k(cross_entropy{}, 0.5), options));
    f("bce", one_vs_rest(xloss::bce{}, options));
    f("dice", one_vs_rest(dice{}, options));
}

/// Whether a call throws an Error whose message has all the parts, and leaves the gradient alone.
template <class Error, class Loss, class X, class Y>
bool refuses(const Loss& loss, const X& at, const Y& y, std::initializer_list<const char*> parts) {
    X grad = at, before = at;
    return throws<Error>([&] { xloss::value_and_grad_into(grad, loss, at, y); }, parts) && grad == before;
}

template <class Label>
auto map_with(Label wrong) {
    xt::xtensor<Label, 3> bad = xt::cast<Label>(map);
    bad(1, 2, 3) = wrong;
    return bad;
}

} // namespace

TEST_CASE("a label outside the classes is named with its index, in every loss", "[criterion][errors]") {
    every_loss({}, [](const char* name, const auto& loss) {
        INFO(name);
        const char *at = "at [1, 2, 3] is outside [0, 3)", *none = "no ignore_index";
        CHECK(refuses<label_error>(loss, x, map_with<std::uint8_t>(3), {name, "label 3", at, none}));
        CHECK(refuses<label_error>(loss, x, map_with<std::uint8_t>(255), {name, "label 255", at, none}));
        CHECK(refuses<label_error>(loss, x, map_with<std::int64_t>(-1), {name, "label -1", at, none}));
        CHECK(refuses<label_error>(loss, x, map_with(std::numeric_limits<std::int64_t>::max()),
                                   {name, "label 9223372036854775807", at}));
        CHECK(refuses<label_error>(loss, x, map_with<std::int64_t>(std::int64_t{1} << 32),
                                   {name, "label 4294967296", at}));
        CHECK(refuses<label_error>(loss, x, map_with<std::uint64_t>(~std::uint64_t{0}),
                                   {name, "label 18446744073709551615", at}));
    });
    every_loss({.ignore_index = 255}, [](const char* name, const auto& loss) {
        INFO(name);
        CHECK(refuses<label_error>(loss, x, map_with<std::int64_t>(-1),
                                   {name, "label -1 at [1, 2, 3]", "not the ignored 255"}));
        CHECK_FALSE(refuses<label_error>(loss, x, map_with<std::uint8_t>(255), {}));
    });
}

TEST_CASE("the index of a wrong label is that of the map as it was given", "[criterion][errors]") {
    const auto bad = map_with<std::int64_t>(-7);
    const auto refused = [&](const auto& scores_given, const auto& labels_given) {
        return throws<label_error>([&] { xloss::value(cross_entropy{}, scores_given, labels_given); },
                                   {"label -7 at [1, 2, 3]"});
    };
    const xt::xtensor<std::int64_t, 3> columns = xt::transpose(bad, {2, 1, 0}); // [W, H, B] in memory
    CHECK(refused(x, xt::transpose(columns, {2, 1, 0})));
    xt::xtensor<std::int64_t, 4> channels_last = xt::zeros<std::int64_t>({2, 4, 5, 2});
    xt::view(channels_last, xt::all(), xt::all(), xt::all(), 1) = bad;
    CHECK(refused(x, xt::view(channels_last, xt::all(), xt::all(), xt::all(), 1)));
    CHECK(refused(x, bad + 0)); // lazy
    // Channels-last scores.
    const xt::xtensor<double, 4> last = xt::transpose(x, {0, 2, 3, 1});
    CHECK(refused(xt::transpose(last, {0, 3, 1, 2}), bad));
    // The first of several, also where another piece of work has the second.
    auto large = labels(3, 2, 200, 100);
    large(1, 150, 7) = 3;
    large(0, 199, 99) = 4;
    CHECK(throws<label_error>([&] { xloss::value(cross_entropy{}, logits(2, 3, 200, 100), large); },
                              {"label 4 at [0, 199, 99]"}));
}

TEST_CASE("a softmax over one class says to use binary", "[criterion][errors]") {
    const scores single = logits(2, 1, 4, 5);
    every_loss({}, [&](const char* name, const auto& loss) {
        INFO(name);
        if constexpr (std::remove_cvref_t<decltype(loss)>::md == xloss::mode::multiclass) {
            CHECK(refuses<shape_error>(loss, single, mask(2, 4, 5), {name, "binary"}));
            CHECK(refuses<shape_error>(loss, single, mask(2, 1, 4, 5), {name, "binary"}));
        }
    });
}

TEST_CASE("class weights are as many as classes, not negative and not all zero", "[criterion][errors]") {
    const auto check = [](const char* name, auto loss) {
        INFO(name);
        const auto refused = [&](std::vector<double> weights, std::initializer_list<const char*> parts) {
            loss.class_weights = std::move(weights);
            return refuses<parameter_error>(multiclass(loss), x, map, parts);
        };
        CHECK(refused({1.0, 2.0}, {name, "class_weights", "2 entries", "3 classes"}));
        CHECK(refused({1.0, 2.0, 3.0, 4.0}, {name, "class_weights", "4 entries", "3 classes"}));
        CHECK(refused({1.0, -2.0, 3.0}, {name, "class_weights", "class 1", "-2"}));
        CHECK(refused({1.0, 2.0, not_a_number}, {name, "class_weights", "class 2", "nan"}));
        CHECK(refused({1.0, infinity, 1.0}, {name, "class_weights", "class 1", "inf"}));
        CHECK(refused({0.0, 0.0, 0.0}, {name, "class_weights", "all zero"}));
    };
    check("cross_entropy", cross_entropy{});
    check("focal", focal{});
    check("poly_cross_entropy", poly_cross_entropy{});
    check("dice", dice{});
    check("iou", iou{.over = region::batch});
    check("tversky", tversky{});
    check("mcc", mcc{});
}

TEST_CASE("a distribution that does not sum to 1 is named where asked for", "[criterion][errors]") {
    scores soft_target(x.shape(), 1.0 / 3.0);
    soft_target(1, 2, 3, 4) = 0.5;
    every_loss({.check_targets = true}, [&](const char* name, const auto& loss) {
        INFO(name);
        if constexpr (std::remove_cvref_t<decltype(loss)>::md == xloss::mode::multiclass)
            CHECK(refuses<target_error>(loss, x, soft_target, {name, "[1, 0, 3, 4]", "sum to 1"}));
    });
}

TEST_CASE("a label map where masks are expected: the message knows the way", "[criterion][errors]") {
    const auto hinted = [](const auto& loss, const auto& y) {
        return refuses<shape_error>(loss, x, y, {"[2, 4, 5]", "[2, 3, 4, 5]", "multiclass(", "one_vs_rest("});
    };
    CHECK(hinted(focal{}, map));
    CHECK(hinted(poly_cross_entropy{}, map));
    CHECK(hinted(dice{}, map));
    CHECK(hinted(xloss::multilabel(dice{}), map));
    CHECK(hinted(dice{}, xt::xtensor<float, 3>(xt::cast<float>(map))));
    // With a class axis, as some keep it.
    const auto one_channel = labels(3, 2, 1, 4, 5);
    for (const char* part : {"[2, 1, 4, 5]", "no class axis: [2, 4, 5]"}) {
        CHECK(refuses<shape_error>(multiclass(dice{}), x, one_channel, {part}));
        CHECK(refuses<shape_error>(dice{}, x, one_channel, {part}));
    }
    // Nobody meant a label map.
    CHECK(refuses<shape_error>(dice{}, x, mask(2, 4, 6), {"[2, 4, 6] does not fit logits [2, 3, 4, 5]"}));
}

TEST_CASE("a label map of floats is refused, and how to cast it is said", "[criterion][errors]") {
    const xt::xtensor<float, 3> floats = xt::cast<float>(map);
    CHECK(refuses<shape_error>(multiclass(dice{}), x, floats, {"[2, 4, 5]", "integers", "xt::cast<int>"}));
    CHECK(multiclass(dice{})(x, xt::cast<int>(floats)) == multiclass(dice{})(x, map));
}

TEST_CASE("where every pixel is ignored every loss is 0, with zero gradient", "[criterion][empty]") {
    const xt::xtensor<std::uint8_t, 3> nothing(map.shape(), 255);
    const scores broken(x.shape(), not_a_number);
    every_loss({.ignore_index = 255}, [&](const char* name, const auto& loss) {
        INFO(name);
        for (const auto& at : {x, broken}) {
            scores grad(x.shape(), 42.0);
            const auto r = xloss::value_and_grad_into(grad, loss, at, nothing);
            CHECK(r.value == 0.0);
            CHECK(r.valid == 0);
            CHECK(largest_entry(grad) == 0.0);
            const auto weightless = xloss::value_and_grad_into(
                grad, loss, at, xloss::weighted(map, scores(xt::zeros<double>({2, 1, 4, 5}))));
            CHECK(weightless.value == 0.0);
            CHECK(weightless.valid == 0);
            CHECK(largest_entry(grad) == 0.0);
        }
    });
}
