#ifndef XLOSS_TESTS_SUPPORT_REFERENCE_HPP
#define XLOSS_TESTS_SUPPORT_REFERENCE_HPP

// What every loss has to compute, written from its definition: plain loops over plain vectors, in long
// double, each option where the definition names it. Of the library it uses the enumerations and the
// parameters of the losses only.

#include "sorted.hpp"
#include "tape.hpp"

#include <xloss/criterion/selection.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/cross_entropy.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/losses/generalized_dice.hpp>
#include <xloss/losses/iou.hpp>
#include <xloss/losses/mcc.hpp>
#include <xloss/losses/poly_cross_entropy.hpp>
#include <xloss/losses/tversky.hpp>
#include <xloss/losses/unified_focal.hpp>
#include <xloss/losses/wasserstein_dice.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace reference {

/// The data of a call: logits (or probabilities), targets and weights of [samples, classes, pixels], in that
/// order. A weight is 0 where the element is ignored or masked; x and y may be anything there.
struct data {
    xloss::mode md = xloss::mode::binary;
    bool probabilities = false;
    std::size_t samples = 0, classes = 1, pixels = 0;
    std::vector<double> x{}, y{}, m{};

    [[nodiscard]] std::size_t size() const { return samples * classes * pixels; }
    [[nodiscard]] std::size_t at(std::size_t b, std::size_t c, std::size_t i) const {
        return (b * classes + c) * pixels + i;
    }
    [[nodiscard]] bool softmax() const { return md == xloss::mode::multiclass; }
};

/// The options of a call that a mean depends on.
struct settings {
    xloss::reduction reduction = xloss::reduction::mean;
    xloss::denominator denominator = xloss::denominator::weights;
};

/// Probabilities and their logarithms, with derivatives by the logits.
struct field : data {
    std::vector<number> input{}, p{}, q{}, log_p{}, log_q{};
    /// The largest exponent met, of a power u^gamma = exp(gamma log u) or of a softmax, exp(x_k - x_c): the
    /// rounding of an exponent is an error of the exponential relative to it.
    real log_power = 0;

    /// With `smoothed` targets, or soft ones, the slopes of all classes are added up before the own one is
    /// taken off again: the scale of a gradient is that of this sum. Otherwise log p has its own slope 1 - p
    /// to all digits.
    explicit field(const data& d, bool smoothed = false)
        : data(d), input(d.size()), p(d.size()), q(d.size()), log_p(d.size()), log_q(d.size()) {
        for (std::size_t b = 0; b < samples; ++b)
            for (std::size_t i = 0; i < pixels; ++i)
                if (softmax() && !probabilities)
                    softmax_at(b, i, smoothed);
                else
                    for (std::size_t c = 0; c < classes; ++c)
                        element(at(b, c, i));
    }

    [[nodiscard]] bool any_counts(std::size_t b, std::size_t i) const {
        for (std::size_t c = 0; c < classes; ++c)
            if (m[at(b, c, i)] != 0)
                return true;
        return false;
    }

private:
    void element(std::size_t e) {
        if (m[e] == 0)
            return;
        const number v = input[e] = number::variable(x[e]);
        if (probabilities) {
            p[e] = v;
            q[e] = 1 - v;
            log_p[e] = log(v);
            log_q[e] = log(1 - v);
        } else {
            p[e] = 1 / (1 + exp(-v));
            q[e] = 1 / (1 + exp(v));
            log_p[e] = -log1p(exp(-v));
            log_q[e] = -log1p(exp(v));
        }
    }

    void softmax_at(std::size_t b, std::size_t i, bool smoothed) {
        if (!any_counts(b, i))
            return;
        for (std::size_t c = 0; c < classes; ++c)
            input[at(b, c, i)] = number::variable(x[at(b, c, i)]);
        real largest = x[at(b, 0, i)];
        for (std::size_t c = 1; c < classes; ++c)
            largest = std::max<real>(largest, x[at(b, c, i)]);
        number sum = 0;
        bool dense = smoothed; // is more than one class of the target above 0?
        for (std::size_t c = 0; c < classes; ++c) {
            sum += exp(input[at(b, c, i)] - largest);
            dense = dense || (m[at(b, c, i)] != 0 && y[at(b, c, i)] != 0 && y[at(b, c, i)] != 1);
        }
        for (std::size_t c = 0; c < classes; ++c) {
            const std::size_t e = at(b, c, i);
            number others = 0; // relative to this class
            for (std::size_t k = 0; k < classes; ++k)
                if (k != c) {
                    others += exp(input[at(b, k, i)] - input[e]);
                    log_power = std::max(log_power, std::abs(input[at(b, k, i)].value - input[e].value));
                }
            log_p[e] = dense ? number::of(-std::log1p(others.value), std::log1p(others.value), input[e], 1,
                                          log(sum), -1)
                             : -log1p(others);
            log_q[e] = log(others / (1 + others));
            // Overlap sums are differentiated by dp_c/dx_k = p_c (delta - p_k), in words of p alone: the
            // scale is that of these products, also where p is next to 1 and they cancel.
            p[e] = exp(input[e] - largest) / sum;
            p[e].value = 1 / (1 + others.value);
            q[e] = number::of(others.value / (1 + others.value), others.value / (1 + others.value), p[e], -1);
        }
    }
};

/// What one loss gives.
struct result {
    number value{};
    real normalizer = 0;
    std::vector<number> unreduced{};
};

using model = std::function<result(field&, const settings&)>;

inline real of_class(const xloss::per_class& given, std::size_t c) {
    return given.is_list() ? given.list[c] : given.number;
}

/// y log p with 0 log 0 = 0.
inline number times_log(real y, const number& log_p) {
    return y == 0 ? number(0) : y * log_p;
}

/// u^g, by the logarithm where it is known better than u.
inline number power(field& f, const number& log_u, real g) {
    if (g == 0)
        return 1;
    f.log_power = std::max(f.log_power, std::abs(g * log_u.value));
    return exp(g * log_u);
}

// --- means over pixels
// ------------------------------------------------------------------------------------------------

/// What a mean over pixels divides by.
inline real denominator_of(const field& f, const settings& s, const xloss::per_class& class_weights) {
    if (s.reduction == xloss::reduction::sum)
        return 1;
    real weights = 0, valid = 0, all = 0;
    for (std::size_t b = 0; b < f.samples; ++b)
        for (std::size_t i = 0; i < f.pixels; ++i) {
            for (std::size_t c = 0; c < f.classes; ++c) {
                const std::size_t e = f.at(b, c, i);
                if (!f.softmax())
                    all += 1;
                if (f.m[e] == 0)
                    continue;
                weights += f.m[e] * of_class(class_weights, c) * (f.softmax() ? f.y[e] : 1);
                if (!f.softmax())
                    valid += 1;
            }
            if (f.softmax()) {
                all += 1;
                valid += f.any_counts(b, i) ? 1 : 0;
            }
        }
    switch (s.denominator) {
    case xloss::denominator::weights:
        return weights;
    case xloss::denominator::valid:
        return valid;
    default:
        return all;
    }
}

inline number quotient(const number& a, const number& b) {
    return b.value == 0 ? number(0) : a / b;
}

/// The mean of m w l, where at(e, c) gives l of an element that counts (in multiclass with y in it).
inline result mean_over_pixels(field& f, const settings& s, const xloss::per_class& class_weights,
                               const std::function<number(std::size_t, std::size_t)>& at) {
    result r;
    for (std::size_t b = 0; b < f.samples; ++b)
        for (std::size_t c = 0; c < f.classes; ++c)
            for (std::size_t i = 0; i < f.pixels; ++i) {
                const std::size_t e = f.at(b, c, i), unit = f.softmax() ? b * f.pixels + i : e;
                if (unit >= r.unreduced.size())
                    r.unreduced.resize(unit + 1);
                if (f.m[e] == 0)
                    continue;
                const number l = f.m[e] * of_class(class_weights, c) * at(e, c);
                r.unreduced[unit] += l;
                r.value += l;
            }
    r.normalizer = denominator_of(f, s, class_weights);
    r.value = quotient(r.value, r.normalizer);
    return r;
}

inline model model_of(const xloss::bce& loss) {
    return [loss](field& f, const settings& s) {
        return mean_over_pixels(f, s, {}, [&](std::size_t e, std::size_t c) {
            const real y = f.y[e] * (1 - loss.label_smoothing) + loss.label_smoothing / 2;
            return -(times_log(of_class(loss.pos_weight, c) * y, f.log_p[e]) + times_log(1 - y, f.log_q[e]));
        });
    };
}

inline model model_of(const xloss::weighted_bce&) {
    return [](field& f, const settings& s) {
        real positive = 0, all = 0;
        for (std::size_t e = 0; e < f.size(); ++e)
            if (f.m[e] != 0) {
                positive += f.m[e] * static_cast<real>(f.y[e]);
                all += f.m[e];
            }
        const real w = (all - positive) / (positive + 1e-8L);
        return mean_over_pixels(f, s, {}, [&](std::size_t e, std::size_t) {
            return -(times_log(w * f.y[e], f.log_p[e]) +
                     times_log(1 - static_cast<real>(f.y[e]), f.log_q[e]));
        });
    };
}

inline model model_of(const xloss::focal& loss) {
    return [loss](field& f, const settings& s) {
        const auto modulation = [&](std::size_t e) {
            if (f.softmax())
                return power(f, f.log_q[e], loss.gamma);
            const real y = f.y[e];
            if (y == 1)
                return power(f, f.log_q[e], loss.gamma);
            if (y == 0)
                return power(f, f.log_p[e], loss.gamma);
            return power(f, log(f.p[e] * (1 - y) + f.q[e] * y), loss.gamma);
        };
        result r = mean_over_pixels(f, s, loss.class_weights, [&](std::size_t e, std::size_t c) -> number {
            const real y = f.y[e], alpha = of_class(loss.alpha, c);
            if (f.softmax()) {
                if (y == 0)
                    return 0;
                return y * (alpha < 0 ? 1 : alpha) * modulation(e) * -f.log_p[e];
            }
            const real a = alpha < 0 ? 1 : alpha * y + (1 - alpha) * (1 - y);
            return a * modulation(e) * -(times_log(y, f.log_p[e]) + times_log(1 - y, f.log_q[e]));
        });
        if (!loss.normalized || s.reduction == xloss::reduction::sum)
            return r;
        number sum = 0, total = 0;
        for (std::size_t e = 0; e < f.size(); ++e) {
            if (f.m[e] == 0 || (f.softmax() && f.y[e] == 0))
                continue;
            const std::size_t c = e / f.pixels % f.classes;
            total += f.m[e] * of_class(loss.class_weights, c) * (f.softmax() ? f.y[e] : 1) * modulation(e);
        }
        for (const number& l : r.unreduced)
            sum += l;
        r.value = quotient(sum, total);
        r.normalizer = total.value;
        return r;
    };
}

inline model model_of(const xloss::cross_entropy& loss) {
    return [loss](field& f, const settings& s) {
        const real e = loss.label_smoothing;
        return mean_over_pixels(f, s, loss.class_weights, [&](std::size_t at, std::size_t) {
            return -times_log((1 - e) * f.y[at] + e / static_cast<real>(f.classes), f.log_p[at]);
        });
    };
}

inline model model_of(const xloss::poly_cross_entropy& loss) {
    return [loss](field& f, const settings& s) {
        return mean_over_pixels(f, s, loss.class_weights, [&](std::size_t e, std::size_t) {
            const real y = f.y[e];
            const number positive = -times_log(y, f.log_p[e]) + loss.epsilon * (y * f.q[e]);
            if (f.softmax())
                return positive;
            return positive - times_log(1 - y, f.log_q[e]) + loss.epsilon * ((1 - y) * f.p[e]);
        });
    };
}

// --- means over regions
// -----------------------------------------------------------------------------------------------

struct sums {
    number tp{}, fp{}, fn{}, tn{}, pred{}, pred2{}, absdiff{};
    real target = 0, target2 = 0, weight = 0;
    std::size_t cls = 0;
    std::vector<number> predicted{}; // sum m y p_c of every class c, where it is asked for

    void add(const field& f, std::size_t e) {
        const real m = f.m[e];
        if (m == 0)
            return;
        const real y = f.y[e];
        tp += m * y * f.p[e];
        fp += m * (1 - y) * f.p[e];
        fn += m * y * f.q[e];
        tn += m * (1 - y) * f.q[e];
        pred += m * f.p[e];
        pred2 += m * (f.p[e] * f.p[e]);
        // p next to 1 has lost its distance to a target of 1, in long double too: 1 - p has not.
        absdiff += m * abs(f.p[e].value > 0.5L ? (1 - y) - f.q[e] : f.p[e] - y);
        target += m * y;
        target2 += m * y * y;
        weight += m;
    }
};

/// The options of a mean over regions.
struct region_settings {
    xloss::region over = xloss::region::sample;
    xloss::empty_region empty = xloss::empty_region::smooth;
    std::vector<std::size_t> classes{};
    bool include_background = true;
    xloss::per_class class_weights{};
    bool confusions = false; // `predicted` is asked for
};

inline std::vector<std::size_t> kept_classes(const field& f, const region_settings& r) {
    std::vector<std::size_t> kept;
    if (r.classes.empty())
        for (std::size_t c = 0; c < f.classes; ++c)
            kept.push_back(c);
    else
        kept = r.classes;
    if (!r.include_background)
        kept.erase(std::remove(kept.begin(), kept.end(), std::size_t{0}), kept.end());
    return kept;
}

inline sums sums_of(const field& f, const region_settings& r, std::size_t group, std::size_t c) {
    sums s;
    s.cls = c;
    s.predicted.resize(r.confusions ? f.classes : 0);
    for (std::size_t b = 0; b < f.samples; ++b)
        for (std::size_t i = 0; i < f.pixels; ++i) {
            const std::size_t e = f.at(b, c, i);
            if (r.over != xloss::region::batch && b != group)
                continue;
            s.add(f, e);
            for (std::size_t k = 0; k < s.predicted.size() && f.m[e] != 0; ++k)
                s.predicted[k] += real(f.m[e]) * real(f.y[e]) * f.p[f.at(b, k, i)];
        }
    return s;
}

using region_formula = std::function<number(const sums&)>;
using classes_formula = std::function<number(const std::vector<sums>&)>;

/// First over the classes of a sample, by their weights, then over the samples in which a class counted. With
/// `joint` all classes of a sample are one region.
inline result mean_over_regions(const field& f, const settings& s, const region_settings& options,
                                const region_formula& of_region, const classes_formula& joint = {}) {
    result r;
    const std::size_t groups = options.over == xloss::region::batch ? 1 : f.samples;
    number total = 0;
    real counted = 0;
    for (std::size_t group = 0; group < groups; ++group) {
        std::vector<std::vector<sums>> regions;
        if (joint)
            regions.emplace_back();
        for (const std::size_t c : kept_classes(f, options)) {
            if (!joint)
                regions.emplace_back();
            regions.back().push_back(sums_of(f, options, group, c));
        }
        number losses = 0;
        real weights = 0;
        for (const std::vector<sums>& region : regions) {
            real weight = 0, target = 0;
            for (const sums& one : region) {
                weight += one.weight;
                target += one.target;
            }
            const bool nothing = weight == 0, empty = target == 0;
            r.unreduced.emplace_back(0);
            if (options.empty == xloss::empty_region::skip && (nothing || empty))
                continue;
            const real w = joint ? 1 : of_class(options.class_weights, region[0].cls);
            weights += w;
            if (nothing || (options.empty == xloss::empty_region::zero && empty))
                continue;
            const number l = w * (joint ? joint(region) : of_region(region[0]));
            r.unreduced.back() = l;
            losses += l;
        }
        if (s.reduction == xloss::reduction::sum)
            total += losses;
        else if (weights > 0) {
            total += losses / weights;
            counted += 1;
        }
    }
    r.normalizer = s.reduction == xloss::reduction::sum ? 1 : counted;
    r.value = quotient(total, r.normalizer);
    return r;
}

inline number score_loss(const number& numerator, const number& denominator, bool log_form) {
    const number score = denominator.value == 0 ? number(1) : numerator / denominator;
    if (!log_form)
        return 1 - score;
    if (score.value <= 1e-7L)
        return -std::log(1e-7L);
    number l = -log(score);
    l.scale += score.scale / score.value; // a relative error of the score is an absolute one of its logarithm
    return l;
}

/// The options of a loss of one region at a time.
template <class Loss>
region_settings region_settings_of(const Loss& loss) {
    return {loss.over, loss.empty, loss.classes, loss.include_background, loss.class_weights};
}

/// tp, P and Y in a form.
struct overlap {
    number tp{}, pred{};
    real target = 0;

    overlap(const sums& r, xloss::soft_form form) : tp(r.tp), pred(r.pred), target(r.target) {
        if (form == xloss::soft_form::squared) {
            pred = r.pred2;
            target = r.target2;
        }
        if (form == xloss::soft_form::semimetric)
            tp = 0.5 * (pred + target - r.absdiff);
    }
};

inline model model_of(const xloss::dice& loss) {
    return [loss](field& f, const settings& s) {
        return mean_over_regions(f, s, region_settings_of(loss), [&](const sums& r) {
            const overlap o(r, loss.form);
            return score_loss(2 * o.tp + loss.smooth_nr.value_or(loss.smooth),
                              o.pred + o.target + loss.smooth_dr.value_or(loss.smooth), loss.log);
        });
    };
}

inline model model_of(const xloss::iou& loss) {
    return [loss](field& f, const settings& s) {
        return mean_over_regions(f, s, region_settings_of(loss), [&](const sums& r) {
            const overlap o(r, loss.form);
            return score_loss(o.tp + loss.smooth_nr.value_or(loss.smooth),
                              o.pred + o.target - o.tp + loss.smooth_dr.value_or(loss.smooth), loss.log);
        });
    };
}

inline model model_of(const xloss::tversky& loss) {
    return [loss](field& f, const settings& s) {
        const real nr = loss.smooth_nr.value_or(loss.smooth), dr = loss.smooth_dr.value_or(loss.smooth);
        return mean_over_regions(f, s, region_settings_of(loss), [&](const sums& r) -> number {
            const overlap o(r, loss.form);
            const bool product = loss.form == xloss::soft_form::product;
            const number fp = product ? r.fp : o.pred - o.tp, fn = product ? r.fn : o.target - o.tp;
            const number missed = loss.alpha * fp + loss.beta * fn, size = o.tp + missed + dr;
            number one = 0;
            if (loss.log)
                one = score_loss(o.tp + nr, size, true);
            else if (size.value != 0)
                one = (missed + (dr - nr)) / size;
            if (loss.gamma == 1)
                return one;
            return one.value > 0 || loss.gamma == 0 ? pow(one, loss.gamma) : number(0);
        });
    };
}

inline model model_of(const xloss::mcc& loss) {
    return [loss](field& f, const settings& s) {
        return mean_over_regions(f, s, region_settings_of(loss), [&](const sums& r) {
            const number tp = r.tp + loss.eps, fp = r.fp + loss.eps, fn = r.fn + loss.eps,
                         tn = r.tn + loss.eps;
            const number product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
            return score_loss(tp * tn - fp * fn, pow(product, 0.5L), false);
        });
    };
}

inline model model_of(const xloss::generalized_dice& loss) {
    return [loss](field& f, const settings& s) {
        const region_settings options{loss.over, loss.empty, loss.classes, loss.include_background, {}};
        const auto volume_weight = [&](real volume) {
            switch (loss.weighting) {
            case xloss::volume_weighting::square:
                return 1 / (volume * volume + loss.weight_smooth);
            case xloss::volume_weighting::simple:
                return 1 / (volume + loss.weight_smooth);
            default:
                return real(1);
            }
        };
        return mean_over_regions(f, s, options, {}, [&](const std::vector<sums>& classes) {
            real largest = 0;
            for (const sums& r : classes)
                if (r.target > 0)
                    largest = std::max(largest, volume_weight(r.target));
            number hits = 0, sizes = 0;
            for (const sums& r : classes) {
                real w = 0;
                if (r.target > 0)
                    w = volume_weight(r.target);
                else if (loss.empty == xloss::empty_region::skip)
                    continue;
                else if (loss.weight_smooth > 0 || loss.weighting == xloss::volume_weighting::uniform)
                    w = volume_weight(0);
                else
                    w = largest;
                hits += w * r.tp;
                sizes += w * (r.pred + r.target);
            }
            return score_loss(2 * hits + loss.smooth_nr.value_or(loss.smooth),
                              sizes + loss.smooth_dr.value_or(loss.smooth), loss.log);
        });
    };
}

inline model model_of(const xloss::wasserstein_dice& loss) {
    return [loss](field& f, const settings& s) {
        region_settings options;
        options.over = loss.over;
        options.confusions = true;
        return mean_over_regions(f, s, options, {}, [&](const std::vector<sums>& classes) {
            const bool volume = loss.weighting == xloss::wasserstein_weighting::volume;
            real largest = 0;
            for (const auto& row : loss.distances)
                largest = std::max<real>(largest, *std::max_element(row.begin(), row.end()));
            number missed = 0, whole = loss.smooth;
            for (const sums& r : classes) {
                const real a = volume ? 1 / (r.target + 1) : 1, right = volume || r.cls != 0 ? 2 : 0;
                number cost = 0;
                for (std::size_t c = 0; c < r.predicted.size(); ++c)
                    cost += (loss.distances.empty() ? real(c != r.cls) : loss.distances[r.cls][c] / largest) *
                            r.predicted[c];
                missed += a * cost;
                whole += a * (right * (r.target - cost) + cost);
            }
            return whole.value == 0 ? number(0) : missed / whole;
        });
    };
}

inline model model_of(const xloss::unified_focal& loss) {
    return [loss](field& f, const settings& s) {
        const real delta = loss.delta, gamma = loss.gamma;
        const auto miss = [&](const number& tp, const number& fn, const number& fp) {
            const number missed = delta * fn + (1 - delta) * fp;
            return missed / (tp + missed + 1e-7L);
        };
        const auto foreground = [&](const sums& r) { return pow(miss(r.tp, r.fn, r.fp), 1 - gamma); };
        result regions;
        if (f.softmax())
            regions = mean_over_regions(f, s, {}, {}, [&](const std::vector<sums>& classes) {
                number sum = miss(classes[0].tp, classes[0].fn, classes[0].fp);
                for (std::size_t c = 1; c < classes.size(); ++c)
                    sum += foreground(classes[c]);
                return sum / static_cast<real>(classes.size());
            });
        else // each mask with its other side
            regions = mean_over_regions(
                f, s, {}, [&](const sums& r) { return 0.5 * (miss(r.tn, r.fp, r.fn) + foreground(r)); });
        const result pixels = mean_over_pixels(f, s, {}, [&](std::size_t e, std::size_t c) -> number {
            const real y = f.y[e];
            const auto background = [&](real share, const number& log_p, const number& log_q) -> number {
                return share == 0 ? number(0) : (1 - delta) * share * power(f, log_q, gamma) * -log_p;
            };
            if (!f.softmax())
                return background(1 - y, f.log_q[e], f.log_p[e]) - times_log(delta * y, f.log_p[e]);
            return c == 0 ? background(y, f.log_p[e], f.log_q[e]) : -times_log(delta * y, f.log_p[e]);
        });
        result r;
        r.value = static_cast<real>(loss.weight) * regions.value +
                  (1 - static_cast<real>(loss.weight)) * pixels.value;
        r.normalizer = regions.normalizer;
        return r;
    };
}

// --- a whole call
// -----------------------------------------------------------------------------------------------------

// --- selections
// -------------------------------------------------------------------------------------------------------

/// The elements that count, as numbers of what `unreduced` holds.
inline std::vector<std::size_t> candidates_of(const field& f) {
    std::vector<std::size_t> units;
    for (std::size_t b = 0; b < f.samples; ++b)
        for (std::size_t c = 0; c < (f.softmax() ? 1 : f.classes); ++c)
            for (std::size_t i = 0; i < f.pixels; ++i)
                if (f.softmax() ? f.any_counts(b, i) : f.m[f.at(b, c, i)] != 0)
                    units.push_back(f.softmax() ? b * f.pixels + i : f.at(b, c, i));
    return units;
}

/// What a loss gives where only these elements count.
inline result of_kept(const model& inside, field& f, const settings& s,
                      const std::vector<std::size_t>& kept) {
    field only = f;
    std::fill(only.m.begin(), only.m.end(), 0.0);
    for (const std::size_t unit : kept)
        for (std::size_t c = 0; c < (f.softmax() ? f.classes : 1); ++c) {
            const std::size_t e = f.softmax() ? f.at(unit / f.pixels, c, unit % f.pixels) : unit;
            only.m[e] = f.m[e];
        }
    result r = inside(only, s);
    f.log_power = std::max(f.log_power, only.log_power);
    return r;
}

template <class Loss>
model model_of(const xloss::top_k_loss<Loss>& loss) {
    return [inside = model_of(loss.loss), fraction = loss.fraction](field& f, const settings& s) {
        const std::vector<number> losses = inside(f, {xloss::reduction::sum}).unreduced;
        std::vector<std::size_t> units = candidates_of(f);
        const auto count = static_cast<std::size_t>(fraction * static_cast<double>(units.size()));
        sort_indices(units, [&](std::size_t a, std::size_t b) { return losses[a].value > losses[b].value; });
        units.resize(std::min(units.size(), std::max<std::size_t>(1, count)));
        return of_kept(inside, f, s, units);
    };
}

template <class Loss>
model model_of(const xloss::ohem_loss<Loss>& loss) {
    return [inside = model_of(loss.loss), loss](field& f, const settings& s) {
        std::vector<std::size_t> units = candidates_of(f);
        std::vector<real> certainty(f.size(), 0);
        for (std::size_t e = 0; e < f.size(); ++e) {
            if (f.m[e] == 0)
                continue;
            const std::size_t unit = f.softmax() ? e / (f.classes * f.pixels) * f.pixels + e % f.pixels : e;
            certainty[unit] += f.y[e] * f.p[e].value + (f.softmax() ? 0 : (1 - f.y[e]) * f.q[e].value);
        }
        std::sort(units.begin(), units.end(),
                  [&](std::size_t a, std::size_t b) { return certainty[a] < certainty[b]; });
        if (!units.empty()) {
            const real least = certainty[units[std::min(loss.min_kept * f.samples, units.size() - 1)]];
            const real bound = std::max<real>(loss.threshold, least);
            std::erase_if(units, [&](std::size_t unit) { return !(certainty[unit] < bound); });
        }
        return of_kept(inside, f, s, units);
    };
}

/// A loss of a sum with its factor.
struct weighted_model {
    real weight;
    model loss;
    bool smooths = false; // its targets are above 0 in every class
};

template <class Loss>
weighted_model weighted_model_of(real weight, const Loss& loss) {
    if constexpr (requires { loss.label_smoothing; })
        return {weight, model_of(loss), loss.label_smoothing > 0};
    else
        return {weight, model_of(loss), false};
}

struct value {
    real value = 0, scale = 0, normalizer = 0;
};

/// What a call has to give. Every scale is what rounding is relative to.
struct expectation {
    value total{};
    std::vector<value> terms{};
    std::size_t valid = 0;
    std::vector<tape::derivative> gradient{};
    std::vector<value> unreduced{}; // of the sum, where all its terms have one of the same size
    std::vector<tape::derivative> gradient_of_unreduced{}; // of sum u l
    value weighted_unreduced{};                            // sum u l
    real log_power = 0;
};

inline value as_value(const number& n, real normalizer) {
    return {n.value, n.scale, normalizer};
}

inline std::vector<tape::derivative> gradient_of(const field& f, const number& value) {
    const auto all = tape::current().backwards(value.place);
    std::vector<tape::derivative> gradient(f.size());
    for (std::size_t e = 0; e < f.size(); ++e)
        if (f.input[e].place != tape::constant)
            gradient[e] = all[f.input[e].place];
    return gradient;
}

/// The factor with which the tests weight unreduced loss i.
inline double upstream_of(std::size_t i) {
    return 0.25 * static_cast<double>((i * 7 + 3) % 11) - 1.0;
}

inline expectation expect(const data& d, const settings& s, const std::vector<weighted_model>& losses) {
    tape::current().clear();
    field f(d,
            std::any_of(losses.begin(), losses.end(), [](const weighted_model& one) { return one.smooths; }));
    expectation e;
    number total = 0;
    std::vector<number> unreduced;
    for (std::size_t i = 0; i < losses.size(); ++i) {
        const result r = losses[i].loss(f, s);
        e.terms.push_back(as_value(r.value, r.normalizer));
        total += losses[i].weight * r.value;
        if (i == 0)
            unreduced.resize(r.unreduced.size());
        if (r.unreduced.size() == unreduced.size())
            for (std::size_t k = 0; k < unreduced.size(); ++k)
                unreduced[k] += losses[i].weight * r.unreduced[k];
        else
            unreduced.clear();
    }
    e.total = as_value(total, e.terms[0].normalizer);
    e.gradient = gradient_of(f, total);
    number weighted = 0;
    for (std::size_t k = 0; k < unreduced.size(); ++k) {
        e.unreduced.push_back(as_value(unreduced[k], 1));
        weighted += upstream_of(k) * unreduced[k];
    }
    e.weighted_unreduced = as_value(weighted, 1);
    if (!unreduced.empty())
        e.gradient_of_unreduced = gradient_of(f, weighted);
    for (std::size_t b = 0; b < f.samples; ++b)
        for (std::size_t i = 0; i < f.pixels; ++i)
            for (std::size_t c = 0; c < f.classes; ++c) {
                if (f.softmax() ? !f.any_counts(b, i) : f.m[f.at(b, c, i)] == 0)
                    continue;
                if (!f.softmax() || c == 0)
                    ++e.valid;
            }
    e.log_power = f.log_power;
    return e;
}

} // namespace reference

#endif
