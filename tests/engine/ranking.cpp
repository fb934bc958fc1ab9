// The Lovász extension of the Jaccard loss against its definition: a stable sort, in long double.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"

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

/// 1 - I/U after every group of equal errors, as the definition has it.
template <class T>
result reference(const region<T>& r) {
    std::vector<std::size_t> order;
    long double g = 0, weight = 0;
    for (std::size_t i = 0; i < r.size(); ++i)
        if (r.weight(i) != T(0)) {
            order.push_back(i);
            g += static_cast<long double>(r.weight(i)) * static_cast<long double>(r.y[i]);
            weight += static_cast<long double>(r.weight(i));
        }
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return r.error[a] > r.error[b]; });
    result all{0, static_cast<double>(g), static_cast<double>(weight), std::vector<double>(r.size())};
    long double before = 0, tp = 0, fp = 0, value = 0;
    for (std::size_t k = 0; k < order.size();) {
        const T error = r.error[order[k]];
        long double group = 0;
        std::size_t end = k;
        for (; end < order.size() && r.error[order[end]] == error; ++end) {
            const long double m = static_cast<long double>(r.weight(order[end]));
            const long double y = static_cast<long double>(r.y[order[end]]);
            tp += m * y;
            fp += m * (1 - y);
            group += m;
        }
        const long double after = 1 - (g - tp) / (g + fp);
        for (; k < end; ++k)
            if (error > T(0))
                all.slope[order[k]] = static_cast<double>(
                    (after - before) * static_cast<long double>(r.weight(order[k])) / group);
        if (error > T(0) && after != before)
            value += static_cast<long double>(error) * (after - before);
        before = after;
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

bool close(double a, double b, double epsilon) {
    return a == b || std::abs(a - b) <= epsilon * std::abs(b);
}

/// The slopes are relative to the step of one pixel: the long double reference takes them as differences of
/// J.
template <class T>
void check(const region<T>& r) {
    INFO(r.size() << " pixels");
    const result found = rank(r), expected = reference(r);
    CHECK(close(found.value, expected.value, 1e-13));
    CHECK(close(found.target, expected.target, 1e-14));
    CHECK(close(found.weight, expected.weight, 1e-14));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < r.size(); ++i) {
        const double rounding = 2 * static_cast<double>(std::numeric_limits<T>::epsilon());
        const double far = std::abs(found.slope[i] - expected.slope[i]);
        wrong += far <= rounding * expected.slope[i] + 1e-17 ? 0U : 1U;
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

} // namespace

TEMPLATE_TEST_CASE("value and slopes are those of the definition", "[engine][ranking]", float, double) {
    for (const errors kind : all_errors)
        for (const double share : {0.0, 0.05, 0.5, 1.0})
            for (const std::size_t n : {0U, 1U, 2U, 3U, 17U, 255U, 256U, 257U, 1023U, 1025U, 5000U}) {
                INFO("errors " << static_cast<int>(kind) << ", share " << share);
                check(made<TestType>(n, kind, share));
            }
}
