// SciPy's distances, made by tests/golden/distances.py.

#include "support/golden.hpp"
#include "support/catch.hpp"
#include "support/ulp.hpp"

#include <xloss/distance/distance_transform.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using namespace xloss;

template <class T>
double worst(const xt::xarray<T>& found, const xt::xarray<double>& expected) {
    REQUIRE(found.shape() == expected.shape());
    double most = 0.0;
    for (std::size_t i = 0; i < found.size(); ++i)
        most = std::max(most, testing::ulp_error(found.data()[i], expected.data()[i]));
    return most;
}

template <class T>
void check(const std::string& name) {
    INFO(name);
    const auto mask = golden::load<std::uint8_t>("distance/" + name + ".mask");
    const auto stored = golden::load<double>("distance/" + name + ".spacing");
    const std::vector<double> spacing(stored.begin(), stored.end());
    CHECK(worst<T>(distance_transform<T>(mask, {.spacing = spacing}),
                   golden::load<double>("distance/" + name + ".edt")) <= 1.0);
    CHECK(worst<T>(signed_distance<T>(mask, {.spacing = spacing}),
                   golden::load<double>("distance/" + name + ".signed")) <= 1.0);
    // 1 - d cancels: in units of its larger operand.
    const xt::xarray<double> expected = golden::load<double>("distance/" + name + ".kervadec");
    const xt::xarray<T> found =
        signed_distance<T>(mask, {.spacing = spacing, .convention = distance_convention::kervadec});
    for (std::size_t i = 0; i < found.size(); ++i)
        REQUIRE(std::abs(static_cast<double>(found.data()[i]) - expected.data()[i]) <=
                std::numeric_limits<T>::epsilon() * (1.0 + std::abs(expected.data()[i])));
}

} // namespace

TEMPLATE_TEST_CASE("distances are SciPy's", "[distance][golden]", float, double) {
    for (const char* name : {"line", "line_spaced", "plane", "plane_noise", "plane_spaced", "volume",
                             "volume_same", "volume_spaced"})
        check<TestType>(name);
}
