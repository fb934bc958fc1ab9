// The k-th largest of many keys, and what is kept of them, against a stable sort.

#include "support/catch.hpp"
#include "support/executors.hpp"
#include "support/expressions.hpp"
#include "support/sorted.hpp"

#include <xloss/engine/select.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// NaN before all numbers, then falling.
template <class T>
bool precedes(T a, T b) {
    return std::isnan(a) ? !std::isnan(b) : a > b;
}

/// Indices in falling order of the keys, equal ones in their own.
template <class T>
std::vector<std::size_t> sorted(const std::vector<T>& keys) {
    std::vector<std::size_t> order(keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    sort_indices(order, [&](std::size_t a, std::size_t b) { return precedes(keys[a], keys[b]); });
    return order;
}

template <class T>
xloss::candidates<T> all_of(std::vector<T>& keys, xloss::workspace& memory,
                            const xloss::executor_ref& executor) {
    return {keys, keys.size(), 1, executor, memory};
}

template <class T>
void check(const std::vector<T>& keys, std::size_t count, const xloss::executor_ref& executor = {}) {
    INFO(count << " of " << keys.size());
    const auto order = sorted(keys);
    std::vector<T> expected(keys.size(), T(0)), found = keys;
    for (std::size_t i = 0; i < count; ++i)
        expected[order[i]] = T(1);
    xloss::workspace memory;
    const auto all = all_of(found, memory, executor);
    if (count > 0) {
        const T last = keys[order[count - 1]], got = all.nth_largest(count - 1);
        CHECK((got == last || (std::isnan(got) && std::isnan(last))));
    }
    all.keep_largest(count);
    CHECK(found == expected);
}

/// Numbers of all magnitudes, or few different ones.
template <class T>
std::vector<T> made(std::size_t n, bool ties) {
    std::vector<T> keys(n);
    made_up::sequence numbers(3);
    for (T& key : keys) {
        const double u = numbers.uniform() - 0.5;
        key = static_cast<T>(ties ? std::round(8.0 * u) : u * std::exp2(80.0 * (numbers.uniform() - 0.5)));
    }
    return keys;
}

} // namespace

TEMPLATE_TEST_CASE("the largest keys are kept, of equal ones the first", "[engine][select]", float, double) {
    using T = TestType;
    for (const std::size_t n : {1U, 2U, 7U, 1000U})
        for (const bool ties : {false, true})
            for (const std::size_t count : {std::size_t{0}, std::size_t{1}, n / 3, n / 2, n - 1, n})
                check(made<T>(n, ties), count);
    // More than one piece, with executors.
    executors::backwards backwards;
    executors::threads threads;
    for (const bool ties : {false, true}) {
        const auto keys = made<T>(150'000, ties);
        for (const std::size_t count : {std::size_t{1}, std::size_t{70'001}}) {
            check(keys, count);
            check(keys, count, backwards);
            check(keys, count, threads);
        }
    }
    CHECK(backwards.pieces > 8);
}

TEMPLATE_TEST_CASE("keys have the order of numbers, and NaN is above all", "[engine][select]", float,
                   double) {
    using T = TestType;
    using limits = std::numeric_limits<T>;
    std::vector<T> keys;
    for (const double v : {-infinity, -1.0, 0.0, 1.0, infinity, no_number, 0.5, -0.5, -no_number})
        keys.push_back(static_cast<T>(v));
    keys.insert(keys.end(), {limits::lowest(), limits::max(), limits::denorm_min(), -limits::denorm_min(),
                             limits::min(), T(-0.0), T(1) + limits::epsilon()});
    for (std::size_t count = 0; count <= keys.size(); ++count)
        check(keys, count);

    // 0 and -0 are equal: the first of them is kept.
    std::vector<T> zeros{T(-1), T(-0.0), T(0)};
    xloss::workspace memory;
    const xloss::executor_ref serial;
    all_of(zeros, memory, serial).keep_largest(1);
    CHECK(zeros == std::vector<T>{0, 1, 0});
}

TEST_CASE("what is above a bound is kept, and NaN", "[engine][select]") {
    xloss::workspace memory;
    const xloss::executor_ref serial;
    std::vector<double> keys{-0.5, no_number, -0.25, -0.125, -infinity, 0.0};
    const auto all = all_of(keys, memory, serial);
    CHECK(all.valid() == 6);
    CHECK(all.samples() == 1);
    all.keep_above(-0.25);
    CHECK(keys == std::vector<double>{0, 1, 0, 1, 0, 1});
}

TEST_CASE("selecting allocates once, and not by the number of keys", "[engine][select]") {
    xloss::workspace memory;
    const xloss::executor_ref serial;
    auto few = made<float>(100, false), many = made<float>(100'000, false);
    all_of(few, memory, serial).keep_largest(10);
    const std::size_t bytes = memory.bytes();
    all_of(many, memory, serial).keep_largest(10);
    CHECK(memory.bytes() == bytes);
}
