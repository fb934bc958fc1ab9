// Losses of one's own: the formula is all there is to write.
#include <cstdint>
#include <iostream>

#include <xloss/testing/gradient_check.hpp>
#include <xloss/xloss.hpp>

namespace mine {

/// Brier score (p - y)^2, mean over pixels. V is a vector of pixels; the slope is the derivative by p.
struct brier {
    template <class V>
    xloss::point<V> at_probability(const xloss::pixel<V>& s) const {
        const V miss = s.p - s.y;
        return {miss * miss, 2.0 * miss};
    }
};

/// Squared relative error of the volume, ((P - Y)/(P + Y + 1))^2 of every region. It needs no derivative.
struct volume_error {
    static constexpr unsigned sums = xloss::sums::pred;

    template <class S>
    S region_loss(const xloss::region_sums<S>& r) const {
        const S error = (r.pred - r.target) / (r.pred + r.target + 1.0);
        return error * error;
    }
};

} // namespace mine

int main() {
    using namespace xloss::operators; // for sums that begin with a loss of one's own
    std::cout.precision(4);

    const xt::xtensor<double, 3> logits{{{2.0, -1.0, 0.5, 0.0}, {-3.0, 1.5, 0.0, 1.0}}}; // [B, C, N]
    const xt::xtensor<std::uint8_t, 3> mask{{{1, 0, 1, 0}, {0, 1, 0, 1}}};
    const xt::xtensor<int, 2> labels{{0, 1, 1, 255}};

    const auto loss = mine::brier{} + 0.5 * mine::volume_error{} + xloss::dice{};
    const auto r = xloss::value_and_grad(loss, logits, mask);
    std::cout << "binary: " << r.value << " = " << r.terms[0].value << " + 0.5 * " << r.terms[1].value
              << " + " << r.terms[2].value << '\n';

    // Every mode, ignored pixels, weights: nothing more to write.
    std::cout << "multilabel: " << xloss::value(xloss::multilabel(loss), logits, mask) << '\n';
    const auto softmax = xloss::multiclass(loss, {.ignore_index = 255});
    std::cout << "multiclass: " << xloss::value(softmax, logits, labels) << '\n';
    std::cout << "one against the rest: "
              << xloss::value(xloss::one_vs_rest(loss, {.ignore_index = 255}), logits, labels) << '\n';

    // And proof that the slopes are right.
    for (const auto& check : {xloss::testing::gradient_check(loss, logits, mask),
                              xloss::testing::gradient_check(softmax, logits, labels)})
        std::cout << (check ? "gradient agrees with central differences\n" : check.message() + "\n");
}
