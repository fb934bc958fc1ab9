#ifndef XLOSS_TENSOR_ALIAS_HPP
#define XLOSS_TENSOR_ALIAS_HPP

#include <cstddef>
#include <functional>
#include <numeric>

namespace xloss::tensor {

/// The bytes [begin, end) that cover a tensor's elements. Empty for an expression without memory of its own.
/// Where the elements have gaps between them, they lie in blocks of `block` bytes at begin + k * period:
/// two channels of one buffer cover each other and yet share nothing.
struct memory_range {
    const std::byte* begin = nullptr;
    const std::byte* end = nullptr;
    std::size_t period = 0; // 0: one block
    std::size_t block = 0;

    bool empty() const noexcept { return begin == end; }

    friend bool operator==(const memory_range&, const memory_range&) = default;
};

/// Can the two tensors share a byte? An empty range shares none. The answer may be a false yes where gaps
/// on several axes interlock, never a false no.
inline bool overlap(const memory_range& a, const memory_range& b) noexcept {
    // std::less orders pointers into different arrays, which < alone does not promise.
    const std::less<const std::byte*> before{};
    if (a.empty() || b.empty() || !before(a.begin, b.end) || !before(b.begin, a.end)) {
        return false;
    }
    if (before(b.begin, a.begin)) {
        return overlap(b, a);
    }
    const std::size_t period = std::gcd(a.period, b.period);
    if (period == 0) {
        return true;
    }
    // Modulo the common period all blocks of a start at 0 and all of b at `shift`.
    const std::size_t shift = static_cast<std::size_t>(b.begin - a.begin) % period;
    const auto block = [](const memory_range& r) {
        return r.period == 0 ? static_cast<std::size_t>(r.end - r.begin) : r.block;
    };
    return shift < block(a) || shift + block(b) > period;
}

} // namespace xloss::tensor

#endif
