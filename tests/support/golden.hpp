#ifndef XLOSS_TESTS_SUPPORT_GOLDEN_HPP
#define XLOSS_TESTS_SUPPORT_GOLDEN_HPP

// Compares a loss with the numbers that tests/golden/make_golden.py wrote. tests/golden/README.md
// describes the files and says what the tolerances are relative to.

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <xloss/xloss.hpp>

#if __has_include(<xtensor/io/xnpy.hpp>)
#include <xtensor/io/xnpy.hpp>
#else
#include <xtensor/xnpy.hpp>
#endif

namespace golden {

// Words of the lines in golden_cases/: types of stored targets, and class weights that many cases share.
using mask = std::uint8_t;
using soft = double;
using labels = std::uint8_t;
using labels_64 = std::int64_t;
inline const xloss::per_class three_weights{0.5, 2.0, 1.0};
inline const xloss::per_class four_weights{0.5, 2.0, 1.0, 3.0};

/// The folder of the .npy files: where the environment variable XLOSS_TEST_DATA says (for programs that run
/// on another machine than the one that built them), where the build says, or beside this header's folder.
inline std::filesystem::path folder() {
    if (const char* told = std::getenv("XLOSS_TEST_DATA"))
        return told;
#ifdef XLOSS_TEST_DATA
    return XLOSS_TEST_DATA;
#else
    const std::filesystem::path here = __FILE__;
    return here.parent_path().parent_path() / "golden" / "data";
#endif
}

/// A stored tensor as it is; throws when the file holds another type.
template <class T>
xt::xarray<T> load(const std::string& name) {
    const std::filesystem::path file = folder() / (name + ".npy");
    if (!std::filesystem::exists(file))
        throw std::runtime_error("no golden data at " + file.string() + "; XLOSS_TEST_DATA names its folder");
    return xt::load_npy<T>(file.string());
}

/// A tensor of type To with the elements of a stored tensor of type From.
template <class To, class From>
xt::xarray<To> load_as(const std::string& name) {
    const xt::xarray<From> stored = load<From>(name);
    xt::xarray<To> result = xt::xarray<To>::from_shape(stored.shape());
    std::transform(stored.begin(), stored.end(), result.begin(), [](From v) { return static_cast<To>(v); });
    return result;
}

/// A value, the sum of the absolute values of the terms added in its formula, and what its mean
/// divided by.
struct number {
    double value, scale, normalizer;
};

/// All that is stored about one case.
struct reference {
    std::size_t valid;
    double log_power; // the largest gamma |log u|: what a power multiplies the error of a logarithm by
    std::size_t terms;
    xt::xarray<double> table, grad, scale;

    explicit reference(const std::string& name) : table(load<double>(name + ".value")) {
        valid = static_cast<std::size_t>(table(0, 0));
        log_power = table(0, 1);
        terms = static_cast<std::size_t>(table(0, 2));
        grad = load<double>(name + ".grad");
        const bool cancels = std::filesystem::exists(folder() / (name + ".scale.npy"));
        scale = cancels ? load<double>(name + ".scale") : grad;
    }

    [[nodiscard]] number total() const { return row(1); }
    [[nodiscard]] number term(std::size_t i) const { return row(2 + i); }

private:
    [[nodiscard]] number row(std::size_t i) const { return {table(i, 0), table(i, 1), table(i, 2)}; }
};

/// Errors allowed relative to the scale.
struct tolerance {
    double value, grad;
    double smallest; // below the normal numbers there is no relative accuracy

    template <class T>
    static tolerance of(const reference& r) {
        return of_power<T>(r.log_power);
    }

    template <class T>
    static tolerance of_power(double log_power) {
        const double smallest = static_cast<double>(std::numeric_limits<T>::min());
        if constexpr (std::is_same_v<T, double>)
            return {1e-12, 1e-11, smallest};
        const double single = 2e-6 * std::max(1.0, log_power / 16.0);
        return {single, single, smallest};
    }
};

/// abs(found - expected) in units of what is allowed; NaN is infinitely wrong.
inline double wrongness(double found, double expected, double allowed) {
    const double error = std::abs(found - expected);
    if (error == 0.0)
        return 0.0;
    return error >= 0.0 ? error / allowed : std::numeric_limits<double>::infinity();
}

/// A scale of 0 means that the number is 0 by rule (ignored, nothing valid), not by rounding: no error
/// is allowed.
inline double allowed(double scale, double relative, double smallest) {
    return scale == 0.0 ? 0.0 : std::abs(scale) * relative + smallest;
}

inline void check_value(const number& expected, double found, const tolerance& t) {
    INFO(std::setprecision(17) << "found " << found << ", expected " << expected.value << ", scale "
                               << expected.scale);
    CHECK(wrongness(found, expected.value, allowed(expected.scale, t.value, t.smallest)) <= 1.0);
}

inline void check_normalizer(double expected, double found, const tolerance& t) {
    if (std::isnan(expected))
        return; // the mean is no quotient of two sums
    INFO("normalizer: found " << found << ", expected " << expected);
    CHECK(wrongness(found, expected, allowed(expected, t.value, 0.0)) <= 1.0);
}

/// One assertion for a whole gradient, which names the worst element. `expected` and `scale`: tensors of its
/// shape.
template <class Expected, class Grad>
void check_tensor(const Expected& expected, const Expected& scale, const Grad& found, const tolerance& t) {
    REQUIRE(std::equal(found.shape().begin(), found.shape().end(), expected.shape().begin(),
                       expected.shape().end()));
    double worst = -1.0;
    std::size_t where = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const double bound = allowed(scale.data()[i], t.grad, t.smallest);
        const double here = wrongness(static_cast<double>(found.data()[i]), expected.data()[i], bound);
        if (here <= worst)
            continue;
        worst = here;
        where = i;
    }
    INFO(std::setprecision(17) << "gradient at " << where << ": found "
                               << static_cast<double>(found.data()[where]) << ", expected "
                               << expected.data()[where] << ", scale " << scale.data()[where]);
    CHECK(worst <= 1.0);
}

template <class Grad>
void check_grad(const reference& expected, const Grad& found, const tolerance& t) {
    check_tensor(expected.grad, expected.scale, found, t);
}

template <class Loss, class Logits, class Target>
void compare(const std::string& name, const Loss& loss, const Logits& x, const Target& y) {
    using real = typename Logits::value_type;
    INFO(name << (std::is_same_v<real, double> ? ", double" : ", float"));
    const reference expected(name);
    const tolerance t = tolerance::of<real>(expected);
    const auto found = xloss::value_and_grad(loss, x, y);
    check_value(expected.total(), static_cast<double>(found.value), t);
    check_value(expected.total(), static_cast<double>(xloss::value(loss, x, y)), t);
    check_normalizer(expected.total().normalizer, found.normalizer, t);
    CHECK(found.valid == expected.valid);
    REQUIRE(found.terms.size() == expected.terms);
    for (std::size_t i = 0; i < expected.terms; ++i) {
        check_value(expected.term(i), static_cast<double>(found.terms[i].value), t);
        check_normalizer(expected.term(i).normalizer, found.terms[i].normalizer, t);
    }
    check_grad(expected, found.grad, t);
}

/// Soft targets take the type of the logits, masks and label maps stay what they are.
template <class Y, class Real>
auto load_target(const std::string& name) {
    return load_as<std::conditional_t<std::is_floating_point_v<Y>, Real, Y>, Y>(name);
}

/// Compares a loss with a case, in double and in float. Y is the type of the stored target.
template <class Y, class Loss>
void check(const std::string& name, const std::string& input, const Loss& loss) {
    const std::string from = "inputs/" + input;
    compare(name, loss, load<double>(from + ".x"), load_target<Y, double>(from + ".y"));
    compare(name, loss, load_as<float, double>(from + ".x"), load_target<Y, float>(from + ".y"));
}

/// The same with the pixel weights of the input.
template <class Y, class Loss>
void check_weighted(const std::string& name, const std::string& input, const Loss& loss) {
    const std::string from = "inputs/" + input;
    const auto y = load_target<Y, double>(from + ".y");
    const auto w = load<double>(from + ".w");
    compare(name, loss, load<double>(from + ".x"), xloss::weighted(y, w));
    const auto y_single = load_target<Y, float>(from + ".y");
    const auto w_single = load_as<float, double>(from + ".w");
    compare(name, loss, load_as<float, double>(from + ".x"), xloss::weighted(y_single, w_single));
}

/// An upstream gradient is a factor of the gradient, and of nothing else. In double.
template <class Y, class Loss>
void check_upstream(const std::string& name, const std::string& input, const Loss& loss, double upstream) {
    INFO(name << ", upstream " << upstream);
    const std::string from = "inputs/" + input;
    reference expected(name);
    expected.grad *= upstream;
    expected.scale *= upstream;
    const tolerance t = tolerance::of<double>(expected);
    const auto x = load<double>(from + ".x");
    const auto found =
        xloss::value_and_grad(loss, x, load_target<Y, double>(from + ".y"), {.upstream = upstream});
    check_value(expected.total(), found.value, t);
    check_grad(expected, found.grad, t);
}

} // namespace golden

#endif
