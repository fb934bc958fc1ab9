#ifndef XLOSS_TENSOR_LAYOUT_HPP
#define XLOSS_TENSOR_LAYOUT_HPP

#include <xloss/config.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <numeric>
#include <type_traits>
#include <utility>

namespace xloss::tensor {

/// The element type of an expression.
template <class E>
using value_type_of = std::remove_cv_t<typename std::remove_cvref_t<E>::value_type>;

/// Does the expression have elements in memory that a pointer and strides reach? The type behind the
/// pointer is compared too: a container over std::vector<bool> has data() but no bool in memory.
template <class E>
concept strided_memory =
    xt::has_data_interface<std::remove_cvref_t<E>>::value && xt::has_strides<std::remove_cvref_t<E>>::value &&
    std::is_pointer_v<decltype(std::declval<const std::remove_cvref_t<E>&>().data())> &&
    std::is_same_v<std::remove_cv_t<
                       std::remove_pointer_t<decltype(std::declval<const std::remove_cvref_t<E>&>().data())>>,
                   value_type_of<E>>;

/// Where the elements of a strided tensor are, in row-major order, relative to its first one. Axes of
/// size 1 are gone and axes that continue each other are merged, so the last axis is a run as long as
/// it can be. There is at least one axis: one element is a run of 1, none a run of 0.
struct layout {
    std::array<std::size_t, max_rank> extent{};
    std::array<std::ptrdiff_t, max_rank> stride{};
    std::size_t rank = 0;

    /// Are the elements one after the other in memory? False for a layout that was never set.
    constexpr bool contiguous() const noexcept { return rank == 1 && (stride[0] == 1 || extent[0] <= 1); }

    /// Are several elements in one place, along some axis?
    constexpr bool repeats() const noexcept {
        for (std::size_t axis = 0; axis < rank; ++axis) {
            if (stride[axis] == 0 && extent[axis] > 1) {
                return true;
            }
        }
        return false;
    }

    /// Adds an axis inside those present, merged with the last one where it continues it.
    constexpr void append(std::size_t size, std::ptrdiff_t step) noexcept {
        if (size == 1) {
            return;
        }
        if (rank > 0 && stride[rank - 1] == step * static_cast<std::ptrdiff_t>(size)) {
            extent[rank - 1] *= size;
            stride[rank - 1] = step;
            return;
        }
        extent[rank] = size;
        stride[rank] = step;
        ++rank;
    }
};

/// The layout of a tensor with these strides.
XLOSS_NOINLINE inline layout strided_layout(const shape& box,
                                            const std::array<std::ptrdiff_t, max_rank>& stride) {
    const std::size_t size = box.size();
    layout result;
    if (size > 1) {
        for (std::size_t axis = 0; axis < box.rank; ++axis) {
            result.append(box.extent[axis], stride[axis]);
        }
        return result;
    }
    result.extent[0] = size;
    result.stride[0] = 1;
    result.rank = 1;
    return result;
}

/// The layout of an expression with memory.
template <strided_memory E>
layout layout_of(const E& e) {
    const shape box = shape_of(e);
    std::array<std::ptrdiff_t, max_rank> stride{};
    const auto& strides = e.strides();
    for (std::size_t axis = 0; axis < box.rank; ++axis) {
        stride[axis] = static_cast<std::ptrdiff_t>(strides[axis]);
    }
    return strided_layout(box, stride);
}

/// The bytes from the lowest to the highest element of `size` bytes, whichever way the axes run.
XLOSS_NOINLINE inline memory_range covering_range(const void* first, std::size_t size, const layout& where) {
    std::ptrdiff_t low = 0;
    std::ptrdiff_t high = 0;
    std::ptrdiff_t period = 0;
    for (std::size_t axis = 0; axis < where.rank; ++axis) {
        if (where.extent[axis] == 0) {
            return {};
        }
        const std::ptrdiff_t reach = static_cast<std::ptrdiff_t>(where.extent[axis] - 1) * where.stride[axis];
        (reach < 0 ? low : high) += reach;
        period = std::gcd(period, where.stride[axis]);
    }
    // The innermost run is one block where it is dense, else each element is.
    std::size_t block = 1;
    const std::size_t inner = where.rank - 1;
    if (where.stride[inner] == 1 || where.stride[inner] == -1) {
        block = where.extent[inner];
        period = 0;
        for (std::size_t axis = 0; axis < inner; ++axis) {
            period = std::gcd(period, where.stride[axis]);
        }
    }
    const auto* at = static_cast<const std::byte*>(first);
    const auto bytes = static_cast<std::ptrdiff_t>(size);
    return {at + low * bytes, at + (high + 1) * bytes, static_cast<std::size_t>(period) * size, block * size};
}

template <class L>
memory_range covering_range(const L* first, const layout& where) {
    return covering_range(first, sizeof(L), where);
}

/// Calls run(offset, stride, done, length) for each run among the row-major elements [first, first + n):
/// `length` elements that start at `offset` and are `stride` apart, after `done` others.
template <class Run>
void for_each_run(const layout& where, std::size_t first, std::size_t n, Run run) {
    const std::size_t inner = where.rank - 1;
    std::array<std::size_t, max_rank> index{};
    std::ptrdiff_t offset = 0;
    for (std::size_t axis = inner; n > 0 && axis > 0; --axis) {
        index[axis] = first % where.extent[axis];
        first /= where.extent[axis];
        offset += static_cast<std::ptrdiff_t>(index[axis]) * where.stride[axis];
    }
    index[0] = first;
    offset += static_cast<std::ptrdiff_t>(first) * where.stride[0];

    for (std::size_t done = 0; done < n;) {
        const std::size_t length = std::min(where.extent[inner] - index[inner], n - done);
        run(offset, where.stride[inner], done, length);
        done += length;
        offset -= static_cast<std::ptrdiff_t>(index[inner]) * where.stride[inner];
        index[inner] = 0;
        for (std::size_t axis = inner; axis-- > 0;) {
            offset += where.stride[axis];
            if (++index[axis] < where.extent[axis]) {
                break;
            }
            offset -= static_cast<std::ptrdiff_t>(index[axis]) * where.stride[axis];
            index[axis] = 0;
        }
    }
}

/// Calls visit(element) for the row-major elements [first, first + n) of what an xtensor stepper walks:
/// the way into expressions without memory. The stepper only ever stands on elements that are asked for
/// or on the way to them: some kinds compute as they step.
template <class Stepper, class Visit>
void walk(Stepper position, const shape& box, std::size_t first, std::size_t n, Visit visit) {
    if (n == 0) {
        return;
    }
    std::size_t inner = box.rank;
    while (inner > 0 && box.extent[inner - 1] == 1) {
        --inner;
    }
    if (inner == 0) {
        visit(*position);
        return;
    }
    --inner;

    auto index = unravel(box, first);
    for (std::size_t axis = 0; axis <= inner; ++axis) {
        if (index[axis] > 0) {
            position.step(axis, index[axis]);
        }
    }
    for (;;) {
        const std::size_t length = std::min(box.extent[inner] - index[inner], n);
        visit(*position);
        for (std::size_t i = 1; i < length; ++i) {
            position.step(inner);
            visit(*position);
        }
        n -= length;
        if (n == 0) {
            return;
        }
        position.reset(inner);
        index[inner] = 0;
        for (std::size_t axis = inner; axis-- > 0;) {
            if (++index[axis] < box.extent[axis]) {
                position.step(axis);
                break;
            }
            position.reset(axis);
            index[axis] = 0;
        }
    }
}

} // namespace xloss::tensor

#endif
