#ifndef XLOSS_LOSSES_MCC_HPP
#define XLOSS_LOSSES_MCC_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <vector>

namespace xloss {

/// Loss by Matthews' correlation coefficient: 1 - (tp tn - fp fn)/sqrt((tp + fp)(tp + fn)(tn + fp)(tn + fn))
/// of every region, then the mean over regions; tp = sum p y + eps, fp = sum p (1 - y) + eps, fn = sum (1 -
/// p) y + eps, tn = sum (1 - p)(1 - y) + eps.
///
/// In [0, 2]: 0 is perfect, 1 no better than chance, 2 the opposite of the target. It sees the true negatives
/// too. Each of the four is summed as its own product: tn as what the others leave would lose 8 digits.
///
/// **Shapes and modes.** All modes. A region is a sample (and a class of it, where logits have a class axis);
/// with `region::batch` all samples together. In multiclass a class is held against all the others.
///
/// **Parameters.** `eps` >= 0. `class_weights` >= 0, not all zero, weigh the mean over the classes of a
/// sample.
///
/// **Gradient.** No kinks.
///
/// **Empty.** Of a region without a true pixel `empty` decides; by the formula its loss goes from 1/2, where
/// nothing is predicted, to 3/2, where all is, and that of a region without a false pixel the other way
/// round. With eps = 0 both are 0/0, a score of 1 without gradient. All pixels ignored: 0, with gradient 0.
///
/// **Source.** Abhishek and Hamarneh 2021, ISBI, doi 10.1109/ISBI48211.2021.9433782.
///
/// **Elsewhere.**
/// - SMP's MCCLoss (binary, on probabilities): `binary(mcc{.over = region::batch}, {.activation =
///   activation::none})`.
/// - The authors add eps once, to the product under the root, and set a perfect region to 0: they agree
///   beyond eps where a region has true and false pixels.
///
/// @throws parameter_error for an eps that is negative or no number, class weights that are negative, all
/// zero or of the wrong length, a class that is not there.
struct mcc {
    static constexpr const char* name = "mcc";
    static constexpr unsigned modes = modes::every;

    double eps = 1e-5;                         ///< added to tp, fp, fn and tn
    region over = region::sample;              ///< what shares one score
    empty_region empty = empty_region::smooth; ///< what a region without a true pixel gives
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};          ///< of the mean over the classes of a sample

    struct term {
        static constexpr const char* name = mcc::name;
        static constexpr unsigned sums = sums::tp | sums::fp | sums::fn | sums::tn;
        engine::region_options regions{};
        double eps = 1e-5;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            const S tp = r.tp + eps, fp = r.fp + eps, fn = r.fn + eps, tn = r.tn + eps;
            // Root by root: a product of four sums next to 0 underflows long before its roots.
            const S spread = sqrt(tp + fp) * sqrt(tp + fn) * sqrt(tn + fp) * sqrt(tn + fn);
            return 1.0 - engine::score(tp * tn - fp * fn, spread);
        }
    };

    template <class Run>
    auto bind(const survey&, Run&& run) const {
        engine::check_number(name, "eps", eps);
        return run(term{engine::region_options(*this), eps});
    }

    /// The value alone.
    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
