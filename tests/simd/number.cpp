#include <xloss/simd/number.hpp>

#include "../support/catch.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#endif

using xloss::simd::mask;
using xloss::simd::native_width;
using xloss::simd::number;

namespace {

using all_widths =
    std::tuple<number<float, 1>, number<double, 1>, number<long double, 1>, number<float>, number<double>>;

/// Values that comparisons, minima and roundings treat specially.
template <class T>
std::vector<T> special_values() {
    using limits = std::numeric_limits<T>;
    const T exact = 1 / limits::epsilon();
    return {T(0),
            T(-0.0),
            T(0.5),
            T(-0.5),
            T(1.5),
            T(2.5),
            T(-2.5),
            T(1),
            T(-1),
            T(0.49999),
            limits::max(),
            -limits::max(),
            exact,
            exact - 1,
            exact / 2,
            -exact,
            exact / 2 - T(0.5),
            limits::min(),
            limits::denorm_min(),
            -limits::denorm_min(),
            limits::infinity(),
            -limits::infinity(),
            limits::quiet_NaN(),
            -limits::quiet_NaN()};
}

template <class T>
bool same(T a, T b) {
    return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b));
}

/// Calls check(lane values a, lane values b, vectors a, b) for all pairs of special values, the other lanes
/// different.
template <class V, class Check>
void for_all_pairs(Check check) {
    using T = typename V::value_type;
    const auto values = special_values<T>();
    std::array<T, V::width> a{}, b{};
    for (std::size_t i = 0; i < values.size(); ++i) {
        for (std::size_t j = 0; j < values.size(); ++j) {
            for (std::size_t lane = 0; lane < V::width; ++lane) {
                a[lane] = values[(i + lane) % values.size()];
                b[lane] = values[(j + 2 * lane) % values.size()];
            }
            check(a, b, V::load(a.data()), V::load(b.data()));
        }
    }
}

/// The truth value of one lane.
template <class T, std::size_t W>
bool lane_of(const mask<T, W>& m, std::size_t lane) {
    return select(m, number<T, W>(1), number<T, W>(0))[lane] == 1;
}

/// A formula as losses write it: constants of every kind convert, no width appears.
template <class V>
V formula(V x) {
    V result = select(x > 0, 1, x * 2);
    result += max(x, 0.5) / 2 - 1.0f;
    return select((x < 2) & !(x == 1), result, 0.25) + -x;
}

} // namespace

TEST_CASE("the native width is a register of the target or 1", "[simd][number]") {
    STATIC_REQUIRE(number<float>::width == native_width<float>);
    STATIC_REQUIRE(native_width<long double> == 1);
#if defined(XLOSS_DISABLE_SIMD)
    STATIC_REQUIRE(native_width<float> == 1);
    STATIC_REQUIRE(native_width<double> == 1);
#elif defined(__AVX512F__)
    STATIC_REQUIRE(native_width<float> == 16);
#elif defined(__AVX__)
    STATIC_REQUIRE(native_width<float> == 8);
    STATIC_REQUIRE(native_width<double> == 4);
#elif defined(__SSE2__)
    STATIC_REQUIRE(native_width<float> == 4);
#endif
    STATIC_REQUIRE(std::is_convertible_v<double, number<float>>);
    STATIC_REQUIRE(std::is_trivially_copyable_v<number<float, 1>>);
    STATIC_REQUIRE(sizeof(number<float>) == native_width<float> * sizeof(float));
}

TEMPLATE_LIST_TEST_CASE("a formula gives the same lanes as plain numbers", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    for_all_pairs<V>([](const auto& a, const auto&, V x, V) {
        const V result = formula(x);
        for (std::size_t i = 0; i < V::width; ++i) {
            const T p = a[i];
            T expected = p > 0 ? T(1) : p * 2;
            expected += (p > T(0.5) || std::isnan(p) ? p : T(0.5)) / 2 - 1;
            expected = (p < 2 && !(p == 1) ? expected : T(0.25)) + -p;
            CAPTURE(p, i, result[i], expected);
            CHECK(same(result[i], expected));
        }
    });
}

TEMPLATE_LIST_TEST_CASE("arithmetic and comparisons are those of the lanes", "[simd][number]", all_widths) {
    using V = TestType;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        for (std::size_t i = 0; i < V::width; ++i) {
            right = right && same((x + y)[i], a[i] + b[i]) && same((x - y)[i], a[i] - b[i]);
            right = right && same((x * y)[i], a[i] * b[i]) && same((x / y)[i], a[i] / b[i]) &&
                    same((-x)[i], -a[i]);
            right = right && lane_of(x < y, i) == (a[i] < b[i]) && lane_of(x <= y, i) == (a[i] <= b[i]);
            right = right && lane_of(x > y, i) == (a[i] > b[i]) && lane_of(x >= y, i) == (a[i] >= b[i]);
            right = right && lane_of(x == y, i) == (a[i] == b[i]) && lane_of(x != y, i) == (a[i] != b[i]);
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("abs, copysign, sqrt, round, isnan, isfinite are those of the lanes",
                        "[simd][number]", all_widths) {
    using V = TestType;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        for (std::size_t i = 0; i < V::width; ++i) {
            right = right && same(abs(x)[i], std::abs(a[i])) && same(minus_abs(x)[i], -std::abs(a[i]));
            right = right && same(copysign(x, y)[i], std::copysign(a[i], b[i]));
            right = right && same(flip_sign(x, y)[i], std::signbit(b[i]) ? -a[i] : a[i]);
            right = right && same(sqrt(x)[i], std::sqrt(a[i]));
            right = right && lane_of(isnan(x), i) == std::isnan(a[i]);
            right = right && lane_of(isfinite(x), i) == std::isfinite(a[i]);
            right = right && lane_of(signbit(x), i) == std::signbit(a[i]);
            CAPTURE(a[i], round(x)[i]);
            CHECK(same(round(x)[i], std::nearbyint(a[i])));
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("min and max let a NaN through from either side, lesser and greater from the second",
                        "[simd][number]", all_widths) {
    using V = TestType;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        for (std::size_t i = 0; i < V::width; ++i) {
            const bool nan = std::isnan(a[i]) || std::isnan(b[i]);
            right = right && (nan ? std::isnan(min(x, y)[i]) : min(x, y)[i] == std::fmin(a[i], b[i]));
            right = right && (nan ? std::isnan(max(x, y)[i]) : max(x, y)[i] == std::fmax(a[i], b[i]));
            if (!std::isnan(a[i])) {
                right =
                    right && (nan ? std::isnan(lesser(x, y)[i]) : lesser(x, y)[i] == std::fmin(a[i], b[i]));
                right =
                    right && (nan ? std::isnan(greater(x, y)[i]) : greater(x, y)[i] == std::fmax(a[i], b[i]));
            }
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("a ramp has a factor on either side, of which 0 takes even infinity away",
                        "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        const V below = ramp(x, y, 3), above = ramp(x, 3, y), none = ramp(x, 0, 0);
        for (std::size_t i = 0; i < V::width; ++i) {
            const T by_y = b[i] == 0 ? T(0) : std::abs(a[i]) * b[i], by_3 = std::abs(a[i]) * 3;
            right = right && same(below[i], std::signbit(a[i]) ? by_y : by_3);
            right = right && same(above[i], std::signbit(a[i]) ? by_3 : by_y);
            right = right && none[i] == 0;
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("bytes are loaded as numbers, and none behind them", "[simd][number]", all_widths) {
    using V = TestType;
    std::vector<std::uint8_t> bytes(256 + V::width);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i);
    bool right = true;
    for (std::size_t first = 0; first < 256; ++first) {
        // Of its own size: the address sanitizer sees what is read beyond it.
        const std::vector<std::uint8_t> some(bytes.begin() + static_cast<std::ptrdiff_t>(first),
                                             bytes.begin() + static_cast<std::ptrdiff_t>(first + V::width));
        const V loaded = V::load_bytes(some.data());
        for (std::size_t i = 0; i < V::width; ++i)
            right = right && loaded[i] == static_cast<typename V::value_type>(some[i]);
    }
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("a mask keeps one truth value per lane", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    using M = typename V::mask_type;
    CHECK(all(M(true)));
    CHECK_FALSE(any(M(false)));
    CHECK_FALSE(any(M()));
    std::array<T, V::width> x{};
    for (std::size_t lane = 0; lane < V::width; ++lane) {
        x.fill(0);
        x[lane] = 1;
        const M one = V::load(x.data()) > 0;
        CHECK(any(one));
        CHECK(all(one) == (V::width == 1));
        CHECK(any(!one) == (V::width > 1));
        CHECK(all(one | !one));
        CHECK_FALSE(any(one & !one));
        CHECK(all(one == one));
        CHECK_FALSE(any(one != one));
        CHECK(all((one == !one) == M(false)));
        CHECK(all((one ^ M(true)) == !one));
        CHECK(sum(select(one, V(1), V(0))) == 1);
        M copy = one;
        copy &= !one;
        CHECK_FALSE(any(copy));
        copy |= one;
        CHECK(all(copy == one));
    }
}

TEMPLATE_LIST_TEST_CASE("what select does not choose may be NaN", "[simd][number]", all_widths) {
    using V = TestType;
    const V nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(all(select(V(1) > 0, 2.0, nan) == 2));
    CHECK(all(select(V(1) < 0, nan, 2.0) == 2));
    CHECK(all(select(true, V(2), nan) == 2));
    CHECK(all(select(V(1) > 0, 3.0, 4.0) == 3)); // two plain numbers
    CHECK(all(select(V(1) < 0, nan) == 0));      // 0 where it chooses nothing
    CHECK(all(select(V(1) > 0, V(-2)) == -2));
    CHECK(all(select(true, V(2)) == 2));
    CHECK(all(select(false, nan) == 0));
}

TEMPLATE_LIST_TEST_CASE("exchange swaps where the mask is true", "[simd][number]", all_widths) {
    using V = TestType;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        V first = x;
        V second = y;
        exchange(signbit(x), first, second);
        for (std::size_t i = 0; i < V::width; ++i) {
            const bool swapped = std::signbit(a[i]);
            right = right && same(first[i], swapped ? b[i] : a[i]) && same(second[i], swapped ? a[i] : b[i]);
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("part divides a number by a mask", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    bool right = true;
    for_all_pairs<V>([&](const auto& a, const auto& b, V x, V y) {
        V where, elsewhere;
        part(signbit(x), y, where, elsewhere);
        for (std::size_t i = 0; i < V::width; ++i) {
            const bool here = std::signbit(a[i]);
            right = right && same(where[i], here ? b[i] : T(0)) && same(elsewhere[i], here ? T(0) : b[i]);
        }
    });
    CHECK(right);
}

TEMPLATE_LIST_TEST_CASE("the fused multiply-adds", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    CHECK(all(fma(V(3), 5, 7) == 22));
    CHECK(all(fnma(V(3), 5, 7) == -8));
    if (xloss::simd::detail::has_fma && !std::is_same_v<T, long double>) {
        const T eps = std::numeric_limits<T>::epsilon();
        const V x = static_cast<double>(1 + eps);
        CHECK(all(fma(x, x, -x * 1.0 - V(static_cast<double>(eps))) == V(static_cast<double>(eps * eps))));
    }
}

TEMPLATE_LIST_TEST_CASE("the sum of the lanes", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    std::array<T, V::width> x{};
    T expected = 0;
    for (std::size_t i = 0; i < V::width; ++i) {
        x[i] = static_cast<T>(1 << i);
        expected += x[i];
    }
    CHECK(sum(V::load(x.data())) == expected);
}

TEMPLATE_LIST_TEST_CASE("look-up reads the table lane by lane", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    std::vector<T> table(1000);
    for (std::size_t i = 0; i < table.size(); ++i) {
        table[i] = static_cast<T>(7 * i + 3);
    }
    std::array<T, V::width> index{};
    for (const std::size_t first : {0u, 1u, 499u, 999u}) {
        for (std::size_t i = 0; i < V::width; ++i) {
            index[i] = static_cast<T>((first + 37 * i) % 1000);
        }
        const V found = lookup(table.data(), V::load(index.data()));
        for (std::size_t i = 0; i < V::width; ++i) {
            CHECK(found[i] == 7 * index[i] + 3);
        }
    }
}

TEMPLATE_LIST_TEST_CASE("partial loads fill, partial stores leave the rest", "[simd][number]", all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    std::vector<T> from(V::width + 1), to(V::width + 1);
    for (std::size_t i = 0; i < from.size(); ++i) {
        from[i] = static_cast<T>(i + 1);
    }
    for (std::size_t n = 0; n <= V::width; ++n) {
        const V x = V::load_partial(from.data() + 1, n, -5);
        to.assign(to.size(), T(-9));
        x.store_partial(to.data(), n);
        for (std::size_t i = 0; i < V::width; ++i) {
            CHECK(x[i] == (i < n ? from[i + 1] : T(-5)));
            CHECK(to[i] == (i < n ? from[i + 1] : T(-9)));
        }
        CHECK(to[V::width] == T(-9));
    }
    CHECK(all(V::load_partial(from.data(), 0) == 0));
    CHECK(all(V::load_partial(from.data(), V::width) == V::load(from.data())));
}

#if defined(__unix__) || defined(__APPLE__)
TEMPLATE_LIST_TEST_CASE("partial loads and stores stop at the end of the memory", "[simd][number]",
                        all_widths) {
    using V = TestType;
    using T = typename V::value_type;
    // Two pages, the second without access: one step too far ends the test program.
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    void* memory = mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED);
    char* end = static_cast<char*>(memory) + page;
    REQUIRE(mprotect(end, page, PROT_NONE) == 0);
    for (std::size_t n = 0; n <= V::width; ++n) {
        T* last = reinterpret_cast<T*>(end) - n;
        V(3).store_partial(last, n);
        CHECK(V::load_partial(last, n, 3)[0] == 3);
    }
    munmap(memory, 2 * page);
}
#endif
