#include <xloss/tensor/shape.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <cstddef>
#include <vector>

using xloss::tensor::index_string;
using xloss::tensor::shape;
using xloss::tensor::shape_of;

TEST_CASE("a shape in words, its size and its extents", "[tensor][shape]") {
    const xt::xtensor<float, 4> logits(std::array<std::size_t, 4>{2, 1, 5, 7});
    const shape box = shape_of(logits);
    REQUIRE(box.to_string() == "[2, 1, 5, 7]");
    REQUIRE(box.rank == 4);
    REQUIRE(box.size() == 70);
    REQUIRE(box[2] == 5);
}

TEST_CASE("a scalar has one element, a shape with a zero none", "[tensor][shape]") {
    REQUIRE(shape_of(xt::xtensor<float, 0>()).size() == 1);
    REQUIRE(shape_of(xt::xtensor<float, 0>()).to_string() == "[]");
    REQUIRE(shape_of(xt::xtensor<float, 2>(std::array<std::size_t, 2>{0, 3})).size() == 0);
}

TEST_CASE("shapes are equal when rank and extents are, whatever the kind", "[tensor][shape]") {
    const xt::xtensor<float, 2> a(std::array<std::size_t, 2>{2, 3});
    const xt::xarray<int> b(std::vector<std::size_t>{2, 3});
    const xt::xtensor_fixed<double, xt::xshape<2, 3>> c{};
    REQUIRE(shape_of(a) == shape_of(b));
    REQUIRE(shape_of(a) == shape_of(c));
    REQUIRE(shape_of(a) == shape_of(a + a));
    REQUIRE_FALSE(shape_of(a) == shape_of(xt::transpose(a)));
    REQUIRE_FALSE(shape_of(a) == shape_of(xt::xtensor<float, 3>(std::array<std::size_t, 3>{2, 3, 0})));
    REQUIRE_FALSE(shape_of(a) == shape_of(xt::xtensor<float, 3>(std::array<std::size_t, 3>{2, 3, 1})));
}

TEST_CASE("the index of a row-major element in words", "[tensor][shape]") {
    shape box;
    box.rank = 4;
    box.extent = {2, 1, 5, 7};
    REQUIRE(index_string(box, 0) == "[0, 0, 0, 0]");
    REQUIRE(index_string(box, 25) == "[0, 0, 3, 4]");
    REQUIRE(index_string(box, 69) == "[1, 0, 4, 6]");
    REQUIRE(index_string(shape{}, 0) == "[]");
}

TEST_CASE("rank 8 is the highest", "[tensor][shape]") {
    REQUIRE(shape_of(xt::xarray<float>(std::vector<std::size_t>(8, 1))).rank == 8);
    REQUIRE_THROWS_AS(shape_of(xt::xarray<float>(std::vector<std::size_t>(9, 1))), xloss::shape_error);
    REQUIRE_THROWS_WITH(shape_of(xt::xarray<float>(std::vector<std::size_t>(9, 1))),
                        "a tensor of rank 9: at most 8 axes are supported");
}
