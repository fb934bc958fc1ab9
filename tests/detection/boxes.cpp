// detection/boxes.hpp and detection/centerness.hpp.

#include "detection/box_cases.hpp"

#include <xloss/detection/boxes.hpp>
#include <xloss/detection/centerness.hpp>

#include <string>

using namespace box_cases;
using made_up::same_elements;
using matrix = xt::xtensor<double, 2>;

namespace {

/// sum g f(x) has the gradient backward(g): by differences, exact for what is linear.
template <class Map, class Backward>
void check_backward(const Map& map, const Backward& backward) {
    const many_boxes<double> b(5);
    const matrix g = b.target - 20.0;
    const matrix pulled = backward(g);
    for (std::size_t i = 0; i < g.size(); ++i) {
        matrix moved = b.predicted;
        moved.data()[i] += 1.0;
        const double difference = xt::sum(g * (map(moved) - map(b.predicted)))();
        CHECK(close(pulled.data()[i], difference, 1e-12));
    }
}

} // namespace

TEST_CASE("boxes by centre, by corner and by two corners") {
    const matrix corners{{1.0, 2.0, 5.0, 8.0}, {3.0, 3.0, 3.0, 3.0}, {5.0, 2.0, 1.0, 8.0}};
    const matrix centres{{3.0, 5.0, 4.0, 6.0}, {3.0, 3.0, 0.0, 0.0}, {3.0, 5.0, -4.0, 6.0}};
    const matrix coco{{1.0, 2.0, 4.0, 6.0}, {3.0, 3.0, 0.0, 0.0}, {5.0, 2.0, -4.0, 6.0}};
    CHECK(same_elements(xloss::xyxy_to_cxcywh(corners), centres));
    CHECK(same_elements(xloss::cxcywh_to_xyxy(centres), corners));
    CHECK(same_elements(xloss::xyxy_to_xywh(corners), coco));
    CHECK(same_elements(xloss::xywh_to_xyxy(coco), corners));
}

TEST_CASE("boxes: gradients are pulled back to the parametrization of the network") {
    check_backward([](const auto& x) { return xloss::cxcywh_to_xyxy(x); },
                   [](const auto& g) { return xloss::cxcywh_to_xyxy_backward(g); });
    check_backward([](const auto& x) { return xloss::xyxy_to_cxcywh(x); },
                   [](const auto& g) { return xloss::xyxy_to_cxcywh_backward(g); });
    check_backward([](const auto& x) { return xloss::xywh_to_xyxy(x); },
                   [](const auto& g) { return xloss::xywh_to_xyxy_backward(g); });
    check_backward([](const auto& x) { return xloss::xyxy_to_xywh(x); },
                   [](const auto& g) { return xloss::xyxy_to_xywh_backward(g); });
}

TEST_CASE("boxes: any number type and layout in, float or double out, more rows than are read at once") {
    const xt::xtensor<int, 2> whole{{1, 2, 5, 8}};
    const auto from_int = xloss::xyxy_to_xywh(whole);
    static_assert(std::is_same_v<typename decltype(from_int)::value_type, float>);
    CHECK(from_int(0, 2) == 4.0F);
    const many_boxes<double> b(301);
    const xt::xtensor<double, 2, xt::layout_type::column_major> by_column = b.predicted;
    CHECK(same_elements(xloss::xyxy_to_cxcywh(by_column), xloss::xyxy_to_cxcywh(b.predicted)));
    CHECK(same_elements(xloss::cxcywh_to_xyxy(xloss::xyxy_to_cxcywh(b.predicted)),
                        b.predicted)); // multiples of 1/8
    CHECK(xloss::xyxy_to_xywh(matrix::from_shape({0, 4})).size() == 0);
    std::string said;
    try {
        xloss::cxcywh_to_xyxy(matrix::from_shape({4, 5}));
    } catch (const xloss::shape_error& e) {
        said = e.what();
    }
    CHECK(said == "xloss::cxcywh_to_xyxy: [4, 5] is not [N, 4]");
}

TEST_CASE("centerness of a location: 1 in the middle, 0 on an edge and outside") {
    // sqrt(1/4 * 1/9) = 1/6.
    const matrix distances{{2.0, 3.0, 2.0, 3.0},      {1.0, 1.0, 4.0, 9.0},  {4.0, 9.0, 1.0, 1.0},
                           {0.0, 1.0, 5.0, 1.0},      {-1.0, 1.0, 5.0, 1.0}, {0.0, 0.0, 0.0, 0.0},
                           {1e-200, 1.0, 1.0, 1e-200}};
    const auto c = xloss::centerness_target(distances);
    CHECK(c(0) == 1.0);
    CHECK(close(c(1), 1.0 / 6.0));
    CHECK(close(c(2), 1.0 / 6.0));
    CHECK(c(3) == 0.0);
    CHECK(c(4) == 0.0);
    CHECK(c(5) == 0.0);
    CHECK(close(c(6) / 1e-200, 1.0));
    CHECK_THROWS_AS(xloss::centerness_target(matrix::from_shape({4, 3})), xloss::shape_error);
}
