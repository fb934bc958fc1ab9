// Class counts and weights: by hand, over files, straight into a loss, and what is refused.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"

#include <xloss/losses/cross_entropy.hpp>
#include <xloss/training/class_weights.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace xloss;

std::vector<double> list(std::span<const double> numbers) {
    return {numbers.begin(), numbers.end()};
}

bool close(const std::vector<double>& a, const std::vector<double>& b) {
    bool same = a.size() == b.size();
    for (std::size_t i = 0; same && i < a.size(); ++i)
        same = std::abs(a[i] - b[i]) <= 1e-14 * std::abs(b[i]);
    return same;
}

/// Two samples of five pixels, classes 0, 1 and 3 of four; one pixel of the second is ignored.
const xt::xtensor<std::uint8_t, 2> labels{{0, 0, 0, 1, 0}, {0, 3, 0, 3, 255}};

} // namespace

TEST_CASE("class counts by hand", "[training][class_weights]") {
    const class_counts counts(labels, 4, 255);
    CHECK(counts.classes() == 4);
    CHECK(list(counts.pixels()) == std::vector<double>{6, 1, 0, 2});
    CHECK(list(counts.pixels_where_present()) == std::vector<double>{9, 5, 0, 4});
    CHECK(list(class_counts(xt::xtensor<bool, 1>{true, false, true}, 2).pixels()) ==
          std::vector<double>{1, 2});
}

TEST_CASE("class counts of files add up", "[training][class_weights]") {
    class_counts first(4, 255), second(xt::view(labels, xt::range(1, 2)), 4, 255);
    first.add(xt::view(labels, xt::range(0, 1)));
    first.merge(second);
    CHECK(list(first.numbers()) == list(class_counts(labels, 4, 255).numbers()));
    first.numbers()[1] += 3.0; // from another process
    CHECK(list(first.pixels()) == std::vector<double>{6, 4, 0, 2});
    CHECK_THROWS_WITH(first.merge(class_counts(3)),
                      "xloss::class_counts: counts of 3 classes do not fit those of 4");
}

TEST_CASE("masked and weighted pixels in class counts", "[training][class_weights]") {
    const xt::xtensor<int, 2> valid{{1, 1, 0, 0, 1}, {1, 1, 1, 1, 1}};
    const xt::xtensor<double, 2> w{{0.5, 0.0, 2.0, 2.0, 1.0}, {1.0, 0.25, 1.0, 1.0, 9.0}};
    const class_counts counts(weighted(masked(labels, valid), w), 4, 255);
    CHECK(list(counts.pixels()) == std::vector<double>{3.5, 0, 0, 1.25});
    CHECK(list(counts.pixels_where_present()) == std::vector<double>{4.75, 0, 0, 3.25});
}

TEST_CASE("class counts with any number of threads", "[training][class_weights]") {
    const std::array<std::size_t, 2> shape{3, 150'000};
    auto many = made_up::labels<int>(shape, 4);
    for (std::size_t i = 0; i < shape[1]; ++i)
        many(1, i) = i < 100'000 ? 1 : 0; // without the others
    const auto w = made_up::weights<float>(shape);
    const class_counts alone(many, 5, 3), heavy(weighted(many, w), 5, 3);
    CHECK(alone.pixels()[1] > 100'000.0);
    CHECK(alone.pixels_where_present()[2] + 150'000.0 == alone.pixels_where_present()[1]);
    for (const std::size_t threads : {1U, 2U, 3U, 7U}) {
        executors::pool pool(threads);
        CHECK(list(class_counts(many, 5, 3, pool).numbers()) == list(alone.numbers()));
        CHECK(list(class_counts(weighted(many, w), 5, 3, pool).numbers()) == list(heavy.numbers()));
        CHECK(class_weights_from(many, 5, {.ignore_index = 3, .executor = pool}) ==
              class_weights_from(alone));
    }
}

TEST_CASE("class weights by hand", "[training][class_weights]") {
    // 6, 1, 0, 2 of 9.
    CHECK(
        close(class_weights_from(labels, 4, {.ignore_index = 255}), {9.0 / 24.0, 9.0 / 4.0, 0.0, 9.0 / 8.0}));
    // Frequencies 6/9, 1/5 and 2/4 where present: the median is 1/2.
    CHECK(close(class_weights_from(labels, 4, {.method = weighting::median, .ignore_index = 255}),
                {0.75, 2.5, 0.0, 1.0}));
    // (1 - b)/(1 - b^n) at b = 1/2: 32/63, 1, 2/3; their sum is 137/63.
    CHECK(close(class_weights_from(class_counts(labels, 4, 255),
                                   {.method = weighting::effective_number, .beta = 0.5}),
                {4.0 * 32.0 / 137.0, 4.0 * 63.0 / 137.0, 0.0, 4.0 * 42.0 / 137.0}));
}

TEST_CASE("balanced class weights, the example in the documentation of scikit-learn",
          "[training][class_weights]") {
    CHECK(class_weights_from(xt::xtensor<int, 1>{1, 1, 1, 1, 0, 0}, 2) == std::vector<double>{1.5, 0.75});
}

TEST_CASE("the median of an even number of classes is the mean of the middle two",
          "[training][class_weights]") {
    const xt::xtensor<int, 2> two{{0, 0, 0, 1}};
    CHECK(close(class_weights_from(two, 2, {.method = weighting::median}), {0.5 / 0.75, 0.5 / 0.25}));
}

TEST_CASE("effective numbers at the ends of beta", "[training][class_weights]") {
    const auto weights = [](double beta) {
        return class_weights_from(class_counts(labels, 4, 255),
                                  {.method = weighting::effective_number, .beta = beta});
    };
    CHECK(close(weights(0.0), {4.0 / 3.0, 4.0 / 3.0, 0.0, 4.0 / 3.0})); // alike where present
    // Next to 1 they are inverse counts, 1/6, 1, 1/2 scaled to sum to 4; 1 - b^n keeps its digits.
    const auto inverse = weights(1.0 - 1e-13);
    CHECK(std::abs(inverse[0] - 0.4) < 1e-11);
    CHECK(std::abs(inverse[1] - 2.4) < 1e-11);
    // Many pixels of two classes: 1 - b^n is 1.
    class_counts many(2);
    many.numbers()[0] = 1e12;
    many.numbers()[1] = 2e12;
    many.numbers()[2] = many.numbers()[3] = 3e12;
    CHECK(class_weights_from(many, {.method = weighting::effective_number}) == std::vector<double>{1.0, 1.0});
}

TEST_CASE("class weights go straight into a loss", "[training][class_weights]") {
    const cross_entropy loss{.class_weights = class_weights_from(labels, 4, {.ignore_index = 255})};
    CHECK(loss.class_weights.list == std::vector<double>{0.375, 2.25, 0.0, 1.125});
}

TEST_CASE("class counts and weights refuse what they cannot count", "[training][class_weights]") {
    class_counts counts(4);
    CHECK_THROWS_WITH(counts.add(labels), "xloss::class_counts: label 255 at [1, 4] is outside [0, 4) and no "
                                          "ignore_index is given");
    CHECK(list(counts.numbers()) == std::vector<double>(8, 0.0));
    CHECK_THROWS_AS(class_weights_from(labels, 3, {.ignore_index = 255}), label_error);
    CHECK_THROWS_AS(class_counts(0), parameter_error);
    CHECK_THROWS_AS(class_counts(weighted(labels, -1.0 * labels), 4, 255), target_error);
    CHECK_THROWS_AS(class_counts(xt::xtensor<int, 0>(1), 2), shape_error);

    CHECK_THROWS_WITH(
        class_weights_from(counts),
        "xloss::class_weights_from: no pixel of any class was counted, so that no class has a weight");
    const xt::xtensor<int, 2> nothing{{9, 9}};
    CHECK_THROWS_AS(class_weights_from(nothing, 2, {.ignore_index = 9}), parameter_error);
    for (const double beta : {1.0, -0.1, std::numeric_limits<double>::quiet_NaN()})
        CHECK_THROWS_AS(class_weights_from(class_counts(labels, 4, 255),
                                           {.method = weighting::effective_number, .beta = beta}),
                        parameter_error);
    for (const double bad : {-1.0, std::numeric_limits<double>::infinity(), 1.0}) { // 1 in no sample
        counts.numbers()[0] = bad;
        CHECK_THROWS_AS(class_weights_from(counts), parameter_error);
    }
}
