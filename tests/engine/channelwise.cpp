// What the channelwise sweep keeps in the gradient, and the order in which it walks, change no bit.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

namespace {

using made_up::same_bits;

template <class T>
struct data {
    xt::xtensor<T, 4> x;
    xt::xtensor<std::uint8_t, 3> y;

    data(std::size_t classes, std::size_t height, std::size_t width)
        : x(made_up::logits<T, 4>({2, classes, height, width}, 40.0)),
          y(made_up::labels<std::uint8_t, 3>({2, height, width}, static_cast<std::uint32_t>(classes))) {
        for (std::size_t i = 5; i < y.size(); i += 17)
            y.data()[i] = 255;
    }
};

/// The gradient of all ways to ask for it has the bits of the first.
template <class T, class Loss, class Y>
void check_ways(const Loss& loss, const xt::xtensor<T, 4>& x, const Y& y) {
    const auto expected = xloss::value_and_grad(loss, x, y);

    // Added to zeros, for which nothing can wait in the gradient.
    xt::xtensor<T, 4> added = xt::zeros<T>(x.shape());
    const auto adding = xloss::value_and_grad_into(added, loss, x, y, {.accumulate = true});
    CHECK(same_bits(adding.value, expected.value));
    CHECK(xt::all(xt::equal(added, expected.grad)));

    // Channels last, read and written.
    const xt::xtensor<T, 4> memory = xt::transpose(x, {0, 2, 3, 1});
    xt::xtensor<T, 4> gradient = xt::empty_like(memory);
    gradient.fill(T(3));
    auto view = xt::transpose(gradient, {0, 3, 1, 2});
    const auto last = xloss::value_and_grad_into(view, loss, xt::transpose(memory, {0, 3, 1, 2}), y);
    CHECK(same_bits(last.value, expected.value));
    CHECK(xt::all(xt::equal(view, expected.grad)));
    gradient.fill(T(0));
    xloss::value_and_grad_into(view, loss, x, y, {.accumulate = true});
    CHECK(xt::all(xt::equal(view, expected.grad)));

    // Into another format, and into every second column.
    auto wide = xt::xtensor<double, 4>::from_shape({x.shape(0), x.shape(1), x.shape(2), 2 * x.shape(3)});
    auto columns = xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(1, 2 * x.shape(3), 2));
    xloss::value_and_grad_into(columns, loss, x, y);
    CHECK(xt::all(xt::equal(xt::cast<T>(columns), expected.grad)));
}

template <class T>
void check_losses(std::size_t classes, std::size_t height, std::size_t width) {
    INFO(classes << " classes, " << height << " x " << width);
    const data<T> given(classes, height, width);
    const xloss::mode_options ignoring{.ignore_index = 255};
    check_ways(xloss::multiclass(xloss::cross_entropy{} + xloss::dice{}, ignoring), given.x, given.y);
    check_ways(xloss::multiclass(xloss::focal{} + user::brier{}, ignoring), given.x, given.y);
}

/// p^2 log p of every class; it says that its slope needs no logit, or does not.
template <bool SlopesByP>
struct surprise {
    static constexpr bool slopes_by_p = SlopesByP;

    template <class V>
    xloss::point<V> at_probability(const xloss::pixel<V>& s) const {
        const V rest = s.p * s.log_p;
        return {s.p * rest, fma(V(2.0), rest, s.p)};
    }
};

} // namespace

TEST_CASE("a gradient has the same bits wherever it goes", "[engine]") {
    check_losses<float>(2, 7, 9);
    check_losses<float>(3, 40, 41);
    check_losses<float>(19, 16, 32);
    check_losses<float>(600, 3, 7);
    check_losses<double>(5, 13, 8);
}

TEST_CASE("a gradient of soft targets, or of smoothed ones, likewise", "[engine]") {
    const data<float> given(4, 9, 21);
    xt::xtensor<float, 4> soft = xt::exp(0.1F * given.x);
    soft /= xt::xtensor<float, 4>(xt::sum(soft, {1}, xt::keep_dims | xt::evaluation_strategy::immediate));
    const auto smoothed = xloss::cross_entropy{.label_smoothing = 0.1} + xloss::dice{};
    check_ways(xloss::multiclass(smoothed), given.x, soft);
    check_ways(xloss::multiclass(smoothed, {.ignore_index = 255}), given.x, given.y);
    check_ways(xloss::multiclass(xloss::wasserstein_dice{} + xloss::mcc{}, {.ignore_index = 255}), given.x,
               given.y);
}

TEST_CASE("what waits in the gradient keeps p and 1 - p to the last digit", "[engine]") {
    // p of class 0 is 1 - 1e-12: in float 1 - p would be 0. Dice by hand: a = -(2 y (P + Y) - 2 tp)/(P +
    // Y)^2.
    xt::xtensor<float, 3> x = xt::zeros<float>({1, 2, 1});
    x(0, 0, 0) = 27.631021F;
    const xt::xtensor<int, 2> y{{0}};
    const auto r = xloss::value_and_grad(xloss::multiclass(xloss::dice{.smooth = 0.0, .classes = {0}}), x, y);
    const double q = 1.0 / (1.0 + std::exp(static_cast<double>(x(0, 0, 0)))), p = 1.0 - q;
    const double by_p = -(2.0 * (p + 1.0) - 2.0 * p) / ((p + 1.0) * (p + 1.0));
    CHECK(std::abs(static_cast<double>(r.grad(0, 0, 0)) / (p * q * by_p) - 1.0) <= 1e-6);
}

TEST_CASE("without its logit a class still has its log p", "[engine]") {
    const data<float> given(5, 16, 23); // logits so far apart that some p are 0
    const auto kept =
        xloss::value_and_grad(xloss::multiclass(surprise<false>{}, {.ignore_index = 255}), given.x, given.y);
    const auto from_p =
        xloss::value_and_grad(xloss::multiclass(surprise<true>{}, {.ignore_index = 255}), given.x, given.y);
    CHECK(std::abs(kept.value) > 0.01F);
    CHECK(std::abs(from_p.value / kept.value - 1.0F) <= 1e-6F);
    const float largest = xt::amax(xt::abs(kept.grad))();
    CHECK(largest > 0.0F);
    CHECK(xt::amax(xt::abs(from_p.grad - kept.grad))() <= 1e-6F * largest);
}

TEST_CASE("the label is found among more classes than a look-up can address", "[engine]") {
    constexpr std::size_t classes = 30000;
    xt::xtensor<float, 3> x = -200.0f * xt::ones<float>({std::size_t{1}, classes, std::size_t{3}});
    const xt::xtensor<int, 2> y{{0, 29999, 123}};
    for (std::size_t i = 0; i < 3; ++i)
        x(0, static_cast<std::size_t>(y(0, i)), i) = 0.0f;
    CHECK(xloss::value_and_grad(xloss::cross_entropy{}, x, y).value == 0.0f); // of another class 200
    x(0, 29999, 1) = -200.0f;
    x(0, 7, 1) = 0.0f;
    CHECK(std::abs(xloss::value_and_grad(xloss::cross_entropy{}, x, y).value - 200.0f / 3.0f) <= 1e-5f);
}
