// engine/zeros.hpp: 0 between the listed rows and nowhere else, in gradients of any size and layout.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

#include <xloss/engine/zeros.hpp>
#include <xloss/tensor/gather.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace {

/// Elements that are not what they should be: 0, or in listed rows what was there.
template <class Tensor>
std::size_t count_wrong(Tensor& t, std::size_t length, const std::vector<std::size_t>& rows) {
    std::fill(t.begin(), t.end(), 42.0f);
    executors::threads threads;
    const xloss::tensor::shape row{{length}, 1};
    xloss::engine::write_zeros_between(xloss::tensor::sink<float>(t), {rows, row}, threads);
    std::size_t wrong = 0, i = 0;
    for (const auto v : t) {
        const bool listed = std::binary_search(rows.begin(), rows.end(), i++ / length);
        wrong += v != static_cast<decltype(v)>(listed ? 42 : 0);
    }
    return wrong;
}

} // namespace

TEST_CASE("zeros between rows", "[engine]") {
    const std::vector<std::vector<std::size_t>> lists{{}, {0}, {6}, {0, 1, 2, 3, 4, 5, 6}, {2, 3, 5}};
    for (const std::size_t length :
         {1U, 5U, 1000U, 100000U}) // of several pieces, and with pieces inside a row
        for (const auto& rows : lists) {
            INFO("rows of " << length << ", " << rows.size() << " of them listed");
            auto dense = xt::xtensor<float, 2>::from_shape({7, length});
            CHECK(count_wrong(dense, length, rows) == 0);
            auto wide = xt::xtensor<float, 2>({7, 2 * length}, 1.0f);
            auto strided = xt::view(wide, xt::all(), xt::range(0, 2 * length, 2));
            CHECK(count_wrong(strided, length, rows) == 0);
            CHECK(wide(6, 1) == 1.0f);
            auto wider = xt::xtensor<double, 2>::from_shape({7, length});
            CHECK(count_wrong(wider, length, rows) == 0);
        }
    // Too large for the caches.
    constexpr std::size_t length = xloss::engine::cached_bytes / sizeof(float) / 7 + 3;
    auto large = xt::xtensor<float, 2>::from_shape({7, length});
    CHECK(count_wrong(large, length, {1, 4}) == 0);
}
