// Checking the gradient of a loss, or of all that you made of one, against central differences of its value.
#include <iostream>

#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

namespace mine {

/// Squared error of the probability, with a slip in the derivative by the logit: p (1 - p) is forgotten.
struct squared_error {
    template <class V>
    xloss::point<V> at(const xloss::pixel<V>& s) const {
        const V miss = s.p - s.y;
        return {miss * miss, 2.0 * miss};
    }
};

} // namespace mine

int main() {
    std::cout.precision(4);
    const xt::xtensor<double, 2> logits{{2.0, -1.0, 0.5}, {-3.0, 1.5, 0.25}};
    const xt::xtensor<int, 2> mask{{1, 0, 1}, {0, 255, 0}};

    // Whatever you run can be checked: sums, modes, options, weights.
    const auto loss =
        xloss::binary(20.0 * xloss::focal{.gamma = 1.5} + xloss::dice{.log = true}, {.ignore_index = 255});
    const auto right = xloss::testing::gradient_check(loss, logits, mask);
    std::cout << "20 focal + dice: " << (right ? "right\n" : right.message() + "\n");

    // A report names the worst element. In a test: REQUIRE(xloss::testing::gradient_check(...)).
    const auto wrong = xloss::testing::gradient_check(
        xloss::binary(mine::squared_error{}, {.ignore_index = 255}), logits, mask);
    std::cout << "squared error: " << (wrong ? "right" : "wrong") << ", worst at " << wrong.worst_index
              << ", gradient " << wrong.gradient << ", central difference " << wrong.difference << '\n';

    // How closely it looks can be set: distance of the differences, largest error that passes.
    const auto coarse = xloss::testing::gradient_check(loss, logits, mask, {.step = 1e-2, .tolerance = 1e-4});
    std::cout << "with a coarser look: " << (coarse ? "right" : "wrong") << '\n';
}
