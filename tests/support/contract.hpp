#ifndef XLOSS_TESTS_SUPPORT_CONTRACT_HPP
#define XLOSS_TESTS_SUPPORT_CONTRACT_HPP

// The one contract, proved for a loss in a mode: every parameter given, crossed with all data of problem.hpp
// and all options of a call, against the reference. Each loss is compiled once per mode and format.

#include "catch.hpp"
#include "problem.hpp"
#include "reference.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/criterion/sum.hpp>
#include <xloss/criterion/target.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

namespace contract {

template <class T>
struct tensors {
    xt::xarray<T> x, y, weights, valid;
    xt::xarray<int> labels;
};

template <class T, class U>
xt::xarray<T> as_tensor(const std::vector<U>& from, const std::vector<std::size_t>& shape) {
    auto to = xt::xarray<T>::from_shape(shape);
    std::transform(from.begin(), from.end(), to.begin(), [](U v) { return static_cast<T>(v); });
    return to;
}

template <class T>
tensors<T> tensors_of(const problem& p) {
    const auto& shape = p.made_from.shape;
    tensors<T> t;
    t.x = as_tensor<T>(p.data.x, shape);
    if (p.labels.empty())
        t.y = as_tensor<T>(p.y, shape);
    else
        t.labels = as_tensor<int>(p.labels, p.label_shape);
    const bool rides = !p.weights.empty() || !p.valid.empty();
    if (!rides)
        return t;
    const auto ones = [&] {
        std::vector<std::size_t> plane = shape;
        if (p.data.md != xloss::mode::binary)
            plane[1] = 1;
        return xt::xarray<T>(xt::ones<T>(plane));
    };
    t.weights = p.weights.empty() ? ones() : as_tensor<T>(p.weights, p.weights_shape);
    t.valid = p.valid.empty() ? ones() : as_tensor<T>(p.valid, p.valid_shape);
    return t;
}

/// Calls f(target) with what the problem's target is in the library's words.
template <xloss::mode Mode, class T, class F>
auto with_target(const tensors<T>& t, bool labels, F&& f) {
    const auto ride = [&](const auto& y) {
        if (t.weights.dimension() == 0)
            return f(y);
        return f(xloss::weighted(xloss::masked(y, t.valid), t.weights));
    };
    if constexpr (Mode == xloss::mode::one_vs_rest)
        return ride(t.labels);
    else if constexpr (Mode == xloss::mode::multiclass)
        return labels ? ride(t.labels) : ride(t.y);
    else
        return ride(t.y);
}

// --- what is compared
// -------------------------------------------------------------------------------------------------

/// In the kernels a number below the smallest normal one is 0, a probability for instance. What formulas
/// multiply such a number by, weights, gamma, the 2 in 2p and the upstream gradient together, stays below 16
/// here.
template <class T>
constexpr double flushed = 16.0 * static_cast<double>(std::numeric_limits<T>::min());

struct tolerance {
    double value = 1e-12, gradient = 1e-11;
    double smallest = flushed<double>;

    template <class T>
    static tolerance of(const reference::expectation& e) {
        if constexpr (std::is_same_v<T, double>)
            return {};
        const double single = 2e-6 * std::max(1.0, static_cast<double>(e.log_power) / 16.0);
        return {single, single, flushed<float>};
    }
};

/// Collects what differs, in words; the first few of it.
class differences {
public:
    void compare(const std::string& what, double found, reference::real expected, reference::real scale,
                 double relative, double smallest) {
        const reference::real error = std::abs(found - expected);
        const reference::real allowed = scale == 0 ? 0 : scale * relative + smallest;
        if (error <= allowed)
            return;
        if (count_++ >= 3)
            return;
        text_.precision(17);
        text_ << "\n  " << what << ": found " << found << ", expected " << static_cast<double>(expected)
              << ", off by " << static_cast<double>(error) << ", allowed " << static_cast<double>(allowed);
    }

    void add(const std::string& what) {
        if (count_++ < 3)
            text_ << "\n  " << what;
    }

    [[nodiscard]] std::string text() const { return text_.str(); }

private:
    std::ostringstream text_{};
    int count_ = 0;
};

template <class Found>
void compare_values(differences& d, const reference::expectation& expected, const Found& found,
                    const tolerance& t) {
    d.compare("value", static_cast<double>(found.value), expected.total.value, expected.total.scale, t.value,
              t.smallest);
    d.compare("normalizer", found.normalizer, expected.total.normalizer, std::abs(expected.total.normalizer),
              t.value, 0);
    for (std::size_t i = 0; i < expected.terms.size(); ++i) {
        const auto& term = expected.terms[i];
        d.compare("term " + std::to_string(i), static_cast<double>(found.terms[i].value), term.value,
                  term.scale, t.value, t.smallest);
        d.compare("normalizer " + std::to_string(i), found.terms[i].normalizer, term.normalizer,
                  std::abs(term.normalizer), t.value, 0);
    }
    if (found.valid != expected.valid)
        d.add("valid: found " + std::to_string(found.valid) + ", expected " + std::to_string(expected.valid));
}

template <class T>
void compare_gradient(differences& d, const std::string& what,
                      const std::vector<reference::tape::derivative>& expected, const xt::xarray<T>& found,
                      double factor, const tolerance& t) {
    if (found.size() != expected.size())
        return d.add(what + " has another size");
    for (std::size_t e = 0; e < expected.size(); ++e)
        d.compare(what + " " + std::to_string(e), static_cast<double>(found.data()[e]),
                  factor * expected[e].value, std::abs(factor) * expected[e].scale, t.gradient, t.smallest);
}

/// Adds to a gradient that holds numbers, and NaN where nothing counts: there its bits must stay.
template <class T>
void compare_accumulated(differences& d, const problem& p,
                         const std::vector<reference::tape::derivative>& expected, double factor,
                         const xt::xarray<T>& before, const xt::xarray<T>& after, const tolerance& t) {
    using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    for (std::size_t b = 0, e = 0; b < p.data.samples; ++b)
        for (std::size_t c = 0; c < p.data.classes; ++c)
            for (std::size_t i = 0; i < p.data.pixels; ++i, ++e) {
                const T old = before.data()[e], now = after.data()[e];
                if (p.is_absent(b, c, i)) {
                    if (std::bit_cast<bits>(old) != std::bit_cast<bits>(now))
                        d.add("accumulate changes absent element " + std::to_string(e));
                    continue;
                }
                const reference::real sum = static_cast<reference::real>(old) + factor * expected[e].value;
                const reference::real scale = std::abs(old) + std::abs(factor) * expected[e].scale;
                d.compare("accumulated " + std::to_string(e), static_cast<double>(now), sum, scale,
                          t.gradient, t.smallest);
            }
}

template <class T>
xt::xarray<T> something_to_add_to(const problem& p) {
    auto g = as_tensor<T>(std::vector<double>(p.data.size(), 0.0), p.made_from.shape);
    for (std::size_t b = 0, e = 0; b < p.data.samples; ++b)
        for (std::size_t c = 0; c < p.data.classes; ++c)
            for (std::size_t i = 0; i < p.data.pixels; ++i, ++e)
                g.data()[e] = p.is_absent(b, c, i) ? std::numeric_limits<T>::quiet_NaN()
                                                   : static_cast<T>(e % 5) / T(64) - T(1) / T(32);
    return g;
}

// --- the proof
// --------------------------------------------------------------------------------------------------------

/// Whether `unreduced` of a loss compiles: its terms are of one kind.
enum class unreduced { exists, does_not };

template <class Loss>
struct named {
    std::string name;
    Loss loss;
    bool has_unreduced = true; // at run time
};

template <class Loss>
using list = std::vector<named<Loss>>;

/// first, first + step, ...: a per_class parameter.
inline std::vector<double> per_class_list(std::size_t classes, double first, double step) {
    std::vector<double> list;
    for (std::size_t c = 0; c < classes; ++c)
        list.push_back(first + step * static_cast<double>(c));
    return list;
}

template <class... Losses>
std::vector<reference::weighted_model> models_of(const xloss::loss_sum<Losses...>& sum) {
    return std::apply(
        [](const auto&... one) {
            return std::vector<reference::weighted_model>{
                reference::weighted_model_of(static_cast<reference::real>(one.weight), one.loss)...};
        },
        sum.terms);
}

template <class Loss>
std::vector<reference::weighted_model> models_of(const Loss& loss) {
    return {reference::weighted_model_of(1.0L, loss)};
}

/// All that can be asked of one loss with one choice of options.
template <class T, xloss::mode Mode, unreduced Unreduced, class Loss>
std::string prove_one(const named<Loss>& one, const problem& p, const tensors<T>& t,
                      const reference::settings& s) {
    const auto loss = xloss::criterion<Mode, Loss>{one.loss, p.options(s)};
    const reference::expectation expected = reference::expect(p.data, s, models_of(one.loss));
    const tolerance allowed = tolerance::of<T>(expected);
    differences d;
    with_target<Mode>(t, !p.labels.empty(), [&](const auto& y) {
        const auto found = xloss::value_and_grad(loss, t.x, y);
        compare_values(d, expected, found, allowed);
        compare_gradient(d, "gradient", expected.gradient, found.grad, 1.0, allowed);
        d.compare("value alone", static_cast<double>(xloss::value(loss, t.x, y)), expected.total.value,
                  expected.total.scale, allowed.value, allowed.smallest);

        const xt::xarray<T> before = something_to_add_to<T>(p);
        xt::xarray<T> after = before;
        const auto added =
            xloss::value_and_grad_into(after, loss, t.x, y, {.upstream = -2.5, .accumulate = true});
        compare_values(d, expected, added, allowed);
        compare_accumulated(d, p, expected.gradient, -2.5, before, after, allowed);

        if constexpr (Unreduced == unreduced::exists) {
            if (!one.has_unreduced)
                return;
            const auto all = xloss::unreduced(loss, t.x, y);
            if (all.size() != expected.unreduced.size())
                return d.add("unreduced has another size");
            xt::xarray<double> upstream = xt::zeros<double>(all.shape());
            for (std::size_t i = 0; i < all.size(); ++i) {
                const auto& l = expected.unreduced[i];
                d.compare("unreduced " + std::to_string(i), static_cast<double>(all.data()[i]), l.value,
                          l.scale, allowed.value, allowed.smallest);
                upstream.data()[i] = reference::upstream_of(i);
            }
            const auto by_tensor = xloss::value_and_grad(loss, t.x, y, {.upstream = upstream});
            d.compare("sum u l", static_cast<double>(by_tensor.value), expected.weighted_unreduced.value,
                      expected.weighted_unreduced.scale, allowed.value, allowed.smallest);
            compare_gradient(d, "gradient of sum u l", expected.gradient_of_unreduced, by_tensor.grad, 1.0,
                             allowed);
        }
    });
    return d.text();
}

/// Without optimization, as under sanitizers, only every so many of the recipes: coprime to the number of
/// their choices, so that each choice still occurs with each other. And one setting at a time.
#ifdef __OPTIMIZE__
inline constexpr std::size_t recipe_step = 1;
inline constexpr bool one_setting = false;
#else
inline constexpr std::size_t recipe_step = 11;
inline constexpr bool one_setting = true;
#endif

/// Whether the setting is left out. They take turns; the third summand keeps a turn from meeting the same
/// choices of the recipes again and again, of which some alternate too.
constexpr bool skips(std::size_t setting, std::size_t recipe, std::size_t loss, std::size_t settings) {
    return one_setting && setting != (loss + recipe + recipe / settings) % settings;
}

/// Every loss that losses_for(classes) gives, on all data of a mode, with all options of a call.
template <class T, xloss::mode Mode, unreduced Unreduced, class LossesFor>
void prove(LossesFor&& losses_for) {
    using xloss::denominator, xloss::reduction;
    static constexpr reference::settings all_settings[] = {{reduction::mean, denominator::weights},
                                                           {reduction::mean, denominator::valid},
                                                           {reduction::mean, denominator::all},
                                                           {reduction::sum, denominator::weights}};
    constexpr std::size_t settings = std::size(all_settings);
    int failed = 0;
    const auto all = recipes(Mode);
    for (std::size_t i = 0; i < all.size(); i += recipe_step) {
        const recipe& r = all[i];
        const problem p(r);
        const tensors<T> t = tensors_of<T>(p);
        const auto losses = losses_for(p.data.classes);
        for (std::size_t l = 0; l < losses.size(); ++l)
            for (std::size_t k = 0; k < settings; ++k) {
                if (skips(k, i / recipe_step, l, settings))
                    continue;
                const auto& one = losses[l];
                const reference::settings& s = all_settings[k];
                const std::string wrong = prove_one<T, Mode, Unreduced>(one, p, t, s);
                if (wrong.empty())
                    continue;
                INFO(one.name << ", " << r.text() << ", reduction " << static_cast<int>(s.reduction)
                              << ", denominator " << static_cast<int>(s.denominator) << wrong);
                CHECK(wrong.empty());
                if (++failed == 10)
                    FAIL("and perhaps more");
            }
    }
    SUCCEED("all agree");
}

} // namespace contract

#endif
