#ifndef XLOSS_TESTS_FUZZ_BYTES_HPP
#define XLOSS_TESTS_FUZZ_BYTES_HPP

#include <array>
#include <cfloat>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace fuzzing {

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();
inline constexpr double infinity = std::numeric_limits<double>::infinity();

/// The input, read as a sequence of choices, one byte each: a byte changed changes one choice. Zeros follow
/// its end, so that the first of every list of choices is the plain one.
class bytes {
public:
    explicit bytes(std::span<const std::uint8_t> input) : left_(input) {}

    [[nodiscard]] bool empty() const { return left_.empty(); }

    std::uint8_t next() {
        if (left_.empty())
            return 0;
        const std::uint8_t first = left_.front();
        left_ = left_.subspan(1);
        return first;
    }

    std::size_t below(std::size_t n) { return next() % n; }

    /// True for the upper `of_256` values of a byte.
    bool chance(unsigned of_256) { return next() >= 256U - of_256; }

    template <class T, std::size_t N>
    T of(const std::array<T, N>& choices) {
        return choices[below(N)];
    }

private:
    std::span<const std::uint8_t> left_;
};

/// A logit: one of those at the ends of a format or of a function, or a multiple of 1/8. The last ones of the
/// list, which are not finite, only with `wild`.
inline double draw_logit(bytes& from, bool wild) {
    static constexpr std::array<double, 36> special{
        0.0,   -0.0,  FLT_MIN, -FLT_MIN, 1e-45,    -1e-45,  1e-30,    -1e-30,    1e-8,
        -1e-8, 16.7,  -16.7,   17.4,     -17.4,    36.0,    -37.0,    87.3,      -87.4,
        88.8,  -88.8, 104.0,   -104,     120,      -120,    745.2,    -745.2,    1e4,
        -1e4,  1e19,  -1e30,   FLT_MAX,  -FLT_MAX, DBL_MAX, infinity, -infinity, nan};
    const std::size_t byte = from.next();
    if (byte < 256 - special.size())
        return (static_cast<double>(byte) - 110.0) / 8.0;
    const double x = special[byte - (256 - special.size())];
    return std::isfinite(x) || wild ? x : 0.0;
}

/// A probability, with both ends and their neighbours; with `wild` also what is none.
inline double draw_probability(bytes& from, bool wild) {
    static constexpr std::array<double, 16> special{0.0,  1.0,        1e-45,     1e-40, 1e-30, 1e-12,
                                                    1e-7, 0.99999994, -0.0,      0.5,   -0.5,  1.0001,
                                                    1e30, infinity,   -infinity, nan};
    const std::size_t byte = from.next();
    if (byte < 256 - special.size())
        return static_cast<double>(byte) / 239.0;
    const double p = special[byte - (256 - special.size())];
    return (p >= 0.0 && p <= 1.0) || wild ? p : 1.0;
}

/// A weight of a pixel; with `wild` also what is none.
inline double draw_weight(bytes& from, bool wild) {
    static constexpr std::array<double, 16> special{0.0,  1.0,   2.0,   0.5,  -0.0, 1e-45,    1e-30,     3.0,
                                                    1e20, 1e-10, 1e300, -1.0, -0.5, infinity, -infinity, nan};
    const std::size_t byte = from.next();
    const double w = special[byte % special.size()];
    return (w >= 0.0 && w <= 1e30) || (wild && byte >= 128) ? w : 1.0;
}

} // namespace fuzzing

#endif
