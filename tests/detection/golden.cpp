// Box losses against the numbers of tests/golden/boxes.py, box by box, in double and in float.

#include "detection/box_cases.hpp"

#include <xloss/criterion/box_call.hpp>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <string>

#if __has_include(<xtensor/io/xnpy.hpp>)
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xnpy.hpp>
#endif

namespace {

xt::xarray<double> load(const std::string& name) {
    const char* told = std::getenv("XLOSS_TEST_DATA");
    const std::filesystem::path folder = told ? told : XLOSS_TEST_DATA;
    return xt::load_npy<double>((folder / "boxes" / (name + ".npy")).string());
}

/// abs(found - expected) in units of what is allowed: a share of the terms added in the formula, and of the
/// largest of a box, since slopes by its coordinates come from the same quotients.
double wrongness(double found, double expected, double scale, double tolerance) {
    const double error = std::abs(found - expected);
    if (error == 0.0)
        return 0.0;
    return error >= 0.0 ? error / (tolerance * scale) : HUGE_VAL;
}

template <class T, class Loss>
void check(const std::string& name, const Loss& loss, double tolerance) {
    INFO(name << (std::is_same_v<T, double> ? ", double" : ", float"));
    const xt::xtensor<T, 2> x = xt::cast<T>(load("predicted")), y = xt::cast<T>(load("target"));
    const auto value = load(name + ".value"), grad = load(name + ".grad");
    auto summed = loss;
    summed.reduction = xloss::reduction::sum;
    const auto losses = unreduced(loss, x, y);
    const auto found = value_and_grad(summed, x, y);
    REQUIRE(losses.size() == value.shape()[0]);
    double worst_value = 0.0, worst_slope = 0.0;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        worst_value = std::max(
            worst_value, wrongness(static_cast<double>(losses(i)), value(i, 0), value(i, 1), tolerance));
        for (std::size_t c = 0; c < 4; ++c)
            worst_slope = std::max(worst_slope, wrongness(static_cast<double>(found.grad(i, c)),
                                                          grad(i, c, 0), grad(i, c, 1), tolerance));
    }
    CHECK(worst_value <= 1.0);
    CHECK(worst_slope <= 1.0);
}

template <class Loss>
void check(const std::string& name, const Loss& loss) {
    check<double>(name, loss, 1e-12);
    check<float>(name, loss, 2e-6);
}

} // namespace

TEST_CASE("box losses have their golden values and gradients", "[golden]") {
    check("box_iou", xloss::box_iou{});
    check("giou", xloss::giou{});
    check("diou", xloss::diou{});
    check("ciou", xloss::ciou{});
    check("ciou_followed", xloss::ciou{.follow_alpha = true});
    check("eiou", xloss::eiou{});
    check("siou", xloss::siou{});
}
