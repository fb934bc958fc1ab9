#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/tensor/planes.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <cstddef>
#include <vector>

namespace {

using xloss::tensor::interleaved;
using xloss::tensor::layout_of;
using xloss::tensor::plane_window;
using xloss::tensor::sink;
using xloss::tensor::source;

constexpr std::size_t samples = 2, classes = 11, height = 6, width = 7, pixels = height * width, row = 48;

/// [B, H, W, C] in memory.
template <class T>
xt::xtensor<T, 4> channels_last() {
    auto x = xt::xtensor<T, 4>::from_shape({samples, height, width, classes});
    for (std::size_t i = 0; i < x.size(); ++i)
        x.data()[i] = static_cast<T>(i + 1);
    return x;
}

template <class T>
void check_read() {
    const auto memory = channels_last<T>();
    const auto x = xt::transpose(memory, {0, 3, 1, 2});
    const source<float> from(x);
    for (const std::size_t n : {std::size_t{1}, std::size_t{16}, std::size_t{23}, std::size_t{39}}) {
        std::vector<float> rows(classes * row, -1.0F);
        const std::size_t first = classes * pixels + 3; // pixel 3 of sample 1
        REQUIRE(from.read_planes({first, pixels, classes, n}, rows.data(), row));
        for (std::size_t c = 0; c < classes; ++c)
            for (std::size_t i = 0; i < row; ++i) {
                const std::size_t at = 3 + i;
                CHECK(rows[c * row + i] ==
                      (i < n ? static_cast<float>(memory(1, at / width, at % width, c)) : -1.0F));
            }
    }
}

} // namespace

TEST_CASE("the planes of a channels-last tensor are read together", "[tensor]") {
    check_read<float>();
    check_read<double>();
    check_read<int>();
}

TEST_CASE("the planes of a channels-last tensor are written together", "[tensor]") {
    auto memory = channels_last<double>();
    auto x = xt::transpose(memory, {0, 3, 1, 2});
    const sink<float> to(x);
    const plane_window w{5, pixels, classes, 33};
    REQUIRE(to.prefers_planes(w));
    std::vector<float> rows(classes * row);
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i] = -static_cast<float>(i);
    to.commit_planes(w, rows.data(), row);
    const auto before = channels_last<double>();
    for (std::size_t b = 0; b < samples; ++b)
        for (std::size_t i = 0; i < pixels; ++i)
            for (std::size_t c = 0; c < classes; ++c) {
                const bool written = b == 0 && i >= 5 && i < 38;
                CHECK(memory(b, i / width, i % width, c) ==
                      (written ? -static_cast<double>(c * row + i - 5) : before(b, i / width, i % width, c)));
            }
}

TEST_CASE("volumes, single samples and part of the channels are interleaved too", "[tensor]") {
    const auto volume = xt::xtensor<float, 5>::from_shape({3, 2, 4, 5, 3});
    const auto x = xt::transpose(volume, {0, 4, 1, 2, 3});
    const auto strides = interleaved(layout_of(x), {2 * 3 * 40 + 7, 40, 3, 33});
    REQUIRE(strides);
    CHECK(strides->offset == 2 * 120 + 7 * 3);
    CHECK(strides->plane == 1);
    CHECK(strides->element == 3);

    const auto one = xt::xtensor<float, 4>::from_shape({1, 4, 5, 3});
    CHECK(interleaved(layout_of(xt::transpose(one, {0, 3, 1, 2})), {0, 20, 3, 20}));
    const auto some = xt::view(one, xt::all(), xt::all(), xt::all(), xt::range(0, 2));
    const auto of_some = interleaved(layout_of(xt::transpose(some, {0, 3, 1, 2})), {0, 20, 2, 20});
    REQUIRE(of_some);
    CHECK(of_some->element == 3);
}

TEST_CASE("rows are the order of whatever is not interleaved", "[tensor]") {
    const auto plain = xt::xtensor<float, 4>::from_shape({2, 3, 4, 5});
    CHECK_FALSE(interleaved(layout_of(plain), {0, 20, 3, 20}));
    // A crop of the rows: pixels have no one stride.
    const auto last = xt::xtensor<float, 4>::from_shape({2, 4, 5, 3});
    const auto crop = xt::view(last, xt::all(), xt::all(), xt::range(0, 4), xt::all());
    CHECK_FALSE(interleaved(layout_of(xt::transpose(crop, {0, 3, 1, 2})), {0, 16, 3, 16}));
    // Every second row: planes are farther apart than elements.
    const auto thin = xt::view(plain, xt::all(), xt::all(), xt::range(0, 4, 2), xt::all());
    CHECK_FALSE(interleaved(layout_of(thin), {0, 10, 3, 10}));

    const source<float> dense(plain);
    std::vector<float> rows(3 * 20);
    CHECK_FALSE(dense.read_planes({0, 20, 3, 20}, rows.data(), 20));
    const auto sum = plain + 1.0F;
    CHECK_FALSE(source<float>(sum).read_planes({0, 20, 3, 20}, rows.data(), 20));
}
