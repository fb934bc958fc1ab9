#ifndef XLOSS_DISTANCE_IMAGE_HPP
#define XLOSS_DISTANCE_IMAGE_HPP

#include <xloss/config.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/grid.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

/// \file
/// Masks and label maps as the transforms read them: whole, one byte or one label per pixel.

namespace xloss::distance {

/// One image, or with `batch` one for each index of axis 0.
struct images {
    tensor::grid each;
    std::size_t count = 1;

    /// @throws as `grid`; shape_error for an axis too long to count its pixels in a float.
    images(std::string_view name, const tensor::shape& s, std::span<const double> spacing, bool batch)
        : each(name, s, batch ? 1 : 0, spacing), count(batch ? s[0] : 1) {
        constexpr std::size_t longest = std::size_t{1} << 24;
        for (const std::size_t extent : each.extent)
            if (extent > longest)
                tensor::raise<shape_error>({name, ": ", s, " has an axis longer than ", longest});
    }
};

namespace detail {

/// 1 for each pixel of an expression that is(pixel); read piece by piece.
template <class M, class Is>
const std::uint8_t* bytes_of(const M& pixels, workspace& memory, const Is& is) {
    using element = tensor::value_type_of<M>;
    const tensor::origin from = tensor::origin_of(pixels);
    const std::size_t count = from.shape.size();
    auto* to = memory.get<std::uint8_t>(engine::scratch::masks, count);
    const auto mark = [&](const element* run, std::size_t first, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i)
            to[first + i] = static_cast<std::uint8_t>(is(run[i]));
    };
    if constexpr (tensor::strided_memory<M>) {
        if (from.where.contiguous()) {
            mark(static_cast<const element*>(from.object), 0, count);
            return to;
        }
    }
    constexpr std::size_t block = 512;
    std::array<element, block> buffer;
    for (std::size_t done = 0; done < count; done += block) {
        const std::size_t n = std::min(block, count - done);
        if constexpr (tensor::strided_memory<M>)
            tensor::read_strided<element>(from, done, n, buffer.data());
        else
            tensor::read_lazy<M>(from, done, n, buffer.data());
        mark(buffer.data(), done, n);
    }
    return to;
}

/// Whether pixels of type E can have the ignored value.
template <class E>
bool can_hold(std::int64_t value) {
    if constexpr (std::is_integral_v<E> && !std::is_same_v<E, bool>)
        return std::in_range<std::conditional_t<std::is_same_v<E, char>, std::make_signed_t<char>, E>>(value);
    else
        return static_cast<std::int64_t>(static_cast<E>(value)) == value;
}

} // namespace detail

/// 0 where a mask has the ignored value, 1 elsewhere.
template <class M>
const std::uint8_t* valid_bytes(const M& mask, std::int64_t ignore, workspace& memory) {
    using element = tensor::value_type_of<M>;
    const bool occurs = detail::can_hold<element>(ignore);
    const auto ignored = static_cast<element>(ignore);
    return detail::bytes_of(mask, memory, [=](element v) { return !(occurs && v == ignored); });
}

/// A mask of any type as bytes: not 0 where it is neither 0 nor the ignored value. Bytes without an ignored
/// value are read where they are.
template <class M>
const std::uint8_t* mask_bytes(const M& mask, const std::optional<std::int64_t>& ignore, workspace& memory) {
    using element = tensor::value_type_of<M>;
    if (ignore && detail::can_hold<element>(*ignore))
        return detail::bytes_of(mask, memory, [ignored = static_cast<element>(*ignore)](element v) {
            return static_cast<int>(v != element(0)) & static_cast<int>(v != ignored);
        });
    if constexpr (tensor::strided_memory<M> && sizeof(element) == 1) {
        const tensor::origin from = tensor::origin_of(mask);
        if (from.where.contiguous())
            return static_cast<const std::uint8_t*>(from.object);
    }
    return detail::bytes_of(mask, memory, [](element v) { return v != element(0); });
}

/// A label map: -1 where it is the ignored label.
/// @throws label_error for any other label outside [0, classes).
template <class Y>
const std::int32_t* label_numbers(std::string_view name, const Y& labels, std::size_t classes,
                                  const std::optional<std::int64_t>& ignore, workspace& memory) {
    const tensor::label_source<std::int32_t> from(labels, classes, ignore);
    auto* to = memory.get<std::int32_t>(engine::scratch::labels, from.size());
    from.read(0, from.size(), to);
    const auto* bad = std::find(to, to + from.size(), -2);
    if (bad != to + from.size()) {
        const auto at = static_cast<std::size_t>(bad - to);
        tensor::raise<label_error>(
            {name, ": label ", from.value_at(at), " at ", tensor::index_string(from.shape(), at),
             " is outside [0, ", classes, ")",
             ignore ? " and not the ignored " + std::to_string(*ignore) : std::string()});
    }
    return to;
}

} // namespace xloss::distance

#endif
