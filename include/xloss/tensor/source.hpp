#ifndef XLOSS_TENSOR_SOURCE_HPP
#define XLOSS_TENSOR_SOURCE_HPP

#include <xloss/config.hpp>
#include <xloss/simd/convert.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/planes.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <type_traits>

namespace xloss::tensor {

namespace detail {

/// A dense run of L as T: bytes moved where the type stays, else widened or rounded.
template <class L, class T>
void copy_run(const L* from, T* to, std::size_t n) {
    if constexpr (std::is_same_v<L, T>) {
        std::copy_n(from, n, to);
    } else {
        simd::convert(from, to, n);
    }
}

/// What is stored as a number from 0 to 255 in a byte. A bool is stored as 0 or 1, and its byte may be read.
template <class L>
inline constexpr bool is_byte = std::is_same_v<L, std::uint8_t> ||
                                (std::is_same_v<L, bool> && sizeof(bool) == 1);

/// Row-major strides of a shape with xtensor's convention (0 along axes of size 1), in a type that
/// has_linear_assign can compare.
struct row_major_strides {
    std::array<std::ptrdiff_t, max_rank> stride{};
    std::size_t rank = 0;

    explicit row_major_strides(const shape& box) noexcept : rank(box.rank) {
        std::ptrdiff_t step = 1;
        for (std::size_t axis = box.rank; axis-- > 0;) {
            stride[axis] = box.extent[axis] == 1 ? 0 : step;
            step *= static_cast<std::ptrdiff_t>(box.extent[axis]);
        }
    }

    std::size_t size() const noexcept { return rank; }
    auto begin() const noexcept { return stride.begin(); }
    auto end() const noexcept { return stride.begin() + static_cast<std::ptrdiff_t>(rank); }
    auto cbegin() const noexcept { return begin(); }
    auto cend() const noexcept { return end(); }
    std::ptrdiff_t operator[](std::size_t axis) const noexcept { return stride[axis]; }
};

/// Can the type of the expression be one whose element i is computed from element i of each operand? Not
/// asked without axes: xtensor then compares null iterators, which g++ warns about in the user's build.
template <class E>
inline constexpr bool maybe_linear = [] {
    if constexpr (std::is_same_v<typename E::shape_type, std::array<std::size_t, 0>>) {
        return false;
    } else if constexpr (requires {
                             E::contiguous_layout;
                             E::static_layout;
                         }) {
        return bool(E::contiguous_layout) && E::static_layout == xt::layout_type::row_major;
    } else {
        return false;
    }
}();

/// Is this expression one, all operands being dense and of the full shape?
template <class E>
bool is_linear(const E& e, const shape& box) {
    if constexpr (maybe_linear<E>) {
        const row_major_strides strides(box);
        return e.has_linear_assign(strides);
    } else {
        return false;
    }
}

} // namespace detail

/// What a source knows of its expression, whatever the element type is read as.
struct origin {
    const void* object = nullptr; // the first element where there is memory, else the expression
    tensor::shape shape;
    layout where;        // where there is memory
    memory_range memory; // where there is memory
    bool linear = false; // no memory: element i of the expression is element i of each operand
};

/// A tensor of the library's own that hands out its elements: rows gathered from another one, labels seen as
/// one-hot.
template <class E>
concept reads_itself = requires(const E& e, std::size_t i, typename E::value_type* to) {
    e.read(i, i, to);
    { e.memory() } -> std::same_as<memory_range>;
};

/// Looks at an expression once, in one thread. xtensor computes shapes and strides of views and
/// functions at the first use, in the object, so this also makes later reads from several threads safe.
template <class E>
XLOSS_NOINLINE origin origin_of(const E& e) {
    origin result;
    result.shape = shape_of(e);
    if constexpr (strided_memory<E>) {
        const auto* first = e.data() + static_cast<std::ptrdiff_t>(e.data_offset());
        result.object = first;
        result.where = layout_of(e);
        result.memory = covering_range(first, result.where);
    } else if constexpr (reads_itself<E>) {
        result.object = std::addressof(e);
        result.memory = e.memory();
    } else {
        result.object = std::addressof(e); // views overload &
        result.linear = detail::is_linear(e, result.shape);
        // Not of an empty one: a view of no index has no first element to step to, and looks for it.
        if (result.shape.size() > 0) {
            [[maybe_unused]] const auto first = e.stepper_begin(e.shape());
        }
    }
    return result;
}

/// Copies the row-major elements [first, first + n) of a strided tensor of L.
template <class L, class T>
void read_strided(const origin& from, std::size_t first, std::size_t n, T* to) {
    const L* data = static_cast<const L*>(from.object);
    for_each_run(from.where, first, n,
                 [=](std::ptrdiff_t offset, std::ptrdiff_t stride, std::size_t done, std::size_t length) {
                     const L* run = data + offset;
                     T* out = to + done;
                     if (stride == 1) {
                         detail::copy_run(run, out, length);
                         return;
                     }
                     for (std::size_t i = 0; i < length; ++i) {
                         out[i] = static_cast<T>(run[static_cast<std::ptrdiff_t>(i) * stride]);
                     }
                 });
}

/// Copies a window of a strided tensor of L into rows `row` apart, if its planes are interleaved.
template <class L, class T>
bool read_interleaved(const origin& from, const plane_window& w, T* to, std::size_t row) {
    const std::optional<plane_strides> strides = interleaved(from.where, w);
    if (!strides)
        return false;
    const L* data = static_cast<const L*>(from.object);
    std::size_t done = 0;
    if constexpr (std::is_same_v<L, T>)
        done = each_square<simd::native_width<T>>(
            *strides, w, row, [=, step = strides->element](std::ptrdiff_t at, std::size_t position) {
                transpose_square(data + at, step, to + position, static_cast<std::ptrdiff_t>(row));
            });
    to += done;
    each_interleaved(after(*strides, done), after(w, done), row,
                     [=, step = strides->element](std::ptrdiff_t at, std::size_t position, auto length) {
                         const L* run = data + at;
                         for (std::size_t j = 0; j < length; ++j)
                             to[position + j] = static_cast<T>(run[static_cast<std::ptrdiff_t>(j) * step]);
                     });
    return true;
}

/// Computes the row-major elements [first, first + n) of an expression without memory.
template <class E, class T>
void read_lazy(const origin& from, std::size_t first, std::size_t n, T* to) {
    const E& e = *static_cast<const E*>(from.object);
    if constexpr (detail::maybe_linear<E>) {
        if (from.linear) {
            for (std::size_t i = 0; i < n; ++i) {
                to[i] = static_cast<T>(e.data_element(first + i));
            }
            return;
        }
    }
    walk(e.stepper_begin(e.shape()), from.shape, first, n,
         [to](const auto& element) mutable { *to++ = static_cast<T>(element); });
}

/// Asks a tensor of the library's own for the row-major elements [first, first + n).
template <class E, class T>
void read_from_itself(const origin& from, std::size_t first, std::size_t n, T* to) {
    const E& e = *static_cast<const E*>(from.object);
    if constexpr (std::is_same_v<value_type_of<E>, T>) {
        e.read(first, n, to);
    } else {
        std::array<value_type_of<E>, 64> block;
        for (std::size_t done = 0; done < n; done += block.size()) {
            const std::size_t run = std::min(block.size(), n - done);
            e.read(first + done, run, block.data());
            std::transform(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(run), to + done,
                           [](auto v) { return static_cast<T>(v); });
        }
    }
}

/// Any xtensor expression, to be read as elements of type T in row-major order, piece by piece. It points
/// to the expression and does not own it: the expression has to live, unchanged in shape, as long as this.
/// Dense row-major data of type T is read where it is; anything else goes through the caller's buffer.
template <class T>
class source {
public:
    /// Looks at e. The element type may be anything that converts to T: bool, integers, float, double.
    /// @throws shape_error when e has more than max_rank axes.
    template <class E>
    requires(!std::is_same_v<E, source>) explicit source(const E& e) : origin_(origin_of(e)) {
        using element = value_type_of<E>;
        static_assert(std::is_arithmetic_v<element>, "xloss reads tensors of bool, integer, float or double");
        if constexpr (strided_memory<E>) {
            in_place_ = std::is_same_v<element, T> && origin_.where.contiguous();
            stage_ = &read_strided<element, T>;
            stage_planes_ = &read_interleaved<element, T>;
            bytes_ = detail::is_byte<element> && origin_.where.contiguous();
        } else if constexpr (reads_itself<E>) {
            stage_ = &read_from_itself<E, T>;
        } else {
            stage_ = &read_lazy<E, T>;
        }
    }

    const tensor::shape& shape() const noexcept { return origin_.shape; }
    std::size_t size() const noexcept { return origin_.shape.size(); }

    /// Is the data read where it is, with no buffer?
    bool in_place() const noexcept { return in_place_; }

    /// The bytes the elements are in, for alias checks; empty for a lazy expression.
    memory_range memory() const noexcept { return origin_.memory; }

    /// The row-major elements [first, first + n): a pointer into the data when it is in place, else
    /// `buffer`, which must have room for n. Keeps no state: several threads may read at once.
    const T* read(std::size_t first, std::size_t n, T* buffer) const {
        if (in_place_) {
            return static_cast<const T*>(origin_.object) + first;
        }
        stage_(origin_, first, n, buffer);
        return buffer;
    }

    /// The element `first` and those after it as they stand in memory, if they are dense bytes: uint8 or
    /// bool. Else null.
    const std::uint8_t* bytes(std::size_t first) const noexcept {
        return bytes_ ? static_cast<const std::uint8_t*>(origin_.object) + first : nullptr;
    }

    /// Copies a window into rows `row` apart, if its planes are interleaved in memory, as in a channels-last
    /// tensor; else does nothing and says false.
    bool read_planes(const plane_window& w, T* to, std::size_t row) const {
        return stage_planes_ && !in_place_ && stage_planes_(origin_, w, to, row);
    }

private:
    origin origin_;
    void (*stage_)(const origin&, std::size_t, std::size_t, T*) = nullptr;
    bool (*stage_planes_)(const origin&, const plane_window&, T*, std::size_t) = nullptr;
    bool in_place_ = false, bytes_ = false;
};

} // namespace xloss::tensor

#endif
