// What every loss promises, of those that see a region as a whole, with a sigmoid for every element.

#include "criterion/apart.hpp"

using namespace apart;

namespace {

/// All of them, in multilabel with an ignored value.
template <class F>
void each_loss(F&& f) {
    constexpr xloss::mode_options ignoring{.ignore_index = 255};
    const auto named = [&](const char* name, const auto& loss) {
        INFO(name);
        f(xloss::multilabel(loss, ignoring));
    };
    named("lovasz_hinge", xloss::lovasz_hinge{});
    named("lovasz_sigmoid", xloss::lovasz_sigmoid{});
    named("boundary", xloss::boundary{});
    named("region_boundary", xloss::region_boundary{});
    named("hausdorff_dt", xloss::hausdorff_dt{.over = xloss::region::batch});
    named("sobel_boundary", xloss::sobel_boundary{});
    named("cl_dice", xloss::cl_dice{});
}

const array x = logits_of(shape);
const auto mask = labels_of<std::uint8_t>(shape, 2);

/// 1, and 0 for about every fourth element, in squares: so that windows without them are left.
array some_valid() {
    array v = filled(shape, 1.0);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 4; i < 7; ++i)
                for (std::size_t j = 2; j < 5; ++j)
                    v(b, c, i, j) = static_cast<double>((i + j + c) % 4);
    return v;
}

} // namespace

TEST_CASE("losses of whole regions: value, terms and workspace", "[criterion][apart]") {
    each_loss([](const auto& loss) { check_value(loss, x, mask); });
}

TEST_CASE("losses of whole regions: the type of a mask changes no bit", "[criterion][apart]") {
    each_loss([](const auto& loss) {
        const auto expected = xloss::value_and_grad(loss, x, mask);
        CHECK(same(xloss::value_and_grad(loss, x, as<float>(mask)), expected));
        CHECK(same(xloss::value_and_grad(loss, x, as<double>(mask)), expected));
        CHECK(same(xloss::value_and_grad(loss, x, as<bool>(mask)), expected));
        CHECK(same(xloss::value_and_grad(loss, x, as<std::int64_t>(mask)), expected));
    });
}

TEST_CASE("losses of whole regions: how tensors lie in memory changes no bit", "[criterion][apart]") {
    each_loss([](const auto& loss) { check_layouts(loss, x, mask); });
}

TEST_CASE("losses of whole regions: what is added to a gradient leaves absent elements alone",
          "[criterion][apart]") {
    const array w = some_valid();
    each_loss([&](const auto& loss) { check_accumulated(loss, x, xloss::weighted(mask, w), w); });
}

TEST_CASE("losses of whole regions: NaN and infinity where nothing counts change no bit",
          "[criterion][apart]") {
    const array w = some_valid(), y = as<double>(mask), distance = logits_of(shape);
    each_loss([&](const auto& loss) {
        const auto expected =
            xloss::value_and_grad(loss, x, xloss::with_distance(xloss::weighted(y, w), distance));
        for (const double bad : {not_a_number, infinity, -infinity}) {
            array bad_x = x, bad_y = y, bad_w = w, bad_distance = distance;
            array valid = filled(shape, 1.0);
            for (std::size_t i = 0; i < w.size(); ++i)
                if (w.data()[i] == 0.0) {
                    bad_x.data()[i] = bad_distance.data()[i] = bad;
                    bad_y.data()[i] = i % 3 ? bad : 255.0;
                    valid.data()[i] = i % 3 ? 0.0 : 1.0; // the others are ignored by value
                    bad_w.data()[i] = bad;
                }
            const auto found = xloss::value_and_grad(
                loss, bad_x,
                xloss::with_distance(xloss::weighted(xloss::masked(bad_y, valid), bad_w), bad_distance));
            CHECK(same(found, expected));
            CHECK(xloss::value(loss, bad_x,
                               xloss::with_distance(xloss::weighted(xloss::masked(bad_y, valid), bad_w),
                                                    bad_distance)) == expected.value);
        }
        for (std::size_t i = 0; i < w.size(); ++i)
            if (w.data()[i] == 0.0)
                CHECK(expected.grad.data()[i] == 0.0);
    });
}

TEST_CASE("losses of whole regions: nothing counts", "[criterion][apart]") {
    const array none = filled(shape, 0.0), bad = filled(shape, not_a_number);
    each_loss([&](const auto& loss) {
        const auto r = xloss::value_and_grad(loss, bad, xloss::weighted(mask, none));
        CHECK(r.value == 0.0);
        CHECK(r.valid == 0);
        CHECK(made_up::same_elements(r.grad, none));
    });
}

TEST_CASE("losses of whole regions: no executor changes a bit", "[criterion][apart]") {
    const array many = logits_of(large);
    const auto y = labels_of<std::uint8_t>(large, 2);
    each_loss([&](const auto& loss) { check_executors(loss, many, y); });
}
