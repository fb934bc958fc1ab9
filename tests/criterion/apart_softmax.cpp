// What every loss promises, of those that see a region as a whole, with a softmax over the classes.

#include "criterion/apart.hpp"

using namespace apart;

namespace {

/// All of them, in multiclass with an ignored label.
template <class F>
void each_loss(F&& f) {
    constexpr xloss::mode_options ignoring{.ignore_index = 255};
    const auto named = [&](const char* name, const auto& loss) {
        INFO(name);
        f(xloss::multiclass(loss, ignoring));
    };
    named("lovasz_softmax", xloss::lovasz_softmax{});
    named("boundary", xloss::boundary{});
    named("region_boundary", xloss::region_boundary{});
    named("hausdorff_dt", xloss::hausdorff_dt{});
    named("sobel_boundary", xloss::sobel_boundary{});
    named("cl_dice", xloss::cl_dice{.over = xloss::region::batch});
}

const array x = logits_of(shape);
const auto labels = labels_of<std::uint8_t>(plane, 3);

/// 1, and 0 for some pixels of a corner.
array some_valid() {
    array v = filled(plane, 1.0);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 4; i < 7; ++i)
            for (std::size_t j = 2; j < 5; ++j)
                v(b, i, j) = static_cast<double>((i + j + b) % 4);
    return v;
}

/// Of every pixel, for each of its classes.
array for_classes(const array& of_pixels) {
    array all = array::from_shape(shape);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = 0; i < 35; ++i)
                all.data()[(b * 3 + c) * 35 + i] = of_pixels.data()[b * 35 + i];
    return all;
}

} // namespace

TEST_CASE("losses of whole regions, softmax: value, terms and workspace", "[criterion][apart]") {
    each_loss([](const auto& loss) { check_value(loss, x, labels); });
}

TEST_CASE("losses of whole regions, softmax: the type of labels changes no bit, nor do one-hot targets",
          "[criterion][apart]") {
    array one_hot = filled(shape, 0.0);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 7; ++i)
            for (std::size_t j = 0; j < 5; ++j)
                one_hot(b, labels(b, i, j), i, j) = 1.0;
    each_loss([&](const auto& loss) {
        const auto expected = xloss::value_and_grad(loss, x, labels);
        CHECK(same(xloss::value_and_grad(loss, x, as<int>(labels)), expected));
        CHECK(same(xloss::value_and_grad(loss, x, as<std::int64_t>(labels)), expected));
        const auto found = xloss::value_and_grad(loss, x, one_hot);
        CHECK(std::abs(found.value - expected.value) <= 1e-15 * std::abs(expected.value));
        CHECK(xt::amax(xt::abs(found.grad - expected.grad))() <= 1e-15);
    });
}

TEST_CASE("losses of whole regions, softmax: how tensors lie in memory changes no bit",
          "[criterion][apart]") {
    each_loss([](const auto& loss) { check_layouts(loss, x, labels); });
}

TEST_CASE("losses of whole regions, softmax: what is added to a gradient leaves absent pixels alone",
          "[criterion][apart]") {
    const array w = some_valid();
    each_loss(
        [&](const auto& loss) { check_accumulated(loss, x, xloss::weighted(labels, w), for_classes(w)); });
}

TEST_CASE("losses of whole regions, softmax: NaN and infinity where nothing counts change no bit",
          "[criterion][apart]") {
    const array w = some_valid(), distance = logits_of(shape), absent = for_classes(w);
    each_loss([&](const auto& loss) {
        const auto expected =
            xloss::value_and_grad(loss, x, xloss::with_distance(xloss::weighted(labels, w), distance));
        for (const double bad : {not_a_number, infinity, -infinity}) {
            array bad_x = x, bad_w = w, bad_distance = distance;
            auto bad_y = labels;
            for (std::size_t i = 0; i < absent.size(); ++i)
                if (absent.data()[i] == 0.0)
                    bad_x.data()[i] = bad_distance.data()[i] = bad;
            for (std::size_t i = 0; i < w.size(); ++i)
                if (w.data()[i] == 0.0) {
                    bad_y.data()[i] = 255;
                    bad_w.data()[i] = bad;
                }
            CHECK(same(xloss::value_and_grad(
                           loss, bad_x, xloss::with_distance(xloss::weighted(bad_y, bad_w), bad_distance)),
                       expected));
        }
        for (std::size_t i = 0; i < absent.size(); ++i)
            if (absent.data()[i] == 0.0)
                CHECK(expected.grad.data()[i] == 0.0);
    });
}

TEST_CASE("losses of whole regions, softmax: nothing counts", "[criterion][apart]") {
    const array none = filled(plane, 0.0), bad = filled(shape, not_a_number);
    each_loss([&](const auto& loss) {
        const auto r = xloss::value_and_grad(loss, bad, xloss::weighted(labels, none));
        CHECK(r.value == 0.0);
        CHECK(r.valid == 0);
        CHECK(made_up::same_elements(r.grad, filled(shape, 0.0)));
    });
}

TEST_CASE("losses of whole regions, softmax: no executor changes a bit", "[criterion][apart]") {
    const array many = logits_of(large);
    const auto y = labels_of<std::uint8_t>(large_plane, 3);
    each_loss([&](const auto& loss) { check_executors(loss, many, y); });
}
