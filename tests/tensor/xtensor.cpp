#include <xloss/tensor/xtensor.hpp>

#include "support/catch.hpp"

#include <cstddef>
#include <type_traits>
#include <vector>

// clang 19 with xtensor 0.24 refuses this file unless the header settles which specialisation is meant.
TEST_CASE("containers of every kind of rank can be made and filled", "[tensor][xtensor]") {
    const std::vector<std::size_t> extents{2, 3};
    xt::xarray<float> dynamic(extents);
    dynamic.fill(2.0f);
    xt::xarray<float, xt::layout_type::dynamic> either(extents, xt::layout_type::column_major);
    either.fill(3.0f);
    xt::xtensor<float, 2> ranked = dynamic + either;
    xt::xtensor_fixed<float, xt::xshape<2, 3>> fixed = ranked;
    REQUIRE(fixed(1, 2) == 5.0f);
    static_assert(std::is_same_v<xt::rebind_container_t<std::ptrdiff_t, xt::xarray<float>::shape_type>,
                                 xt::xarray<float>::strides_type>);
}
