#ifndef XLOSS_LOSSES_DICE_HPP
#define XLOSS_LOSSES_DICE_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/region.hpp>
#include <xloss/engine/survey.hpp>

#include <cstddef>
#include <optional>
#include <vector>

namespace xloss {

/// Dice loss: 1 - (2 tp + s)/(P + Y + s) of every region, then the mean over regions. Milletari et al. 2016,
/// arXiv 1606.04797, is `form = soft_form::squared`; Mask R-CNN's soft Dice is `smooth = 1e-6`; SMP's smooth
/// is half of ours.
///
/// A region is a sample (and a class of it, where logits have a class axis), with `region::batch` all samples
/// together. All modes. With smooth = 0 an empty region without prediction (0/0) has score 1. `log`: -log
/// max(score, 1e-7), whose gradient below 1e-7 is 0.
/// @throws parameter_error for a smooth that is negative or no number, class weights that are negative, all
/// zero or of the wrong length, a class that is not there.
struct dice {
    static constexpr const char* name = "dice";
    static constexpr std::size_t variants = 2;
    static constexpr unsigned modes = 3; // every mode

    double smooth = 1.0;                            ///< s, in numerator and denominator
    std::optional<double> smooth_nr{}, smooth_dr{}; ///< where they differ
    soft_form form = soft_form::product;
    region over = region::sample;
    empty_region empty = empty_region::smooth;
    std::vector<std::size_t> classes{}; ///< the classes that count, after the activation; none listed: all
    bool include_background = true;     ///< false: not class 0
    per_class class_weights{};
    bool log = false;

    template <unsigned Sums>
    struct term {
        static constexpr const char* name = dice::name;
        static constexpr unsigned sums = Sums;
        engine::region_options regions{};
        engine::smoothing smooth;
        soft_form form = soft_form::product;
        bool log = false;

        template <class S>
        S region_loss(const region_sums<S>& r) const {
            const engine::overlap<S> o(r, form);
            return engine::score_loss(engine::score(2.0 * o.tp + smooth.nr, o.pred + o.target + smooth.dr),
                                      log);
        }
    };

    static constexpr unsigned product_sums = sums::tp | sums::pred;
    static constexpr unsigned all_sums = product_sums | sums::pred2 | sums::absdiff | sums::target2;

    template <class Run>
    auto bind(const survey& s, Run&& run) const {
        if (form == soft_form::product)
            return run(bound<product_sums>(s));
        return bind_general(s, run);
    }

    template <class Run>
    auto bind_general(const survey& s, Run&& run) const {
        return run(bound<all_sums>(s));
    }

    template <unsigned Sums>
    term<Sums> bound(const survey& s) const {
        engine::check_class_weights(name, class_weights, s.classes);
        return {engine::region_options(*this), engine::smoothing(*this), form, log};
    }

    template <class X, class Y>
    auto operator()(const X& x, const Y& y) const {
        return value(*this, x, y);
    }
};

} // namespace xloss

#endif
