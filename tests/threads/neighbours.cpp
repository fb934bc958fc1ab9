// Losses that look at the neighbours of a pixel, and distances: the same bits with every number of threads.

#include "threads/check.hpp"

#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/distance/distance_transform.hpp>
#include <xloss/losses/boundary.hpp>
#include <xloss/losses/cl_dice.hpp>
#include <xloss/losses/hausdorff_dt.hpp>
#include <xloss/losses/region_boundary.hpp>
#include <xloss/losses/sobel_boundary.hpp>
#include <xloss/training/surface_quality.hpp>

namespace {

// Wide enough for several strips of columns, and high enough for several pieces of rows.
constexpr std::array<std::size_t, 3> wide{1, 66, 530};
// Several at a time.
constexpr std::array<std::size_t, 3> several{9, 40, 37};
constexpr std::array<std::size_t, 3> volume{9, 20, 31};

} // namespace

TEST_CASE("threads: losses of neighbours, one sigmoid per pixel", "[threads]") {
    const auto x = made_up::logits<float>(wide);
    const auto y = made_up::labels<std::uint8_t>(wide);
    const auto check = [&](const char* name, const auto& loss) {
        threads::check_loss(name, xloss::binary(loss), x, y);
    };
    check("boundary", xloss::boundary{});
    check("region_boundary", xloss::region_boundary{.epoch = 30.0});
    check("hausdorff_dt", xloss::hausdorff_dt{});
    check("sobel_boundary", xloss::sobel_boundary{});
    check("cl_dice", xloss::cl_dice{});
    threads::check_loss("boundary of several", xloss::binary(xloss::boundary{}),
                        made_up::logits<float>(several), made_up::labels<std::uint8_t>(several));
}

TEST_CASE("threads: losses of neighbours with a softmax", "[threads]") {
    const threads::data of;
    const auto check = [&](const char* name, const auto& loss) {
        threads::check_loss(name, xloss::multiclass(loss, {.ignore_index = 3}), of.x, of.labels);
    };
    check("boundary", xloss::boundary{});
    check("hausdorff_dt", xloss::hausdorff_dt{});
    check("sobel_boundary", xloss::sobel_boundary{});
    check("cl_dice", xloss::cl_dice{});
}

TEST_CASE("threads: distances", "[threads]") {
    const auto plane = made_up::labels<std::uint8_t>(std::array<std::size_t, 2>{wide[1], wide[2]});
    const auto images = made_up::labels<std::uint8_t>(several);
    const auto deep = made_up::labels<std::uint8_t>(volume, 3);
    threads::check("plane", [&](const xloss::call_options& options) {
        return threads::all(xloss::distance_transform(plane, {.executor = options.executor}),
                            xloss::signed_distance(plane, {.executor = options.executor}));
    });
    threads::check("images", [&](const xloss::call_options& options) {
        return threads::all(
            xloss::distance_transform(images, {.batch = true, .executor = options.executor}),
            xloss::signed_distances(images, 2, {.batch = true, .executor = options.executor}));
    });
    threads::check("volume", [&](const xloss::call_options& options) {
        return threads::all(xloss::distance_transform(deep, {.executor = options.executor}),
                            xloss::label_distance_transform(deep, {.executor = options.executor}),
                            xloss::signed_distances(deep, 3, {.executor = options.executor}));
    });
    threads::check("surfaces", [&](const xloss::call_options& options) {
        const xloss::surface_quality q(deep, xt::xtensor<std::uint8_t, 3>(xt::equal(deep, 1)),
                                       {.executor = options.executor});
        return threads::all(q.hausdorff(), q.hausdorff(95.0), q.average(), q.surface_dice(1.0));
    });
}
