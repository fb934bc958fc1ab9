// Counts and hard metrics: by hand, against a count one pixel at a time, and what is refused.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"

#include <xloss/training/confusion_matrix.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace {

using namespace xloss;

using label_map = xt::xtensor<std::int64_t, 2>;

std::vector<double> numbers(const confusion_matrix& m) {
    return {m.numbers().begin(), m.numbers().end()};
}

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// true 0: 3 right, 1 taken for 1; true 1: 2 right, 1 taken for 0, 1 for 2; class 2 is never there; class 3
/// neither is there nor was predicted.
confusion_matrix worked() {
    const label_map truth{{0, 0, 0, 0}, {1, 1, 1, 1}};
    const label_map predicted{{0, 0, 0, 1}, {1, 1, 0, 2}};
    return confusion_matrix(4).add(predicted, truth);
}

} // namespace

TEST_CASE("confusion matrix by hand", "[training][confusion_matrix]") {
    const confusion_matrix m = worked();
    CHECK(numbers(m) == std::vector<double>{3, 1, 0, 0, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    CHECK(m.at(0, 1) == 1.0);
    CHECK(m.at(1, 2) == 1.0);
    CHECK(m.total() == 8.0);
    CHECK(m.classes() == 4);
    CHECK(!m.ignore_index());
    // true 4, 4, 0, 0; predicted 4, 3, 1, 0; tp 3, 2, 0, 0. What is 0/0 is 1.
    CHECK(m.iou() == std::vector<double>{3.0 / 5.0, 2.0 / 5.0, 0.0, 1.0});
    CHECK(m.dice() == std::vector<double>{6.0 / 8.0, 4.0 / 7.0, 0.0, 1.0});
    CHECK(m.accuracy() == std::vector<double>{3.0 / 4.0, 2.0 / 4.0, 1.0, 1.0});
    CHECK(m.precision() == std::vector<double>{3.0 / 4.0, 2.0 / 3.0, 0.0, 1.0});
    CHECK(m.overall_accuracy() == 5.0 / 8.0);
}

TEST_CASE("the examples in the documentation of scikit-learn and torchmetrics",
          "[training][confusion_matrix]") {
    using list = xt::xtensor<int, 1>;
    CHECK(numbers(confusion_matrix(3).add(list{0, 0, 2, 2, 0, 2}, list{2, 0, 2, 2, 0, 1})) ==
          std::vector<double>{2, 0, 0, 0, 0, 1, 1, 0, 2}); // confusion_matrix
    CHECK(confusion_matrix(2).add(list{0, 1, 0, 0, 0, 1}, list{0, 1, 0, 0, 1, 0}).mean_accuracy() ==
          0.625); // balanced_accuracy_score
    CHECK(confusion_matrix(3).add(list{2, 1, 0, 1}, list{2, 1, 0, 0}).mean_iou() ==
          (0.5 + 0.5 + 1.0) / 3.0); // MulticlassJaccardIndex
    const xt::xtensor<float, 2> scores{
        {0.16F, 0.26F, 0.58F}, {0.22F, 0.61F, 0.17F}, {0.71F, 0.09F, 0.20F}, {0.05F, 0.82F, 0.13F}};
    CHECK(confusion_matrix(3).add_scores(scores, list{2, 1, 0, 0}).mean_iou() == (0.5 + 0.5 + 1.0) / 3.0);
}

TEST_CASE("means of scores are over the classes that have one", "[training][confusion_matrix]") {
    const confusion_matrix m = worked();
    CHECK(m.mean_iou() == (3.0 / 5.0 + 2.0 / 5.0 + 0.0) / 3.0);
    CHECK(m.mean_dice() == (6.0 / 8.0 + 4.0 / 7.0 + 0.0) / 3.0);
    CHECK(m.mean_accuracy() == (3.0 / 4.0 + 2.0 / 4.0) / 2.0);
    CHECK(m.mean_precision() == (3.0 / 4.0 + 2.0 / 3.0 + 0.0) / 3.0);
    CHECK(m.mean_iou({.include_background = false}) == (2.0 / 5.0 + 0.0) / 2.0);
    CHECK(m.mean_iou({.classes = {3, 1, 1}}) == 2.0 / 5.0);
    CHECK(m.mean_iou({.classes = {0, 1}, .include_background = false}) == 2.0 / 5.0);
    CHECK(m.mean_iou({.classes = {3}}) == 0.0); // over nothing
    CHECK(m.mean_accuracy({.classes = {2, 3}}) == 0.0);

    const confusion_matrix nothing(2);
    CHECK(nothing.iou() == std::vector<double>{1.0, 1.0});
    CHECK(nothing.mean_iou() == 0.0);
    CHECK(nothing.overall_accuracy() == 0.0);
    CHECK(nothing.total() == 0.0);
}

TEST_CASE("true labels that are ignored are absent, whatever was predicted there",
          "[training][confusion_matrix]") {
    const xt::xtensor<std::uint8_t, 2> truth{{0, 1, 255, 255}};
    const xt::xtensor<int, 2> predicted{{0, 0, 1, -7}};
    CHECK(numbers(confusion_matrix(2, 255).add(predicted, truth)) == std::vector<double>{1, 0, 1, 0});
    // An ignored class may be predicted: then that is wrong.
    CHECK(numbers(confusion_matrix(2, 0).add(predicted, xt::xtensor<int, 2>{{1, 1, 0, 0}})) ==
          std::vector<double>{0, 0, 2, 0});
}

TEST_CASE("masked and weighted pixels in a confusion matrix", "[training][confusion_matrix]") {
    const label_map truth{{0, 1, 1, 0}, {1, 1, 0, 0}}, predicted{{0, 1, 0, 9}, {1, 0, 1, 0}};
    const xt::xtensor<bool, 2> valid{{true, true, true, false}, {true, false, true, true}};
    const xt::xtensor<double, 2> w{{1.0, 0.1, 2.0, not_a_number}, {0.25, 5.0, 3.0, 0.0}};
    CHECK(numbers(confusion_matrix(2).add(predicted, masked(truth, valid))) ==
          std::vector<double>{2, 1, 1, 2});
    // A weight below a mask is not looked at where the pixel is not valid.
    CHECK(numbers(confusion_matrix(2).add(predicted, weighted(masked(truth, valid), w))) ==
          std::vector<double>{1.0, 3.0, 2.0, 0.1 + 0.25});

    const xt::xtensor<float, 3> scores{{{0.F, 0.F, 1.F, 0.F}, {0.F, 1.F, 0.F, 9.F}},
                                       {{0.F, 1.F, 0.F, 1.F}, {2.F, 0.F, 1.F, -2.F}}};
    CHECK(numbers(confusion_matrix(2).add_scores(scores, masked(truth, valid))) ==
          std::vector<double>{2, 1, 1, 2});
    const xt::xtensor<double, 2> logits{{0.0, 1.0, -1.0, not_a_number}, {0.5, -0.5, 1e-300, -1e300}};
    CHECK(numbers(confusion_matrix(2).add_logits(logits, masked(truth, valid))) ==
          std::vector<double>{2, 1, 1, 2});
}

TEST_CASE("weights far below 1 have the scores of any others", "[training][confusion_matrix]") {
    const label_map truth{{0, 0, 1, 1}}, predicted{{0, 1, 1, 1}};
    const xt::xtensor<double, 2> w{{0.25, 0.125, 0.125, 0.0}};
    const auto m = confusion_matrix(2).add(predicted, weighted(truth, 0x1p-30 * w));
    CHECK(m.iou() == std::vector<double>{2.0 / 3.0, 1.0 / 2.0});
    CHECK(m.precision() == std::vector<double>{1.0, 1.0 / 2.0});
    CHECK(m.mean_dice() == (4.0 / 5.0 + 2.0 / 3.0) / 2.0);
    CHECK(m.overall_accuracy() == 3.0 / 4.0);
}

TEST_CASE("scores: the first of the largest, infinities are numbers", "[training][confusion_matrix]") {
    constexpr float inf = std::numeric_limits<float>::infinity();
    // Four pixels: a tie of 0 and 2, a tie of -0 and 0, all -inf, +inf.
    const xt::xtensor<float, 3> scores{
        {{1.F, -0.F, -inf, 3.F}, {0.F, 0.F, -inf, -inf}, {1.F, -1.F, -inf, inf}}};
    const label_map truth{{0, 0, 0, 2}};
    CHECK(numbers(confusion_matrix(3).add_scores(scores, truth)) ==
          std::vector<double>{3, 0, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("logits and masks of any type; a threshold is not reached but exceeded",
          "[training][confusion_matrix]") {
    const xt::xtensor<float, 2> x{{-1.F, 0.F, 0.25F, 0.5F, 2.F}};
    const std::vector<double> expected{2, 1, 0, 2}; // true 0: 2 below, 1 above
    CHECK(numbers(confusion_matrix(2).add_logits(
              x, xt::xtensor<bool, 2>{{false, false, false, true, true}})) == expected);
    CHECK(numbers(confusion_matrix(2).add_logits(x, xt::xtensor<double, 2>{{0., 0., 0., 1., 1.}})) ==
          expected);
    CHECK(numbers(confusion_matrix(2, 9).add_logits(x, xt::xtensor<int, 2>{{0, 9, 9, 0, 1}}, 0.5)) ==
          std::vector<double>{2, 0, 0, 1});
}

TEST_CASE("many pixels against a count one by one: argmax over contiguous, transposed and lazy scores",
          "[training][confusion_matrix]") {
    constexpr std::size_t classes = 5;
    const std::array<std::size_t, 4> shape{2, classes, 61, 37}; // more pixels than a tile, and no multiple
    const std::array<std::size_t, 3> pixels{2, 61, 37};
    const auto x = made_up::logits<float>(shape);
    auto y = made_up::labels<std::uint8_t>(pixels, classes + 1);
    const auto w = made_up::weights<float>(pixels);
    std::vector<double> plain(classes * classes), heavy(classes * classes);
    auto predicted = xt::xtensor<int, 3>::from_shape(pixels);
    for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 61; ++i)
            for (std::size_t j = 0; j < 37; ++j) {
                std::size_t best = 0;
                for (std::size_t c = 1; c < classes; ++c)
                    best = x(b, c, i, j) > x(b, best, i, j) ? c : best;
                predicted(b, i, j) = static_cast<int>(best);
                if (y(b, i, j) == classes) // the ignored
                    continue;
                plain[y(b, i, j) * classes + best] += 1.0;
                heavy[y(b, i, j) * classes + best] += static_cast<double>(w(b, i, j));
            }
    const confusion_matrix empty(classes, classes);
    CHECK(numbers(confusion_matrix(empty).add_scores(x, y)) == plain);
    CHECK(numbers(confusion_matrix(empty).add_scores(x, weighted(y, w))) == heavy);
    CHECK(numbers(confusion_matrix(empty).add(predicted, weighted(y, w))) == heavy);
    CHECK(numbers(confusion_matrix(empty).add(predicted, y)) == plain);

    const xt::xtensor<float, 4> last = xt::transpose(x, {0, 2, 3, 1});
    CHECK(numbers(confusion_matrix(empty).add_scores(xt::transpose(last, {0, 3, 1, 2}), y)) == plain);
    const xt::xtensor<double, 4> fine = x;
    CHECK(numbers(confusion_matrix(empty).add_scores(0.5 * fine, xt::cast<std::int16_t>(y))) == plain);
}

TEST_CASE("matrices merge, and their numbers add up", "[training][confusion_matrix]") {
    confusion_matrix a = worked(), b = worked();
    a.merge(b);
    CHECK(a.total() == 16.0);
    CHECK(a.iou() == b.iou());
    for (std::size_t i = 0; i < b.numbers().size(); ++i)
        b.numbers()[i] *= 2.0;
    CHECK(numbers(a) == numbers(b));
    CHECK_THROWS_WITH(a.merge(confusion_matrix(3)),
                      "xloss::confusion_matrix: a matrix of 3 classes does not fit one of 4");
}

TEST_CASE("a confusion matrix of nothing, and of single pixels", "[training][confusion_matrix]") {
    confusion_matrix m(3);
    m.add_scores(xt::xtensor<float, 3>(xt::zeros<float>({0, 3, 7})), label_map(xt::zeros<int>({0, 7})));
    m.add_scores(xt::xtensor<float, 3>(xt::zeros<float>({2, 3, 0})), label_map(xt::zeros<int>({2, 0})));
    CHECK(m.total() == 0.0);
    // One label for a sample: classification.
    m.add_scores(xt::xtensor<double, 2>{{0., 2., 1.}, {3., 0., 0.}}, xt::xtensor<int, 1>{1, 2});
    m.add(xt::xtensor<int, 1>{1, 0}, xt::xtensor<int, 1>{1, 2});
    CHECK(numbers(m) == std::vector<double>{0, 0, 0, 0, 2, 0, 2, 0, 0});
}

TEST_CASE("a confusion matrix with any number of threads", "[training][confusion_matrix]") {
    const std::array<std::size_t, 2> shape{2, 150'000}; // six pieces
    const std::array<std::size_t, 3> score_shape{2, 3, 150'000};
    const auto truth = made_up::labels<int>(shape, 4); // 3 is ignored
    const auto w = made_up::weights<float>(shape);
    const auto x = made_up::logits<float>(score_shape);
    auto predicted = made_up::labels<int>(shape, 3);
    const auto counted = [&](const executor_ref& executor) {
        confusion_matrix labels(3, 3), heavy(3, 3);
        labels.add(predicted, truth, executor);
        heavy.add_scores(x, weighted(truth, w), executor); // sums that are rounded
        std::vector<double> all = numbers(labels);
        all.insert(all.end(), heavy.numbers().begin(), heavy.numbers().end());
        return all;
    };
    const std::vector<double> alone = counted({});
    executors::backwards backwards;
    CHECK(counted(backwards) == alone);
    CHECK(backwards.pieces > 8);
    for (const std::size_t threads : {2U, 3U, 7U}) {
        executors::pool pool(threads);
        CHECK(counted(pool) == alone);
    }

    // Of several errors the first is told.
    predicted(0, 149'999) = predicted(1, 3) = 7;
    confusion_matrix m(3, 3);
    CHECK_THROWS_WITH(m.add(predicted, truth * 0, backwards),
                      "xloss::confusion_matrix: the predicted label 7 at [0, 149999] is outside [0, 3)");
    CHECK(m.total() == 0.0);
}

TEST_CASE("a confusion matrix refuses what does not fit, and is as it was", "[training][confusion_matrix]") {
    confusion_matrix m(3, 255), mask(2);
    const label_map truth{{0, 1, 2}, {2, 255, 0}};
    const label_map other{{0, 1}, {2, 2}};
    xt::xtensor<float, 3> x = xt::zeros<float>({2, 3, 3});
    m.add_scores(x, truth);
    const auto before = numbers(m);

    CHECK_THROWS_WITH(m.add(other, truth),
                      "xloss::confusion_matrix: predicted labels [2, 2] do not fit the label map [2, 3]");
    CHECK_THROWS_WITH(m.add(label_map{{0, 1, 2}, {2, 0, 3}}, truth),
                      "xloss::confusion_matrix: the predicted label 3 at [1, 2] is outside [0, 3)");
    CHECK_THROWS_WITH(
        m.add(truth, label_map{{0, 1, 2}, {2, -1, 0}}),
        "xloss::confusion_matrix: label -1 at [1, 1] is outside [0, 3) and not the ignored 255");
    CHECK_THROWS_AS(m.add(truth, masked(truth, other)), shape_error);
    CHECK_THROWS_WITH(m.add(truth, weighted(truth, -1.0 * truth)),
                      "xloss::confusion_matrix: the weight at [0, 0, 1] is not a finite number >= 0");
    CHECK_THROWS_WITH(m.add_scores(xt::xtensor<float, 3>(xt::zeros<float>({2, 4, 3})), truth),
                      "xloss::confusion_matrix: scores [2, 4, 3] are not [B, 3, ...]");
    CHECK_THROWS_AS(m.add_scores(x, other), shape_error);
    CHECK_THROWS_WITH(m.add_scores(x, x), "xloss::confusion_matrix: the target [2, 3, 3] is no label map, "
                                          "which has no class axis");
    x(1, 2, 1) = std::numeric_limits<float>::quiet_NaN(); // ignored there
    CHECK_NOTHROW(confusion_matrix(m).add_scores(x, truth));
    x(1, 1, 2) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_WITH(m.add_scores(x, truth), "xloss::confusion_matrix: the score at [1, 1, 2] is NaN");
    CHECK_THROWS_WITH(
        m.add_logits(truth * 1.0, truth),
        "xloss::confusion_matrix: one logit per pixel is for 2 classes, and not for 3: add_scores");
    CHECK(numbers(m) == before);

    const xt::xtensor<double, 2> logits{{1.0, -1.0, not_a_number}};
    CHECK_THROWS_WITH(mask.add_logits(logits, label_map{{0, 1, 1}}),
                      "xloss::confusion_matrix: the logit at [0, 2] is NaN");
    CHECK_THROWS_WITH(mask.add_logits(logits, label_map{{0, 255, 1}}),
                      "xloss::confusion_matrix: the mask at [0, 1] is 255.000000, neither 0 nor 1");
    CHECK_THROWS_AS(mask.add_logits(logits, xt::xtensor<float, 2>{{0.5F, 1.F, 1.F}}), target_error);
    CHECK_THROWS_AS(mask.add_logits(logits, label_map{{0, 1}}), shape_error);
    CHECK_THROWS_AS(mask.add_logits(logits, label_map{{0, 1, 1}}, not_a_number), parameter_error);
    CHECK(mask.total() == 0.0);

    CHECK_THROWS_WITH(confusion_matrix(1),
                      "xloss::confusion_matrix: 1 classes; a mask has two, background and foreground");
    CHECK_THROWS_WITH(m.at(0, 3), "xloss::confusion_matrix: class 3 is outside [0, 3)");
    CHECK_THROWS_AS(m.mean_iou({.classes = {0, 3}}), parameter_error);
    const xt::xtensor<int, 0> scalar(0);
    CHECK_THROWS_WITH(m.add(scalar, scalar),
                      "xloss::confusion_matrix: a label map [] needs a sample axis, [B, ...]");
}
