// Counting of classes: runs of equal labels, the class of the largest score in every lane, weights.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/criterion/target.hpp>
#include <xloss/engine/tally.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace xloss::engine;

std::string test_name() {
    return "test";
}

/// Pairs of true and predicted class, one pixel at a time.
template <class X, class Y, class W>
std::vector<double> by_hand(const X& x, const Y& y, const W& w) {
    const std::size_t classes = x.shape()[1];
    std::vector<double> sums(classes * classes);
    for (std::size_t b = 0; b < x.shape()[0]; ++b)
        for (std::size_t i = 0; i < x.shape()[2]; ++i) {
            std::size_t best = 0;
            for (std::size_t c = 1; c < classes; ++c)
                best = x(b, c, i) > x(b, best, i) ? c : best;
            sums[static_cast<std::size_t>(y(b, i)) * classes + best] += static_cast<double>(w(b, i));
        }
    return sums;
}

/// Every length around a vector and a tile, with scores that tie, in both number types.
template <class T>
void check_lengths() {
    for (const std::size_t pixels : {1U, 2U, 3U, 5U, 8U, 15U, 17U, 33U, 1023U, 1024U, 1025U, 2051U}) {
        INFO("pixels " << pixels);
        const std::array<std::size_t, 3> shape{2, 3, pixels};
        const std::array<std::size_t, 2> label_shape{2, pixels};
        const auto x = made_up::labels<T>(shape, 4); // whole numbers: every third pixel has a tie
        const auto y = made_up::labels<int>(label_shape, 3);
        const auto w = made_up::weights<T>(label_shape);
        const xloss::tensor::source<T> scores(x);
        target<T> plain(&test_name, scores.shape(), xloss::mode::multiclass, {});
        target<T> heavy = plain;
        plain.set(y);
        attach(heavy, xloss::weighted(y, w));
        std::vector<double> ones(9), weights(9);
        tally_pairs(plain, largest_score<T>(scores), 3, ones.data());
        tally_pairs(heavy, largest_score<T>(scores), 3, weights.data());
        CHECK(ones == by_hand(x, y, xt::ones<T>(label_shape)));
        CHECK(weights == by_hand(x, y, w));
    }
}

} // namespace

TEST_CASE("runs of equal labels are added to their cells", "[engine][tally]") {
    const std::vector<int> cells{2, 2, 0, 0, 0, 1, 2, 2};
    const std::vector<float> m{1.0F, 0.5F, 0.0F, 2.0F, 0.25F, 0.0F, 4.0F, 0.0F};
    const auto cell = [&](std::size_t j) { return static_cast<std::size_t>(cells[j]); };
    std::vector<double> sums{10.0, 20.0, 30.0};
    add_up<float>(cells.size(), nullptr, sums.data(), cell);
    CHECK(sums == std::vector<double>{13.0, 21.0, 34.0});
    add_up(cells.size(), m.data(), sums.data(), [&](std::size_t j) {
        CHECK(m[j] != 0.0F); // what is absent may have no cell
        return cell(j);
    });
    CHECK(sums == std::vector<double>{15.25, 21.0, 39.5});
    add_up<float>(0, nullptr, sums.data(), cell);
    CHECK(sums == std::vector<double>{15.25, 21.0, 39.5});
}

TEST_CASE("the class of the largest score, the first of equals, for every length", "[engine][tally]") {
    check_lengths<float>();
    check_lengths<double>();
}

TEST_CASE("a NaN score is found in every lane and class, and none where the pixel is ignored",
          "[engine][tally]") {
    constexpr std::size_t pixels = 19;
    xt::xtensor<float, 3> x = made_up::logits<float>(std::array<std::size_t, 3>{2, 3, pixels});
    auto y = made_up::labels<int>(std::array<std::size_t, 2>{2, pixels}, 3);
    std::vector<double> sums(9);
    for (std::size_t k = 0; k < x.size(); ++k) {
        const float before = x.data()[k];
        x.data()[k] = std::numeric_limits<float>::quiet_NaN();
        const std::size_t b = k / (3 * pixels), c = k / pixels % 3, i = k % pixels;
        const std::string index = std::to_string(b) + ", " + std::to_string(c) + ", " + std::to_string(i);
        const xloss::tensor::source<float> scores(x);
        target<float> labels(&test_name, scores.shape(), xloss::mode::multiclass, 255);
        labels.set(y);
        CHECK_THROWS_WITH(tally_pairs(labels, largest_score<float>(scores), 3, sums.data()),
                          "test: the score at [" + index + "] is NaN");
        const int label = std::exchange(y(b, i), 255);
        std::fill(sums.begin(), sums.end(), 0.0);
        tally_pairs(labels, largest_score<float>(scores), 3, sums.data());
        CHECK(std::accumulate(sums.begin(), sums.end(), 0.0) == 2.0 * pixels - 1.0);
        y(b, i) = label;
        x.data()[k] = before;
    }
}

TEST_CASE("a list of single labels is counted as one row", "[engine][tally]") {
    const auto y = made_up::labels<int>(std::array<std::size_t, 1>{3000}, 5);
    const auto p = made_up::labels<int>(std::array<std::size_t, 1>{3000}, 4);
    xloss::tensor::shape logits;
    logits.rank = 2;
    logits[0] = 3000;
    logits[1] = 5;
    target<double> labels(&test_name, logits, xloss::mode::multiclass, 4);
    labels.set(y);
    check_targets_alone(labels, 4);
    std::vector<double> expected(25), sums(25), pixels(5), classes(10);
    for (std::size_t i = 0; i < 3000; ++i)
        if (y(i) != 4) {
            expected[static_cast<std::size_t>(y(i) * 5 + p(i))] += 1.0;
            pixels[static_cast<std::size_t>(y(i))] += 1.0;
        }
    tally_pairs(labels, predicted_labels<double>(p, 5), 5, sums.data());
    CHECK(sums == expected);
    tally_labels(labels, classes.data());
    CHECK(classes == [&] {
        std::vector<double> twice = pixels; // every sample is one pixel
        twice.insert(twice.end(), pixels.begin(), pixels.end());
        return twice;
    }());
}
