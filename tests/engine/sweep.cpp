// Neither the way an input is stored, nor the way a gradient is, nor the type of a target changes a bit.

#include "support/catch.hpp"
#include "support/expressions.hpp"
#include "support/own_losses.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace {

using made_up::same_elements, made_up::same_evaluation;

const std::array<std::size_t, 4> shape{2, 3, 37, 41};
const std::array<std::size_t, 3> map_shape{2, 37, 41};

const auto masks = 20.0 * xloss::bce{} + user::tversky{};
const auto labels =
    xloss::multiclass(xloss::cross_entropy{.label_smoothing = 0.1} + user::tversky{}, {.ignore_index = 2});

/// Runs a loss on the same logits in every way they can be stored.
template <class Loss, class Y>
void check_storage(const Loss& loss, const Y& y) {
    const auto x = made_up::logits<float>(shape);
    const auto expected = xloss::value_and_grad(loss, x, y);
    const auto agrees = [&](const char* how, const auto& stored) {
        INFO(how);
        const auto found = xloss::value_and_grad(loss, stored, y);
        CHECK(same_evaluation(found, expected));
        CHECK(same_elements(found.grad, expected.grad));
    };
    const xt::xarray<float> dynamic = x;
    agrees("dynamic rank", dynamic);
    const xt::xtensor<float, 4, xt::layout_type::column_major> column = x;
    agrees("column major", column);
    std::vector<float> memory(x.storage().begin(), x.storage().end());
    agrees("adaptor over a pointer", xt::adapt(memory.data(), memory.size(), xt::no_ownership(), shape));
    auto wide = xt::xtensor<float, 4>::from_shape({shape[0], shape[1], shape[2], 2 * shape[3]});
    wide.fill(1e30f);
    xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(0, 2 * shape[3], 2)) = x;
    agrees("strided view", xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(0, 2 * shape[3], 2)));
    const xt::xtensor<float, 4> turned = xt::transpose(x, {3, 0, 2, 1});
    agrees("transposed view", xt::transpose(turned, {1, 3, 2, 0}));
    agrees("lazy expression", x + 0.0f);
    const xt::xtensor<float, 4> half = x * 0.5f;
    agrees("lazy expression of two", half + half);
}

template <class G, class Loss, class X, class Y>
void check_into(const char* how, G&& grad, const Loss& loss, const X& x, const Y& y) {
    INFO(how);
    const auto expected = xloss::value_and_grad(loss, x, y);
    const auto written = xloss::value_and_grad_into(grad, loss, x, y);
    CHECK(same_evaluation(written, expected));
    CHECK(same_elements(grad, expected.grad));
    grad.fill(0.5f);
    xloss::value_and_grad_into(grad, loss, x, y, {.upstream = 2.0, .accumulate = true});
    const xt::xtensor<float, 4> twice = xloss::value_and_grad(loss, x, y, {.upstream = 2.0}).grad;
    bool all = true;
    for (std::size_t b = 0; b < shape[0]; ++b)
        for (std::size_t c = 0; c < shape[1]; ++c)
            for (std::size_t i = 0; i < shape[2]; ++i)
                for (std::size_t j = 0; j < shape[3]; ++j)
                    all = all && std::abs(grad(b, c, i, j) - (0.5f + twice(b, c, i, j))) <= 1e-7f;
    CHECK(all);
}

/// Writes the gradient into every kind of tensor that can be written.
template <class Loss, class Y>
void check_sinks(const Loss& loss, const Y& y) {
    const auto x = made_up::logits<float>(shape);
    check_into("xtensor", xt::xtensor<float, 4>(shape), loss, x, y);
    check_into("column major", xt::xtensor<float, 4, xt::layout_type::column_major>(shape), loss, x, y);
    std::vector<float> memory(x.size());
    check_into("adaptor over a pointer", xt::adapt(memory.data(), memory.size(), xt::no_ownership(), shape),
               loss, x, y);
    auto wide = xt::xtensor<float, 4>::from_shape({shape[0], shape[1], shape[2], 2 * shape[3]});
    wide.fill(7.0f);
    check_into("strided view", xt::view(wide, xt::all(), xt::all(), xt::all(), xt::range(1, 2 * shape[3], 2)),
               loss, x, y);
    bool between = true; // what lies between the elements of the view stays
    for (std::size_t i = 0; i < wide.size(); i += 2)
        between = between && wide.storage()[i] == 7.0f;
    CHECK(between);
    auto planes = xt::xtensor<float, 4>::from_shape({shape[0], 5, shape[2], shape[3]});
    check_into("view without strides", xt::view(planes, xt::all(), xt::keep(4, 0, 2)), loss, x, y);
}

/// Says that it is about numbers, and looks at their sigmoid all the same.
struct half_numbers {
    static constexpr const char* name = "half_numbers";
    static constexpr bool without_activation = true;

    template <class V>
    xloss::point<V> at(const xloss::pixel<V>& s) const {
        return {s.x * s.p - s.y * s.log_q, s.p + (s.x * s.q + s.y) * s.p};
    }
};

/// Every pixel of a call has the value and the slope that it has in a call of its own, a vector of nothing
/// else: whatever loops its tile, its strip and its vector go through.
template <class T, class Loss>
void check_pixels_alone(const Loss& loss) {
    constexpr std::size_t width = xloss::simd::native_width<T>, vectors = 2 * 1024 / width + 21;
    const auto summed = xloss::binary(loss, {.reduction = xloss::reduction::sum});
    const std::array<std::size_t, 2> all{1, vectors * width}, one{1, width};
    const auto x = made_up::logits<T>(all);
    const auto y = made_up::labels<T>(all);
    const auto values = xloss::unreduced(summed, x, y);
    const auto slopes = xloss::value_and_grad(summed, x, y).grad;
    for (std::size_t j = 0; j < all[1]; j += 5) {
        const xt::xtensor<T, 2> own(one, x(0, j)), target(one, y(0, j));
        INFO("pixel " << j);
        CHECK(xloss::unreduced(summed, own, target)(0, 0) == values(0, j));
        CHECK(xloss::value_and_grad(summed, own, target).grad(0, 0) == slopes(0, j));
    }
}

} // namespace

TEMPLATE_TEST_CASE("a pixel does not see where in a tile it stands", "[engine][evaluate]", float, double) {
    check_pixels_alone<TestType>(xloss::bce{.label_smoothing = 0.1});
    check_pixels_alone<TestType>(xloss::focal{.gamma = 1.5});
    check_pixels_alone<TestType>(xloss::mse{});
    check_pixels_alone<TestType>(user::brier{});
    check_pixels_alone<TestType>(half_numbers{});
}

TEST_CASE("a term that says it is about numbers may look at their sigmoid all the same",
          "[engine][evaluate]") {
    const auto x = made_up::logits<float>(shape);
    const auto y = made_up::labels<float>(shape);
    const auto alone = xloss::value_and_grad(half_numbers{}, x, y);
    const auto beside = xloss::value_and_grad(xloss::bce{} + half_numbers{}, x, y);
    CHECK(alone.value == Approx(beside.terms[1].value).epsilon(1e-6));
}

TEST_CASE("how logits are stored changes no bit", "[engine][evaluate]") {
    check_storage(masks, made_up::labels<float>(shape));
    check_storage(labels, made_up::labels<std::uint8_t>(map_shape, 3));
}

TEST_CASE("the gradient goes into every kind of tensor that can be written", "[engine][evaluate]") {
    check_sinks(masks, made_up::labels<float>(shape));
    check_sinks(labels, made_up::labels<std::uint8_t>(map_shape, 3));
}

TEST_CASE("a gradient of another format than the logits is rounded once", "[engine][evaluate]") {
    const auto x = made_up::logits<double>(shape);
    const auto y = made_up::labels<float>(shape);
    const auto expected = xloss::value_and_grad(masks, x, y);
    xt::xtensor<float, 4> single(shape);
    xloss::value_and_grad_into(single, masks, x, y);
    CHECK(std::equal(single.storage().begin(), single.storage().end(), expected.grad.storage().begin(),
                     [](float a, double b) { return a == static_cast<float>(b); }));
}

TEST_CASE("the type of a mask changes no bit", "[engine][evaluate]") {
    const auto x = made_up::logits<float>(shape);
    const auto w = made_up::weights<float>(shape);
    const auto expected = xloss::value_and_grad(masks, x, xloss::weighted(made_up::labels<float>(shape), w));
    const auto agrees = [&](const auto& y) {
        const auto found = xloss::value_and_grad(masks, x, xloss::weighted(y, w));
        CHECK(same_evaluation(found, expected));
        CHECK(same_elements(found.grad, expected.grad));
    };
    agrees(made_up::labels<bool>(shape));
    agrees(made_up::labels<std::uint8_t>(shape));
    agrees(made_up::labels<std::int64_t>(shape));
    agrees(made_up::labels<double>(shape));
    agrees(made_up::labels<int>(shape) + 0);
    const xt::xtensor<double, 4> precise = w;
    const auto found =
        xloss::value_and_grad(masks, x, xloss::weighted(made_up::labels<float>(shape), precise));
    CHECK(same_elements(found.grad, expected.grad));
    const auto valid = made_up::labels<bool>(shape);
    const auto valid_numbers = made_up::labels<int>(shape);
    CHECK(same_elements(xloss::value_and_grad(masks, x, xloss::masked(valid_numbers, valid)).grad,
                        xloss::value_and_grad(masks, x, xloss::masked(valid_numbers, valid_numbers)).grad));
}

TEST_CASE("a mask of bytes, which kernels read as it stands, changes no bit", "[engine][evaluate]") {
    const auto x = made_up::logits<float>(shape);
    const auto agrees = [&](const char* how, const auto& loss, const auto& numbers, const auto& bytes) {
        INFO(how);
        const auto expected = xloss::value_and_grad(loss, x, numbers);
        const auto found = xloss::value_and_grad(loss, x, bytes);
        CHECK(same_evaluation(found, expected));
        CHECK(same_elements(found.grad, expected.grad));
    };
    const auto numbers = made_up::labels<float>(shape);
    const auto bytes = made_up::labels<std::uint8_t>(shape);
    const auto bools = made_up::labels<bool>(shape);
    const auto multilabel = xloss::multilabel(masks);
    const auto shared = xloss::multimask(masks);
    const auto joined = xloss::multimask(xloss::bce{}); // tiles run from mask to mask
    const auto one_numbers = made_up::labels<float>(map_shape);
    const auto one_bytes = made_up::labels<std::uint8_t>(map_shape);
    agrees("uint8", masks, numbers, bytes);
    agrees("bool", masks, numbers, bools);
    agrees("pointwise alone", xloss::bce{}, numbers, bytes);
    agrees("multilabel", multilabel, numbers, bytes);
    agrees("a mask for each candidate", shared, numbers, bytes);
    agrees("one mask for all", shared, one_numbers, one_bytes);
    agrees("one mask for all, joined", joined, one_numbers, one_bytes);
    agrees("ignored", xloss::multilabel(masks, {.ignore_index = 1}), numbers, bytes);
    const xt::xtensor<std::uint8_t, 4, xt::layout_type::column_major> column = bytes;
    agrees("column major", masks, numbers, column);
    agrees("a view", masks, xt::view(numbers, xt::all(), xt::all()), xt::view(bytes, xt::all(), xt::all()));
    const xt::xtensor<double, 4> precise = x;
    CHECK(same_elements(xloss::value_and_grad(masks, precise, bytes).grad,
                        xloss::value_and_grad(masks, precise, numbers).grad));
    const xt::xtensor<float, 4> p = xt::clip(x, 0.1f, 0.9f);
    const auto given = xloss::binary(masks, {.activation = xloss::activation::none});
    CHECK(same_elements(xloss::value_and_grad(given, p, bytes).grad,
                        xloss::value_and_grad(given, p, numbers).grad));
}

TEST_CASE("the type of a label map changes no bit", "[engine][evaluate]") {
    const auto x = made_up::logits<float>(shape);
    const auto expected = xloss::value_and_grad(labels, x, made_up::labels<int>(map_shape, 3));
    const auto agrees = [&](const auto& y) {
        const auto found = xloss::value_and_grad(labels, x, y);
        CHECK(same_evaluation(found, expected));
        CHECK(same_elements(found.grad, expected.grad));
    };
    agrees(made_up::labels<std::uint8_t>(map_shape, 3));
    agrees(made_up::labels<std::int8_t>(map_shape, 3));
    agrees(made_up::labels<std::uint16_t>(map_shape, 3));
    agrees(made_up::labels<std::int64_t>(map_shape, 3));
    agrees(made_up::labels<std::uint64_t>(map_shape, 3));
    agrees(made_up::labels<std::uint8_t>(map_shape, 3) + 0);
    const xt::xtensor<int, 3, xt::layout_type::column_major> column = made_up::labels<int>(map_shape, 3);
    agrees(column);
}
