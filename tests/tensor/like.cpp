#include <xloss/tensor/like.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <type_traits>
#include <vector>

using xloss::tensor::make_like;
using xloss::tensor::shape_of;
using xloss::tensor::value_type_of;
using xt::layout_type;

TEST_CASE("the gradient container has the rank and the kind of the logits", "[tensor][like]") {
    const auto t = kinds::numbered<float>({2, 3, 4});
    using static_rank = xt::xtensor<float, 3, layout_type::row_major>;
    static_assert(std::is_same_v<decltype(make_like<float>(t)), static_rank>);
    static_assert(std::is_same_v<decltype(make_like<float>(t + 1.0f)), static_rank>);
    static_assert(
        std::is_same_v<decltype(make_like<float>(xt::view(t, xt::all(), xt::newaxis(), 1))), static_rank>);
    const auto column = kinds::numbered<float, layout_type::column_major>({2, 3, 4});
    static_assert(std::is_same_v<decltype(make_like<float>(column)), static_rank>);
    static_assert(
        std::is_same_v<decltype(make_like<double>(column)), xt::xtensor<double, 3, layout_type::row_major>>);

    using dynamic_rank = xt::xarray<float, layout_type::row_major>;
    static_assert(std::is_same_v<decltype(make_like<float>(xt::xarray<float>())), dynamic_rank>);
    static_assert(std::is_same_v<decltype(make_like<float>(xt::xarray<float>() * 2.0f)), dynamic_rank>);
    const xt::dynamic_shape<std::size_t> flat{24};
    static_assert(std::is_same_v<decltype(make_like<float>(xt::reshape_view(t, flat))), dynamic_rank>);

    using fixed = xt::xtensor_fixed<float, xt::xshape<2, 3>>;
    static_assert(std::is_same_v<decltype(make_like<float>(fixed())), fixed>);

    REQUIRE(shape_of(make_like<float>(t)) == shape_of(t));
    REQUIRE(shape_of(make_like<double>(t + t)) == shape_of(t));
    REQUIRE(shape_of(make_like<float>(xt::reshape_view(t, flat))) == shape_of(xt::reshape_view(t, flat)));
    REQUIRE(shape_of(make_like<float>(xt::xtensor<float, 0>())).rank == 0);
    REQUIRE(shape_of(make_like<float>(fixed())).to_string() == "[2, 3]");
}

TEST_CASE("the element type of an expression has no const", "[tensor][like]") {
    const std::vector<float> data(6);
    const auto adaptor = xt::adapt(data.data(), 6, xt::no_ownership(), std::array<std::size_t, 2>{2, 3});
    static_assert(std::is_same_v<value_type_of<decltype(adaptor)>, float>);
    static_assert(std::is_same_v<value_type_of<decltype(adaptor > 0.0f)>, bool>);
    REQUIRE(adaptor.size() == 6);
}
