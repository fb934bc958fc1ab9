#ifndef XLOSS_TESTS_SUPPORT_OWN_LOSSES_HPP
#define XLOSS_TESTS_SUPPORT_OWN_LOSSES_HPP

// Losses as a user of the library writes them, one of each kind, with their models.

#include "reference.hpp"

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/region.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace user {

/// By the probability: every mode.
struct brier {
    template <class V>
    xloss::point<V> at_probability(const xloss::pixel<V>& s) const {
        const V d = s.p * (1.0 - s.y) - s.q * s.y; // p - y, to all digits where p is next to y
        return {d * d, 2.0 * d};
    }
};

/// By the logit: one sigmoid per element.
struct generalized_bce {
    double power = 2.0;
    xloss::per_class class_weights{};

    template <class V>
    xloss::point<V> at(const xloss::pixel<V>& s) const {
        const V not_y = 1.0 - s.y;
        return {s.y * (s.q - s.log_p) + not_y * (power * s.p - s.log_q),
                s.y * (-(s.p * s.q) - s.q) + not_y * (power * s.p * s.q + s.p)};
    }
};

/// By log p: softmax. Two points: a user's loss may collect sums of its own.
struct poly_cross_entropy {
    double epsilon = 1.0;
    xloss::per_class class_weights{};

    template <class V>
    xloss::point<V> at_class(const xloss::pixel<V>& s) const {
        return {s.y * (epsilon * s.q - s.log_p), -(s.y * (1.0 + epsilon * s.p))};
    }
};

/// A loss of one region; the engine differentiates it.
struct tversky {
    static constexpr unsigned sums = xloss::sums::tp | xloss::sums::fp | xloss::sums::fn;
    double alpha = 0.3;
    xloss::region over = xloss::region::sample;
    xloss::empty_region empty = xloss::empty_region::smooth;
    xloss::per_class class_weights{};

    template <class S>
    S region_loss(const xloss::region_sums<S>& r) const {
        return 1.0 - (r.tp + 1.0) / (r.tp + alpha * r.fp + (1.0 - alpha) * r.fn + 1.0);
    }
};

/// The same with its partials by hand.
struct tversky_by_hand : tversky {
    xloss::region_sums<double> region_slopes(const xloss::region_sums<double>& r) const {
        const double size = r.tp + alpha * r.fp + (1.0 - alpha) * r.fn + 1.0, part = (r.tp + 1.0) / size;
        xloss::region_sums<double> d;
        d.tp = (part - 1.0) / size;
        d.fp = part * alpha / size;
        d.fn = part * (1.0 - alpha) / size;
        return d;
    }
};

/// A loss over all classes of a sample at once; the engine differentiates it.
struct uneven {
    static constexpr unsigned sums = xloss::sums::pred | xloss::sums::pred2 | xloss::sums::tn;

    template <class S>
    S classes_loss(std::span<const xloss::region_sums<S>> classes) const {
        S sum = 1.0;
        for (const auto& r : classes)
            sum = sum * ((r.pred + 2.0) / (r.target + 0.5 * r.weight + 2.0)) + r.pred2 / (r.tn + 1.0);
        return sum;
    }
};

/// The same with its partials by hand.
struct uneven_by_hand : uneven {
    template <class S>
    xloss::region_sums<double> classes_slopes(std::span<const xloss::region_sums<S>> classes,
                                              std::size_t i) const {
        double sum = 1.0,
               rise = 1.0; // of what is summed up to class i, then of what later classes make of it
        for (std::size_t c = 0; c < classes.size(); ++c) {
            const auto& r = classes[c];
            const double factor = 1.0 / (r.target + 0.5 * r.weight + 2.0);
            if (c < i)
                sum = sum * (r.pred.value + 2.0) * factor + r.pred2.value / (r.tn.value + 1.0);
            if (c > i)
                rise *= (r.pred.value + 2.0) * factor;
        }
        const auto& own = classes[i];
        const double rest = own.tn.value + 1.0;
        xloss::region_sums<double> d;
        d.pred = rise * sum / (own.target + 0.5 * own.weight + 2.0);
        d.pred2 = rise / rest;
        d.tn = -rise * own.pred2.value / (rest * rest);
        return d;
    }
};

inline reference::model model_of(const brier&) {
    return [](reference::field& f, const reference::settings& s) {
        return reference::mean_over_pixels(f, s, {}, [&](std::size_t e, std::size_t) {
            const reference::real y = f.y[e];
            const reference::number d = f.p[e] * (1 - y) - f.q[e] * y;
            return d * d;
        });
    };
}

inline reference::model model_of(const generalized_bce& loss) {
    return [loss](reference::field& f, const reference::settings& s) {
        return reference::mean_over_pixels(f, s, loss.class_weights, [&](std::size_t e, std::size_t) {
            const reference::real y = f.y[e];
            return y * (f.q[e] - f.log_p[e]) + (1 - y) * (loss.power * f.p[e] - f.log_q[e]);
        });
    };
}

inline reference::model model_of(const poly_cross_entropy& loss) {
    return [loss](reference::field& f, const reference::settings& s) {
        return reference::mean_over_pixels(f, s, loss.class_weights, [&](std::size_t e, std::size_t) {
            return static_cast<reference::real>(f.y[e]) * (loss.epsilon * f.q[e] - f.log_p[e]);
        });
    };
}

inline reference::model model_of(const tversky& loss) {
    return [loss](reference::field& f, const reference::settings& s) {
        const reference::region_settings options{loss.over, loss.empty, {}, true, loss.class_weights};
        return reference::mean_over_regions(f, s, options, [&](const reference::sums& r) {
            const reference::number size =
                r.tp + loss.alpha * r.fp + (1 - static_cast<reference::real>(loss.alpha)) * r.fn + 1;
            return 1 - (r.tp + 1) / size;
        });
    };
}

inline reference::model model_of(const uneven&) {
    return [](reference::field& f, const reference::settings& s) {
        return reference::mean_over_regions(f, s, {}, {}, [](const std::vector<reference::sums>& classes) {
            reference::number sum = 1;
            for (const auto& r : classes)
                sum = sum * ((r.pred + 2) / (r.target + 0.5 * r.weight + 2)) + r.pred2 / (r.tn + 1);
            return sum;
        });
    };
}

} // namespace user

#endif
