// The Lovász extension of the Jaccard loss against its definition: a stable sort, in long double.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/pool.hpp"
#include "support/sorted.hpp"

#include <xloss/engine/ranking.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// The pixels of a region; no weights: 1 each.
template <class T>
struct region {
    std::vector<T> error, y, m;

    [[nodiscard]] const T* weights() const { return m.empty() ? nullptr : m.data(); }
    [[nodiscard]] T weight(std::size_t i) const { return m.empty() ? T(1) : m[i]; }
    [[nodiscard]] std::size_t size() const { return error.size(); }
};

struct result {
    double value = 0, target = 0, weight = 0;
    std::vector<double> slope;

    friend bool operator==(const result&, const result&) = default;
};

/// What is expected, and of every slope the sum of the absolute values of the terms of its formula.
struct expectation : result {
    std::vector<double> terms;
};

/// The steps of 1 - I/U at every group of equal errors, as the definition has it.
template <class T>
expectation reference(const region<T>& r) {
    std::vector<std::size_t> order;
    long double g = 0, weight = 0;
    for (std::size_t i = 0; i < r.size(); ++i)
        if (r.weight(i) != T(0)) {
            order.push_back(i);
            g += static_cast<long double>(r.weight(i)) * static_cast<long double>(r.y[i]);
            weight += static_cast<long double>(r.weight(i));
        }
    sort_indices(order, [&](std::size_t a, std::size_t b) { return r.error[a] > r.error[b]; });
    const std::vector<double> zeros(r.size());
    expectation all{{0, static_cast<double>(g), static_cast<double>(weight), zeros}, zeros};
    long double i = g, u = g, value = 0;
    for (std::size_t k = 0; k < order.size();) {
        const T error = r.error[order[k]];
        long double i_after = i, u_after = u, group = 0;
        std::size_t end = k;
        for (; end < order.size() && r.error[order[end]] == error; ++end) {
            const long double m = static_cast<long double>(r.weight(order[end]));
            const long double y = static_cast<long double>(r.y[order[end]]);
            i_after -= m * y;
            u_after += m * (1 - y);
            group += m;
        }
        // 1 - I/U after less 1 - I/U before, exact for whole numbers.
        const long double step = u == 0 ? 1 : (i * u_after - i_after * u) / (u * u_after);
        const long double terms =
            u == 0 ? 1 : (g * (u_after - u) + (i - i_after) * u) / (u * u_after); // I is G less a sum
        for (; k < end; ++k)
            if (error > T(0)) {
                const long double share = static_cast<long double>(r.weight(order[k])) / group;
                all.slope[order[k]] = static_cast<double>(step * share);
                all.terms[order[k]] = static_cast<double>(terms * share);
            }
        if (error > T(0) && step != 0)
            value += static_cast<long double>(error) * step;
        i = i_after;
        u = u_after;
    }
    all.value = static_cast<double>(value);
    return all;
}

/// The slope of the error of a pixel, as a loss has it for y = 0 and y = 1; of a soft one it may be anything.
template <class T>
T slope_of_error(T y) {
    return y == T(0) ? T(1) : y == T(1) ? T(-1) : T(2);
}

/// Adds the pixels `step` at a time and reads everything; the slopes are those by the errors.
template <class T>
result read(xloss::engine::jaccard_ranking<T>& ranking, const region<T>& r, std::size_t step) {
    ranking.clear();
    std::vector<T> slope(r.size());
    std::transform(r.y.begin(), r.y.end(), slope.begin(), slope_of_error<T>);
    for (std::size_t i = 0; i < r.size(); i += step)
        ranking.add(r.error.data() + i, slope.data() + i, r.y.data() + i,
                    r.m.empty() ? nullptr : r.m.data() + i, std::min(step, r.size() - i), i);
    result all{ranking.value(), ranking.target(), ranking.weight(), std::vector<double>(r.size())};
    std::vector<int> calls(r.size());
    ranking.each_slope([&](std::size_t i, T by_input) {
        all.slope[i] = static_cast<double>(by_input / slope[i]);
        ++calls[i];
    });
    CHECK(std::all_of(calls.begin(), calls.end(), [](int n) { return n < 2; }));
    return all;
}

template <class T>
result rank(const region<T>& r, std::size_t step = std::size_t{1} << 20,
            const xloss::executor_ref& executor = {}) {
    xloss::workspace memory;
    xloss::engine::jaccard_ranking<T> ranking(r.size(), executor, memory);
    return read(ranking, r, step);
}

/// The same, collected in whatever pieces the ranking likes; the value before the slopes or after them.
template <class T>
result collected(const region<T>& r, const xloss::executor_ref& executor, bool value_first = false) {
    xloss::workspace memory;
    xloss::engine::jaccard_ranking<T> ranking(r.size(), executor, memory);
    std::vector<T> slope(r.size());
    std::transform(r.y.begin(), r.y.end(), slope.begin(), slope_of_error<T>);
    ranking.collect(r.size(), [&](auto& to, std::size_t first, std::size_t end) {
        to.add(r.error.data() + first, slope.data() + first, r.y.data() + first,
               r.m.empty() ? nullptr : r.m.data() + first, end - first, first);
    });
    result all{value_first ? ranking.value() : 0, ranking.target(), ranking.weight(),
               std::vector<double>(r.size())};
    ranking.each_slope([&](std::size_t i, T by_input) {
        all.slope[i] += static_cast<double>(by_input / slope[i]); // twice would be too much
    });
    all.value = ranking.value();
    return all;
}

bool same_bits(double a, double b) {
    return a == b || (std::isnan(a) && std::isnan(b));
}

bool same_bits(const result& a, const result& b) {
    return same_bits(a.value, b.value) && same_bits(a.target, b.target) && same_bits(a.weight, b.weight) &&
           std::equal(a.slope.begin(), a.slope.end(), b.slope.begin(), b.slope.end(),
                      [](double one, double other) { return same_bits(one, other); });
}

bool close(double a, double b, double epsilon) {
    return a == b || std::abs(a - b) <= epsilon * std::abs(b);
}

/// Slopes are rounded once to T, after a handful of roundings of double. The value is a sum of as many terms
/// as there are pixels; where these are soft, so are I, G and U, and all sums up to 2^53 are exact where not.
template <class T>
void check(const region<T>& r, bool is_soft = false) {
    const double sum = static_cast<double>(r.size()) * std::numeric_limits<double>::epsilon();
    const double soft = is_soft ? sum : 0;
    INFO(r.size() << " pixels");
    const result found = rank(r);
    const expectation expected = reference(r);
    constexpr double few = 1e-15;
    CHECK(close(found.value, expected.value, sum + few));
    CHECK(close(found.target, expected.target, soft));
    CHECK(close(found.weight, expected.weight, soft));
    const double rounding = static_cast<double>(std::numeric_limits<T>::epsilon()) / 2 + few;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < r.size(); ++i) {
        const double far = std::abs(found.slope[i] - expected.slope[i]);
        wrong += far <= rounding * expected.slope[i] + soft * expected.terms[i] ? 0U : 1U;
    }
    CHECK(wrong == 0);
}

enum class errors { spread, ties, equal, near_one, near_zero, hinge, magnitudes };

template <class T>
T made_error(made_up::sequence& numbers, errors kind) {
    const double u = numbers.uniform();
    switch (kind) {
    case errors::ties:
        return static_cast<T>(std::round(8 * u) - 2);
    case errors::equal:
        return T(0.75);
    case errors::near_one:
        return static_cast<T>(1 - 1e-5 * u);
    case errors::near_zero:
        return static_cast<T>(std::exp(-30 * u));
    case errors::hinge:
        return static_cast<T>(8 * u - 7.75);
    case errors::magnitudes:
        return static_cast<T>((u - 0.25) * std::exp2(200 * (numbers.uniform() - 0.5)));
    default:
        return static_cast<T>(u);
    }
}

/// `share` of the pixels are true.
template <class T>
region<T> made(std::size_t n, errors kind, double share) {
    made_up::sequence numbers(static_cast<unsigned>(n) + 7);
    region<T> r;
    for (std::size_t i = 0; i < n; ++i) {
        r.error.push_back(made_error<T>(numbers, kind));
        r.y.push_back(numbers.uniform() < share ? T(1) : T(0));
    }
    return r;
}

constexpr errors all_errors[] = {errors::spread,    errors::ties,  errors::equal,     errors::near_one,
                                 errors::near_zero, errors::hinge, errors::magnitudes};

/// Soft targets, or only weights, on top of made-up pixels.
template <class T>
region<T> made_soft(std::size_t n, errors kind, bool targets, bool weights) {
    region<T> r = made<T>(n, kind, 0.3);
    made_up::sequence numbers(29);
    for (std::size_t i = 0; i < n; ++i) {
        if (targets && i % 3 > 0)
            r.y[i] = static_cast<T>(numbers.uniform());
        if (weights)
            r.m.push_back(i % 5 == 0 ? T(0) : static_cast<T>(4 * numbers.uniform()));
    }
    return r;
}

/// The pixels in another order.
template <class T>
region<T> permuted(const region<T>& r, const std::vector<std::size_t>& order) {
    region<T> other;
    for (const std::size_t i : order) {
        other.error.push_back(r.error[i]);
        other.y.push_back(r.y[i]);
        if (!r.m.empty())
            other.m.push_back(r.m[i]);
    }
    return other;
}

/// A fixed order without pattern.
std::vector<std::size_t> mixed(std::size_t n) {
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    made_up::sequence numbers(31);
    for (std::size_t i = n; i > 1; --i)
        std::swap(order[i - 1], order[static_cast<std::size_t>(numbers.uniform() * static_cast<double>(i))]);
    return order;
}

bool is_nan(double v) {
    return std::isnan(v);
}

} // namespace

TEMPLATE_TEST_CASE("value and slopes are those of the definition", "[engine][ranking]", float, double) {
    // Around a vector, a block, and what the sort takes apart.
    for (const errors kind : all_errors)
        for (const double share : {0.0, 0.05, 0.5, 1.0})
            for (const std::size_t n : {0U, 1U, 2U, 3U, 4U, 7U, 8U, 9U, 17U, 32U, 33U, 511U, 512U, 1024U,
                                        1025U, 4096U, 4097U, 9001U}) {
                INFO("errors " << static_cast<int>(kind) << ", share " << share);
                check(made<TestType>(n, kind, share));
            }
}

TEMPLATE_TEST_CASE("errors that one outlier parts from all others", "[engine][ranking]", float, double) {
    // Parted by their highest digit, all but one are in the same part, and again.
    auto r = made<TestType>(10'000, errors::near_one, 0.3);
    r.error[77] = TestType(1e-30);
    r.error[78] = TestType(1e30);
    check(r);
    r.y.assign(r.size(), TestType(0));
    check(r);
    r.y[77] = TestType(1); // the last one is true: nothing may be left out
    check(r);
}

TEMPLATE_TEST_CASE("soft targets and weights", "[engine][ranking]", float, double) {
    for (const errors kind : all_errors)
        for (const std::size_t n : {1U, 5U, 100U, 1500U, 5000U}) {
            INFO("errors " << static_cast<int>(kind));
            check(made_soft<TestType>(n, kind, true, false), true);
            check(made_soft<TestType>(n, kind, false, true), true);
            check(made_soft<TestType>(n, kind, true, true), true);
        }
}

TEST_CASE("worked by hand", "[engine][ranking]") {
    const auto of = [](const std::vector<double>& e, const std::vector<double>& y,
                       const std::vector<double>& m = {}) {
        return rank(region<double>{e, y, m});
    };

    // A single pixel: J goes from 0 to 1.
    CHECK(of({0.25}, {1}) == result{0.25, 1, 1, {1}});
    CHECK(of({0.25}, {0}) == result{0.25, 0, 1, {1}});

    // G = 2; in order: true, I/U = 1/2; false, 1/3; true, 0/3.
    const result three = of({0.5, 0.25, 0.75}, {0, 1, 1});
    CHECK(close(three.value, 0.75 / 2 + 0.5 / 6 + 0.25 / 3, 1e-15));
    CHECK(close(three.slope[0], 1.0 / 6, 1e-15));
    CHECK(close(three.slope[1], 1.0 / 3, 1e-15));
    CHECK(three.slope[2] == 0.5);

    // Nothing true: only the largest errors, equal ones share.
    CHECK(of({0.5, 0.75, 0.75, 0.25}, {0, 0, 0, 0}) == result{0.75, 0, 4, {0, 0.5, 0.5, 0}});
    // All true: J falls by the same step at every pixel.
    CHECK(of({0.5, 1, 0.75, 0.25}, {1, 1, 1, 1}) == result{0.625, 4, 4, {0.25, 0.25, 0.25, 0.25}});
    // A false pixel after the last true one changes nothing.
    CHECK(of({0.5, 0.25}, {1, 0}) == result{0.5, 1, 2, {1, 0}});
    // Equal errors: J goes from 0 to 1 at once, whatever the targets.
    CHECK(of({0.5, 0.5, 0.5, 0.5}, {1, 0, 0, 1}) == result{0.5, 2, 4, {0.25, 0.25, 0.25, 0.25}});
    // Not positive, but true: I does not fall to 0. G = 2, one false pixel: 1 - 2/3.
    const result negative = of({-1, 0.5, 0}, {1, 0, 1});
    CHECK(close(negative.value, 0.5 / 3, 1e-15));
    CHECK(close(negative.slope[1], 1.0 / 3, 1e-15));
    CHECK((negative.slope[0] == 0 && negative.slope[2] == 0 && negative.target == 2));
    // By weight 3 and 1 of an equal error: G = 3, J is 1 after the group.
    CHECK(of({0.5, 0.5}, {1, 0}, {3, 1}) == result{0.5, 3, 4, {0.75, 0.25}});
    // A soft target: G = 1/2, U = 1 after the pixel.
    CHECK(of({0.5}, {0.5}) == result{0.5, 0.5, 1, {1}});
}

TEMPLATE_TEST_CASE("a weight counts pixels", "[engine][ranking]", float, double) {
    using T = TestType;
    // 0 and 1: the pixels of weight 0 are absent, whatever they hold.
    auto some = made<T>(3000, errors::spread, 0.3);
    region<T> rest;
    for (std::size_t i = 0; i < some.size(); ++i) {
        const bool there = i % 3 > 0;
        some.m.push_back(there ? T(1) : T(0));
        if (there) {
            rest.error.push_back(some.error[i]);
            rest.y.push_back(some.y[i]);
        } else {
            some.error[i] = static_cast<T>(i % 2 > 0 ? no_number : infinity);
            some.y[i] = static_cast<T>(no_number);
        }
    }
    const result kept = rank(some), alone = rank(rest);
    CHECK(kept.value == alone.value);
    CHECK((kept.target == alone.target && kept.weight == alone.weight));
    for (std::size_t i = 0, k = 0; i < some.size(); ++i)
        if (kept.slope[i] != (i % 3 > 0 ? alone.slope[k++] : 0.0))
            FAIL("slope of pixel " << i);

    // 2: like the pixel twice; the two share its slope.
    auto heavy = made<T>(1000, errors::spread, 0.3);
    auto twice = heavy;
    heavy.m.assign(heavy.size(), T(1));
    for (std::size_t i = 0; i < heavy.size(); i += 2) {
        heavy.m[i] = T(2);
        twice.error.push_back(heavy.error[i]);
        twice.y.push_back(heavy.y[i]);
    }
    result expected = rank(twice);
    for (std::size_t i = 0; i < heavy.size(); i += 2)
        expected.slope[i] += expected.slope[heavy.size() + i / 2];
    expected.slope.resize(heavy.size());
    const result found = rank(heavy);
    CHECK(close(found.value, expected.value, 1e-13));
    CHECK((found.target == expected.target && found.weight == expected.weight));
    for (std::size_t i = 0; i < heavy.size(); ++i)
        if (!close(found.slope[i], expected.slope[i], static_cast<double>(std::numeric_limits<T>::epsilon())))
            FAIL("slope of pixel " << i);

    // None: nothing is there.
    heavy.m.assign(heavy.size(), T(0));
    CHECK(rank(heavy) == result{0, 0, 0, std::vector<double>(heavy.size())});
}

TEMPLATE_TEST_CASE("the same bits for every cut, executor and order of calls", "[engine][ranking]", float,
                   double) {
    using T = TestType;
    executors::threads threads;
    auto late = made<T>(5000, errors::ties, 0.4); // soft only at the end
    late.y[4700] = T(0.375);
    for (const auto& r : {made<T>(5000, errors::spread, 0.3), made<T>(5000, errors::ties, 0.3),
                          made<T>(5000, errors::hinge, 0.3), made_soft<T>(5000, errors::spread, true, false),
                          made_soft<T>(5000, errors::ties, true, true), late}) {
        const result whole = rank(r);
        for (const std::size_t step : {1U, 7U, 64U, 1000U, 1024U, 4096U})
            CHECK(rank(r, step) == whole);
        CHECK(rank(r, 512, threads) == whole);

        // The value before the slopes; the object again; a region that is larger before.
        xloss::workspace memory;
        xloss::engine::jaccard_ranking<T> ranking(9000, {}, memory);
        read(ranking, made<T>(9000, errors::near_zero, 0.5), 1024);
        CHECK(read(ranking, r, 300) == whole);
        ranking.clear();
        std::vector<T> by_input(r.size());
        std::transform(r.y.begin(), r.y.end(), by_input.begin(), slope_of_error<T>);
        ranking.add(r.error.data(), by_input.data(), r.y.data(), r.weights(), r.size(), 0);
        std::vector<double> slope(r.size());
        ranking.each_slope([&](std::size_t i, T g) { slope[i] = static_cast<double>(g / by_input[i]); });
        CHECK(slope == whole.slope);
        CHECK(ranking.value() == whole.value);
    }
}

TEMPLATE_TEST_CASE("the same bits for every number of threads", "[engine][ranking]", float, double) {
    using T = TestType;
    constexpr std::size_t n = xloss::engine::jaccard_ranking<T>::least_shared + 4321;
    std::vector<region<T>> regions{
        made<T>(n, errors::spread, 0.3),    made<T>(n, errors::ties, 0.3),
        made<T>(n, errors::near_one, 0.01), made<T>(n, errors::near_zero, 0.5),
        made<T>(n, errors::hinge, 0.2),     made<T>(n, errors::spread, 0.0),
        made<T>(n, errors::equal, 0.5),     made_soft<T>(n, errors::ties, true, true)};
    auto some = made<T>(n, errors::spread, 0.3); // absent pixels, a NaN among them
    for (std::size_t i = 0; i < n; ++i)
        some.m.push_back(i % 3 > 0 ? T(1) : T(0));
    some.error[n - n % 3] = static_cast<T>(no_number);
    auto late = made<T>(n, errors::spread, 0.3); // soft only at the end
    late.y[n - 1] = T(0.375);
    auto bad = made<T>(n, errors::spread, 0.3);
    bad.error[n / 2] = static_cast<T>(no_number);
    regions.push_back(some);
    regions.push_back(late);
    regions.push_back(bad);
    executors::pool one(1), two(2), three(3), seven(7);
    for (std::size_t k = 0; k < regions.size(); ++k) {
        INFO("region " << k);
        const region<T>& r = regions[k];
        const result whole = rank(r);
        CHECK(same_bits(collected(r, {}), whole));
        for (const xloss::executor_ref executor : {xloss::executor_ref(one), xloss::executor_ref(two),
                                                   xloss::executor_ref(three), xloss::executor_ref(seven)}) {
            CHECK(same_bits(collected(r, executor), whole));
            CHECK(same_bits(collected(r, executor, true), whole));
        }
    }
    check(regions[0]);
    executors::backwards backwards;
    CHECK(same_bits(collected(regions[0], backwards), rank(regions[0])));
    CHECK(backwards.pieces > 8);
    executors::shuffled shuffled;
    CHECK(same_bits(collected(regions[4], shuffled), rank(regions[4])));
}

TEMPLATE_TEST_CASE("the same bits for every order of the pixels", "[engine][ranking]", float, double) {
    using T = TestType;
    for (const errors kind : all_errors)
        for (const std::size_t n : {20U, 3000U, 10'000U}) {
            const auto r = made<T>(n, kind, 0.3);
            const auto order = mixed(n);
            const result plain = rank(r), other = rank(permuted(r, order));
            CHECK(other.value == plain.value);
            std::size_t wrong = 0;
            for (std::size_t i = 0; i < n; ++i)
                wrong += other.slope[i] == plain.slope[order[i]] ? 0U : 1U;
            CHECK(wrong == 0);
        }
    // Sums that are not of whole numbers are rounded in another order.
    check(permuted(made_soft<T>(3000, errors::ties, true, true), mixed(3000)), true);
}

TEMPLATE_TEST_CASE("zeros, subnormal numbers and infinities", "[engine][ranking]", float, double) {
    using T = TestType;
    using limits = std::numeric_limits<T>;
    const T most = limits::infinity();
    // Zeros of either sign are not ranked, the smallest numbers are.
    const region<T> small{
        {T(0), T(-0.0), limits::denorm_min(), 3 * limits::denorm_min(), limits::min(), -limits::denorm_min()},
        {1, 0, 1, 0, 1, 1},
        {}};
    check(small);
    CHECK(rank(small).slope[2] > 0);

    // Infinite errors are equal, and come first; the slopes stay finite.
    const region<T> large{{T(1), most, -most, limits::max(), most}, {1, 0, 1, 0, 1}, {}};
    check(large);
    CHECK(rank(large).value == infinity);
    region<T> heavy = large;
    heavy.m.assign(5, T(0.5));
    check(heavy);

    const region<T> none{{most, most, T(1)}, {0, 0, 0}, {}};
    CHECK(rank(none) == result{infinity, 0, 3, {0.5, 0.5, 0}});
}

TEMPLATE_TEST_CASE("NaN reaches the value and every positive error", "[engine][ranking]", float, double) {
    using T = TestType;
    const T nan = static_cast<T>(no_number);
    for (const bool weights : {false, true})
        for (const T bad : {nan, -nan}) {
            region<T> r{{T(0.5), bad, T(-1), T(0), T(2)}, {0, 1, 1, 0, 1}, {}};
            if (weights)
                r.m.assign(5, T(2));
            const result found = rank(r);
            CHECK(is_nan(found.value));
            CHECK((is_nan(found.slope[0]) && is_nan(found.slope[1]) && is_nan(found.slope[4])));
            CHECK((found.slope[2] == 0 && found.slope[3] == 0));
        }
    // In a target or a weight, of a pixel with a negative error too.
    const region<T> target{{T(0.5), T(-1)}, {1, nan}, {}};
    const region<T> weight{{T(0.5), T(-1)}, {1, 1}, {1, nan}};
    for (const auto& r : {target, weight}) {
        CHECK(is_nan(rank(r).value));
        CHECK(is_nan(rank(r).slope[0]));
    }
    // The next region knows nothing of it.
    xloss::workspace memory;
    xloss::engine::jaccard_ranking<T> ranking(2, {}, memory);
    CHECK(is_nan(read(ranking, target, 2).value));
    CHECK(read(ranking, region<T>{{T(0.5), T(0.25)}, {1, 0}, {}}, 2) == result{0.5, 1, 2, {1, 0}});
}

TEST_CASE("more pixels than can be numbered are an error", "[engine][ranking]") {
    xloss::workspace memory;
    CHECK_THROWS_MATCHES(
        xloss::engine::jaccard_ranking<float>(std::size_t{1} << 31, {}, memory), xloss::shape_error,
        Catch::Matchers::Message(
            "jaccard_ranking: a region of 2147483648 pixels, at most 2147483647 can be ranked"));
    CHECK(memory.bytes() == 0);
}
