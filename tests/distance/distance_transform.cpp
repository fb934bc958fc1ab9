// The public distance transforms: worked cases, what a mask may be, options, errors.

#include "support/catch.hpp"
#include "support/counting.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

#include <xloss/distance/distance_transform.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

namespace {

using namespace xloss;
using mask = xt::xtensor<std::uint8_t, 2>;
using map = xt::xtensor<float, 2>;

const float diagonal = std::sqrt(2.0F);

const mask square{{0, 0, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 0, 0, 0, 0}};
const mask frame{{1, 1, 1, 1, 1}, {1, 0, 0, 0, 1}, {1, 0, 0, 0, 1}, {1, 0, 0, 0, 1}, {1, 1, 1, 1, 1}};

/// Something without symmetry, and wide enough for whole vectors.
template <class T>
xt::xtensor<T, 3> irregular() {
    auto m = xt::xtensor<T, 3>::from_shape({5, 23, 70});
    for (std::size_t i = 0; i < m.size(); ++i)
        m.data()[i] = static_cast<T>((i * i / 7 + i / 11) % 13 > 1 ? 1 : 0);
    return m;
}

} // namespace

TEST_CASE("distances and signs of a square, by hand", "[distance]") {
    CHECK((distance_transform(square) ==
           map{{0, 0, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 2, 1, 0}, {0, 1, 1, 1, 0}, {0, 0, 0, 0, 0}}));
    CHECK((signed_distance(square) == map{{diagonal, 1, 1, 1, diagonal},
                                          {1, -1, -1, -1, 1},
                                          {1, -1, -2, -1, 1},
                                          {1, -1, -1, -1, 1},
                                          {diagonal, 1, 1, 1, diagonal}}));
    CHECK((signed_distance(square, {.convention = distance_convention::kervadec}) ==
           map{{diagonal, 1, 1, 1, diagonal},
               {1, 0, 0, 0, 1},
               {1, 0, -1, 0, 1},
               {1, 0, 0, 0, 1},
               {diagonal, 1, 1, 1, diagonal}}));
}

TEST_CASE("a frame, a line and a single pixel, by hand", "[distance]") {
    CHECK((signed_distance(frame) == map{{-diagonal, -1, -1, -1, -diagonal},
                                         {-1, 1, 1, 1, -1},
                                         {-1, 1, 2, 1, -1},
                                         {-1, 1, 1, 1, -1},
                                         {-diagonal, -1, -1, -1, -diagonal}}));
    const xt::xtensor<int, 1> line{0, 0, 1, 1, 1, 0};
    CHECK((signed_distance(line) == xt::xtensor<float, 1>{2, 1, -1, -2, -1, 1}));
    CHECK((distance_transform(line, {.spacing = {0.5}}) == xt::xtensor<float, 1>{0, 0, 0.5F, 1, 0.5F, 0}));
    CHECK((distance_transform(line, {.spacing = {0.5}, .squared = true}) ==
           xt::xtensor<float, 1>{0, 0, 0.25F, 1, 0.25F, 0}));
    // The distance inside is 0.5, less a pixel: Kervadec's maps with a spacing below 1 are positive there.
    CHECK((signed_distance(line, {.spacing = {0.5}, .convention = distance_convention::kervadec}) ==
           xt::xtensor<float, 1>{1, 0.5F, 0.5F, 0, 0.5F, 0.5F}));
    const mask pixel{{0, 0, 0}, {0, 1, 0}};
    CHECK((signed_distance(pixel, {.spacing = {3, 4}}) == map{{5, 3, 5}, {4, -3, 4}}));
    CHECK((distance_transform(xt::xtensor<bool, 2>{{true, true}, {true, false}}, {.squared = true}) ==
           map{{2, 1}, {1, 0}}));
}

TEST_CASE("masks without background or without foreground", "[distance]") {
    const mask full = xt::ones<std::uint8_t>({4, 3}), empty = xt::zeros<std::uint8_t>({4, 3});
    const map infinite = xt::ones<float>({4, 3}) * std::numeric_limits<float>::infinity();
    const map zero = xt::zeros<float>({4, 3});
    CHECK((distance_transform(full) == infinite));
    CHECK((distance_transform(full, {.squared = true}) == infinite));
    CHECK((distance_transform(empty) == zero));
    for (const auto convention : {distance_convention::pixel, distance_convention::kervadec}) {
        CHECK((signed_distance(full, {.convention = convention}) == zero));
        CHECK((signed_distance(empty, {.convention = convention}) == zero));
    }
    CHECK((label_distance_transform(full) == infinite));
    CHECK(distance_transform(xt::xtensor<int, 2>::from_shape({0, 3})).size() == 0);
    CHECK(distance_transform(xt::xtensor<int, 3>::from_shape({0, 2, 3}), {.batch = true}).size() == 0);
}

TEST_CASE("a mask is any expression of any number type", "[distance]") {
    const auto bytes = irregular<std::uint8_t>();
    const xt::xtensor<float, 3> expected = signed_distance(bytes, {.spacing = {2, 1, 0.5}});
    const signed_distance_options options{.spacing = {2, 1, 0.5}};
    CHECK((signed_distance(irregular<bool>(), options) == expected));
    CHECK((signed_distance(irregular<std::int64_t>(), options) == expected));
    CHECK((signed_distance(irregular<float>(), options) == expected));
    CHECK((signed_distance(xt::xarray<double>(irregular<double>()), options) == expected));
    CHECK((signed_distance(irregular<float>() > 0.5F, options) == expected));
    CHECK((signed_distance(-3 * irregular<int>(), options) == expected));
    auto wide = xt::xtensor<std::uint8_t, 4>::from_shape({5, 23, 70, 2});
    xt::view(wide, xt::all(), xt::all(), xt::all(), 0) = bytes;
    xt::view(wide, xt::all(), xt::all(), xt::all(), 1) = std::uint8_t(1) - bytes;
    CHECK((signed_distance(xt::view(wide, xt::all(), xt::all(), xt::all(), 0), options) == expected));
    // A float between 0 and 1 is inside: not 0.
    CHECK((distance_transform(xt::xtensor<float, 1>{0.0F, 0.25F, -0.0F, std::nanf("")}) ==
           xt::xtensor<float, 1>{0, 1, 0, 1}));
}

TEST_CASE("distances written to tensors of other layouts and types", "[distance]") {
    const auto bytes = irregular<std::uint8_t>();
    const xt::xtensor<double, 3> expected = distance_transform<double>(bytes);
    auto wide = xt::xtensor<float, 4>::from_shape({5, 23, 70, 2});
    auto half = xt::view(wide, xt::all(), xt::all(), xt::all(), 1);
    wide.fill(-1.0F);
    distance_transform_into(half, bytes);
    CHECK((half == xt::cast<float>(expected)));
    CHECK(wide(0, 0, 0, 0) == -1.0F);
    xt::xtensor<float, 3> wrong = xt::zeros<float>({5, 23, 71});
    CHECK_THROWS_WITH(distance_transform_into(wrong, bytes),
                      "xloss::distance_transform: distances of [5, 23, 70] have shape [5, 23, 70], and the "
                      "output has [5, 23, 71]");
    xt::xtensor<float, 3> itself = irregular<float>();
    CHECK_THROWS_AS(distance_transform_into(itself, itself), alias_error);
    CHECK((itself == irregular<float>()));
}

TEST_CASE("label maps: the nearest pixel of another label, and each class for itself", "[distance]") {
    const xt::xtensor<int, 2> labels{{0, 0, 1, 1, 1, 2}, {0, 0, 1, 1, 1, 9}};
    CHECK((label_distance_transform(labels, {.ignore_index = 9}) ==
           map{{2, 1, 1, 2, 1, 1}, {2, 1, 1, 2, 1, 0}}));
    CHECK((label_distance_transform(labels, {.squared = true})(0, 3) == 4.0F));

    const xt::xtensor<float, 3> maps = signed_distances(labels, 4, {.ignore_index = 9});
    CHECK(maps.shape() == xt::xtensor<float, 3>::shape_type{4, 2, 6});
    for (int c = 0; c < 4; ++c) {
        const map of_class = signed_distance(xt::equal(labels, c));
        CHECK((xt::view(maps, c) == of_class));
    }
    CHECK(maps(2, 0, 5) == -1.0F);
    CHECK(maps(1, 1, 5) == 1.0F); // ignored: background of every class
    CHECK(maps(3, 0, 0) == 0.0F); // a class without a pixel
    const xt::xarray<float> dynamic =
        signed_distances(xt::xarray<std::uint8_t>(labels), 10,
                         {.spacing = {1, 2}, .convention = distance_convention::kervadec});
    CHECK((xt::view(dynamic, 1) ==
           signed_distance(xt::equal(labels, 1),
                           {.spacing = {1, 2}, .convention = distance_convention::kervadec})));
}

TEST_CASE("every image of a batch is one of its own", "[distance]") {
    const auto many = irregular<std::uint8_t>();
    const xt::xtensor<float, 3> each = signed_distance(many, {.spacing = {1, 2}, .batch = true});
    const xt::xtensor<float, 3> roots = distance_transform(many, {.batch = true});
    const xt::xtensor<float, 3> labels = label_distance_transform(many, {.batch = true});
    const xt::xtensor<float, 4> classes = signed_distances(many, 2, {.spacing = {1, 2}, .batch = true});
    CHECK(classes.shape() == xt::xtensor<float, 4>::shape_type{5, 2, 23, 70});
    for (std::size_t b = 0; b < 5; ++b) {
        const mask one = xt::view(many, b);
        CHECK((xt::view(each, b) == signed_distance(one, {.spacing = {1, 2}})));
        CHECK((xt::view(roots, b) == distance_transform(one)));
        CHECK((xt::view(labels, b) == label_distance_transform(one)));
        CHECK((xt::view(classes, b, 1) == xt::view(each, b)));
        CHECK((xt::view(classes, b, 0) == -xt::view(each, b)));
    }
}

TEST_CASE("ignored pixels of a mask are background", "[distance]") {
    const mask with{{0, 255, 1, 1, 1}};
    CHECK((distance_transform(with, {.ignore_index = 255}) == map{{0, 0, 1, 2, 3}}));
    CHECK((signed_distance(with, {.ignore_index = 255}) == map{{2, 1, -1, -2, -3}}));
    CHECK((distance_transform(with, {.ignore_index = 256}) == map{{0, 1, 2, 3, 4}})); // no byte
    CHECK((distance_transform(with, {.ignore_index = -1}) == map{{0, 1, 2, 3, 4}}));
    CHECK((distance_transform(xt::xtensor<std::int8_t, 2>{{0, -1, 1}}, {.ignore_index = -1}) ==
           map{{0, 0, 1}}));
    CHECK((distance_transform(xt::xtensor<float, 2>{{0, 255, 1}}, {.ignore_index = 255}) == map{{0, 0, 1}}));
}

TEST_CASE("distances do not depend on the executor, bit for bit", "[distance]") {
    const auto labels = irregular<int>();
    const auto plane = xt::xtensor<int, 2>(xt::view(labels, 0));
    executors::backwards backwards;
    executors::shuffled shuffled;
    executors::threads threads;
    const distance_options spaced{.spacing = {0.3, 1.1, 0.7}};
    const auto check = [&](const auto& executor) {
        distance_options with = spaced;
        with.executor = executor;
        CHECK((distance_transform(labels, with) == distance_transform(labels, spaced)));
        CHECK((label_distance_transform<double>(labels, with) ==
               label_distance_transform<double>(labels, spaced)));
        CHECK((signed_distance(plane, {.executor = executor}) == signed_distance(plane)));
        CHECK((signed_distances(labels, 2, {.executor = executor}) == signed_distances(labels, 2)));
        CHECK((distance_transform(labels, {.batch = true, .executor = executor}) ==
               distance_transform(labels, {.batch = true})));
    };
    check(executor_ref(backwards));
    check(executor_ref(shuffled));
    check(executor_ref(threads));
    CHECK(backwards.pieces > 10);
}

TEST_CASE("with a kept workspace a second transform allocates nothing", "[distance]") {
    workspace memory;
    const auto labels = irregular<int>();
    xt::xtensor<float, 3> out = xt::zeros<float>({5, 23, 70});
    xt::xtensor<float, 4> all = xt::zeros<float>({2, 5, 23, 70});
    distance_options options{.spacing = {1, 2, 3}};
    options.workspace = &memory;
    signed_distance_options sides{.spacing = {1, 2, 3}};
    sides.workspace = &memory;
    const auto run = [&] {
        distance_transform_into(out, labels, options);
        label_distance_transform_into(out, labels, options);
        signed_distance_into(out, labels, sides);
        signed_distances_into(all, labels, 2, sides);
    };
    run();
    const counting::since start;
    run();
    CHECK(start.allocations() == 0);
    CHECK(memory.bytes() > 0);
}

TEST_CASE("with threads too, whoever of them makes which map", "[distance]") {
    workspace memory;
    const auto labels = irregular<int>();
    xt::xtensor<float, 3> out = xt::zeros<float>({5, 23, 70});
    const auto run = [&](const executor_ref& executor) {
        distance_transform_into(out, labels, {.batch = true, .workspace = &memory, .executor = executor});
    };
    executors::backwards last;
    executors::forwards first;
    run(last); // the last of the workers does it all
    const counting::since start;
    run(first);
    CHECK(start.allocations() == 0);
}

TEST_CASE("errors of distance transforms name the function and what is wrong", "[distance]") {
    const mask m = xt::zeros<std::uint8_t>({2, 3});
    CHECK_THROWS_WITH(distance_transform(m, {.spacing = {1}}),
                      "xloss::distance_transform: 1 spacings for the 2 spatial axes of [2, 3]");
    CHECK_THROWS_WITH(signed_distance(m, {.spacing = {1, 0}}),
                      "xloss::signed_distance: spacing is 0.000000, and is a positive number");
    CHECK_THROWS_AS(signed_distance(m, {.spacing = {1, -1}}), parameter_error);
    CHECK_THROWS_AS(signed_distance(m, {.spacing = {1, std::nan("")}}), parameter_error);
    CHECK_THROWS_WITH(distance_transform(xt::xarray<int>(xt::zeros<int>({1, 1, 2, 3}))),
                      "xloss::distance_transform: [1, 1, 2, 3] has 4 spatial axes; distances and neighbours "
                      "need one to three");
    CHECK_THROWS_AS(distance_transform(xt::xtensor<int, 1>{1}, {.batch = true}), shape_error);
    const xt::xtensor<int, 2> labels{{0, 1, 7}};
    CHECK_THROWS_WITH(signed_distances(labels, 3),
                      "xloss::signed_distances: label 7 at [0, 2] is outside [0, 3)");
    CHECK_THROWS_WITH(signed_distances(labels, 3, {.ignore_index = 255}),
                      "xloss::signed_distances: label 7 at [0, 2] is outside [0, 3) and not the ignored 255");
    CHECK_THROWS_AS(signed_distances(labels, 0), parameter_error);
    CHECK_THROWS_AS(label_distance_transform(xt::xtensor<int, 1>{0, -1}), label_error);
    const auto endless = xt::zeros<std::uint8_t>({std::size_t{1} << 25, std::size_t{1}});
    CHECK_THROWS_AS(distance_transform(endless), shape_error);
}
