#ifndef XLOSS_TENSOR_LABELS_HPP
#define XLOSS_TENSOR_LABELS_HPP

#include <xloss/config.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

namespace xloss::tensor {

namespace detail {

template <class L>
struct unsigned_of {
    using type = std::make_unsigned_t<L>;
};

template <>
struct unsigned_of<bool> {
    using type = unsigned char;
};

} // namespace detail

/// A label that counts as an index. Class numbers are small: a conversion to 32 bits has an instruction
/// everywhere.
template <class T>
std::size_t class_number(T label) {
    return static_cast<std::size_t>(static_cast<std::int32_t>(label));
}

/// Which labels count: [0, last], last below 2^31, of which one may be ignored.
struct label_rule {
    std::size_t last = 0;
    std::optional<std::int64_t> ignore;
};

/// A label_rule in the unsigned numbers of the labels' own width, where one comparison does for both ends
/// of the range: negative labels lie above all others.
template <class L>
struct narrow_rule {
    using wide = typename detail::unsigned_of<L>::type;

    wide last = 0;
    wide ignored = 0;
    bool may_ignore = false; // the ignored label is one that L can hold

    explicit narrow_rule(const label_rule& rule) {
        using limits = std::numeric_limits<L>;
        const auto largest = static_cast<wide>(limits::max());
        last = rule.last < largest ? static_cast<wide>(rule.last) : largest;
        if (!rule.ignore) {
            return;
        }
        const std::int64_t label = *rule.ignore;
        may_ignore = label < 0 ? std::is_signed_v<L> && label >= static_cast<std::int64_t>(limits::min())
                               : static_cast<std::uint64_t>(label) <= largest;
        ignored = static_cast<wide>(label);
    }
};

namespace detail {

template <class U>
constexpr std::uint32_t low_half(U label) noexcept {
    return static_cast<std::uint32_t>(label);
}

template <class U>
constexpr std::uint32_t high_half(U label) noexcept {
    if constexpr (sizeof(U) > sizeof(std::uint32_t)) {
        return static_cast<std::uint32_t>(label >> 32);
    } else {
        return 0;
    }
}

constexpr std::uint32_t all_ones_if(bool condition) noexcept {
    return 0u - static_cast<std::uint32_t>(condition);
}

/// N labels by the rule. The length, the absence of aliasing and whether there is an ignored label are known
/// to the compiler, so that it makes vector instructions of the loop at -O2. For the same reason there are
/// masks instead of ?:, which g++ makes branches of, and 64-bit labels are compared in halves: few
/// instruction sets compare unsigned 64-bit integers or convert 64-bit ones to floating point.
template <bool MayIgnore, std::size_t N, class L, class T>
XLOSS_INLINE void classify_block(const L* XLOSS_RESTRICT from, T* XLOSS_RESTRICT to,
                                 typename narrow_rule<L>::wide last, typename narrow_rule<L>::wide ignored) {
    for (std::size_t i = 0; i < N; ++i) {
        const auto label = static_cast<typename narrow_rule<L>::wide>(from[i]);
        const std::uint32_t valid =
            all_ones_if(high_half(label) == 0) & all_ones_if(low_half(label) <= low_half(last));
        std::uint32_t number = ((low_half(label) + 2u) & valid) - 2u;
        if constexpr (MayIgnore) {
            number |= all_ones_if(high_half(label) == high_half(ignored)) &
                      all_ones_if(low_half(label) == low_half(ignored));
        }
        to[i] = static_cast<T>(static_cast<std::int32_t>(number));
    }
}

template <bool MayIgnore, class L, class T>
void classify_blocks(const L* from, T* to, std::size_t n, const narrow_rule<L>& rule) {
    constexpr std::size_t block = 64;
    std::size_t done = 0;
    for (; done + block <= n; done += block) {
        classify_block<MayIgnore, block>(from + done, to + done, rule.last, rule.ignored);
    }
    for (; done < n; ++done) {
        classify_block<MayIgnore, 1>(from + done, to + done, rule.last, rule.ignored);
    }
}

} // namespace detail

/// Labels into numbers: the label in [0, rule.last], -1 where it is the ignored one (in range or not), -2
/// for any other. Compared in the labels' own width, so that no wide label wraps into the range.
template <class L, class T>
void classify(const L* from, T* to, std::size_t n, const label_rule& rule) {
    const narrow_rule<L> narrow(rule);
    if (narrow.may_ignore) {
        detail::classify_blocks<true>(from, to, n, narrow);
    } else {
        detail::classify_blocks<false>(from, to, n, narrow);
    }
}

/// A label map of any integer type, to be read piece by piece as class numbers of type T: the label where
/// it is in [0, classes), -1 where it equals `ignore`, -2 where it is neither. Points to the expression and
/// does not own it.
template <class T>
class label_source {
public:
    /// @throws shape_error for rank above max_rank, parameter_error when T cannot count the classes.
    template <class E>
    label_source(const E& e, std::size_t classes, std::optional<std::int64_t> ignore)
        : origin_(origin_of(e)), rule_{classes - 1, ignore} {
        using element = value_type_of<E>;
        static_assert(std::is_integral_v<element>,
                      "a label map has an integer element type: for soft targets or one-hot ones use a "
                      "multilabel or binary loss");
        if (classes == 0 || classes > most_classes) {
            raise<parameter_error>(
                {"a label map of ", classes, " classes: between 1 and ", most_classes, " are supported"});
        }
        if constexpr (strided_memory<E>) {
            read_ = &label_source::template read_labels<element, &read_strided<element, element>>;
            name_ = &label_source::template name_label<element, &read_strided<element, element>>;
        } else if constexpr (reads_itself<E>) {
            read_ = &label_source::template read_labels<element, &read_from_itself<E, element>>;
            name_ = &label_source::template name_label<element, &read_from_itself<E, element>>;
        } else {
            read_ = &label_source::template read_labels<element, &read_lazy<E, element>>;
            name_ = &label_source::template name_label<element, &read_lazy<E, element>>;
        }
    }

    const tensor::shape& shape() const noexcept { return origin_.shape; }
    std::size_t size() const noexcept { return origin_.shape.size(); }

    /// The bytes the labels are in, for alias checks; empty for a lazy expression.
    memory_range memory() const noexcept { return origin_.memory; }

    /// The row-major labels [first, first + n), in `buffer`, which is returned. Keeps no state.
    const T* read(std::size_t first, std::size_t n, T* buffer) const {
        read_(origin_, rule_, first, n, buffer);
        return buffer;
    }

    /// The label at a row-major position as the user wrote it, for messages.
    XLOSS_COLD std::string value_at(std::size_t flat) const { return name_(origin_, flat); }

private:
    // Every class number is exact in T and in the int32 that classify goes through.
    static constexpr std::size_t most_classes = std::size_t{1}
                                                << std::min(std::numeric_limits<T>::digits, 31);
    // Raw labels staged at once: long enough for vector loops, short enough for the stack (4 KiB of int64).
    static constexpr std::size_t block = 512;

    template <class L, auto Stage>
    static void read_labels(const origin& from, const label_rule& rule, std::size_t first, std::size_t n,
                            T* to) {
        if (from.where.contiguous()) {
            classify(static_cast<const L*>(from.object) + first, to, n, rule);
            return;
        }
        std::array<L, block> raw;
        for (std::size_t done = 0; done < n; done += block) {
            const std::size_t length = std::min(block, n - done);
            Stage(from, first + done, length, raw.data());
            classify(raw.data(), to + done, length, rule);
        }
    }

    template <class L, auto Stage>
    XLOSS_COLD static std::string name_label(const origin& from, std::size_t flat) {
        L label{};
        Stage(from, flat, 1, &label);
        return std::to_string(label);
    }

    origin origin_;
    label_rule rule_;
    void (*read_)(const origin&, const label_rule&, std::size_t, std::size_t, T*) = nullptr;
    std::string (*name_)(const origin&, std::size_t) = nullptr;
};

} // namespace xloss::tensor

#endif
