#ifndef XLOSS_TENSOR_SINK_HPP
#define XLOSS_TENSOR_SINK_HPP

#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/planes.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

namespace xloss::tensor {

namespace detail {

/// Can elements of the (possibly const) tensor type G be assigned?
template <class G>
constexpr bool writable() {
    if constexpr (strided_memory<G>) {
        return !std::is_const_v<std::remove_pointer_t<decltype(std::declval<G&>().data())>>;
    } else if constexpr (reads_itself<G>) {
        return requires(G & g, const value_type_of<G>* from) {
            g.write(0, 0, from, false);
        };
    } else {
        using position = decltype(std::declval<G&>().stepper_begin(std::declval<G&>().shape()));
        using element = decltype(*std::declval<position&>());
        return std::is_lvalue_reference_v<element> && std::is_assignable_v<element, value_type_of<G>>;
    }
}

/// Stores v. With `loaded` v was made from what stands there, which is left where v says the same in T: on
/// its way to T and back it would be rounded.
template <class L, class T>
void store(L& element, T v, bool loaded) {
    if constexpr (!std::is_same_v<L, T>) {
        const T present = static_cast<T>(element);
        if (loaded && std::memcmp(&present, &v, sizeof(T)) == 0) {
            return;
        }
    }
    element = static_cast<L>(v);
}

/// Stores n elements at the row-major positions from `first` of a strided tensor of L.
template <class L, class T>
void write_strided(const origin& to, std::size_t first, std::size_t n, const T* from, bool loaded) {
    // The sink made `object` from a pointer to non-const elements.
    L* data = static_cast<L*>(const_cast<void*>(to.object));
    for_each_run(to.where, first, n,
                 [=](std::ptrdiff_t offset, std::ptrdiff_t stride, std::size_t done, std::size_t length) {
                     L* run = data + offset;
                     const T* in = from + done;
                     if (stride == 1 && (!loaded || std::is_same_v<L, T>)) {
                         copy_run(in, run, length);
                         return;
                     }
                     for (std::size_t i = 0; i < length; ++i) {
                         store(run[static_cast<std::ptrdiff_t>(i) * stride], in[i], loaded);
                     }
                 });
}

/// Stores rows `row` apart in a window of a strided tensor of L.
template <class L, class T>
void write_interleaved(const origin& to, const plane_window& w, const T* from, std::size_t row) {
    L* data = static_cast<L*>(const_cast<void*>(to.object));
    const plane_strides strides = *interleaved(to.where, w);
    std::size_t done = 0;
    if constexpr (std::is_same_v<L, T>)
        done = each_square<simd::native_width<T>>(
            strides, w, row, [=, step = strides.element](std::ptrdiff_t at, std::size_t position) {
                transpose_square(from + position, static_cast<std::ptrdiff_t>(row), data + at, step);
            });
    from += done;
    each_interleaved(after(strides, done), after(w, done), row,
                     [=, step = strides.element](std::ptrdiff_t at, std::size_t position, auto length) {
                         L* run = data + at;
                         for (std::size_t j = 0; j < length; ++j)
                             run[static_cast<std::ptrdiff_t>(j) * step] = static_cast<L>(from[position + j]);
                     });
}

/// Stores n elements at the row-major positions from `first` of a view that has no strides.
template <class G, class T>
void write_stepped(const origin& to, std::size_t first, std::size_t n, const T* from, bool loaded) {
    G& g = *static_cast<G*>(const_cast<void*>(to.object));
    walk(g.stepper_begin(g.shape()), to.shape, first, n,
         [from, loaded](auto& element) mutable { store(element, *from++, loaded); });
}

/// Hands elements to a tensor of the library's own.
template <class G, class T>
void write_to_itself(const origin& to, std::size_t first, std::size_t n, const T* from, bool loaded) {
    static_cast<const G*>(to.object)->write(first, n, from, loaded);
}

} // namespace detail

/// Any tensor that can be written, to be filled with elements of type T in row-major order, piece by piece.
/// Points to the tensor and does not own it. Dense row-major data of type T is written where it is;
/// anything else through the caller's buffer: begin(), write, commit().
template <class T>
class sink {
public:
    /// @throws shape_error for rank above max_rank, alias_error when elements of g share memory.
    template <class G>
    requires(!std::is_same_v<std::remove_cv_t<G>, sink>) explicit sink(G& g) : origin_(origin_of(g)) {
        using element = value_type_of<G>;
        static_assert(std::is_floating_point_v<element>,
                      "a gradient is stored in a tensor of float or double");
        static_assert(detail::writable<G>(),
                      "a gradient needs a tensor that can be written: a container, an adaptor or a view, not "
                      "a const one and not a lazy expression");
        if constexpr (strided_memory<G>) {
            if (origin_.where.repeats()) {
                raise<alias_error>({"the tensor to be written, of shape ", shape(),
                                    ", has an axis of stride 0: its elements share memory"});
            }
            in_place_ = std::is_same_v<element, T> && origin_.where.contiguous();
            load_ = &read_strided<element, T>;
            store_ = &detail::write_strided<element, T>;
            store_planes_ = &detail::write_interleaved<element, T>;
        } else if constexpr (reads_itself<G>) {
            load_ = &read_from_itself<G, T>;
            store_ = &detail::write_to_itself<G, T>;
        } else {
            load_ = &read_lazy<G, T>;
            store_ = &detail::write_stepped<G, T>;
        }
    }

    /// Of elements one after the other in memory.
    sink(T* first, const tensor::shape& box) : in_place_(true) {
        origin_.object = first;
        origin_.shape = box;
        origin_.memory = {reinterpret_cast<const std::byte*>(first),
                          reinterpret_cast<const std::byte*>(first + box.size()), 0, 0};
    }

    /// No tensor: what is stored goes to consumer.add(first, row, n), by the thread that stores it.
    template <class Consumer>
    static sink into(Consumer& consumer, const tensor::shape& box) {
        sink result;
        result.origin_.object = &consumer;
        result.origin_.shape = box;
        result.store_ = [](const origin& to, std::size_t first, std::size_t n, const T* row, bool) {
            static_cast<Consumer*>(const_cast<void*>(to.object))->add(first, row, n);
        };
        return result;
    }

    const tensor::shape& shape() const noexcept { return origin_.shape; }
    std::size_t size() const noexcept { return origin_.shape.size(); }

    /// Is the data written where it is, with no buffer?
    bool in_place() const noexcept { return in_place_; }

    /// The bytes the elements are in, for alias checks; empty for a view that has no strides.
    memory_range memory() const noexcept { return origin_.memory; }

    /// Where to write the row-major elements [first, first + n): the data itself when it is in place, else
    /// `buffer`, with room for n. With `load` the present elements are there to be added to.
    T* begin(std::size_t first, std::size_t n, T* buffer, bool load) const {
        if (in_place_) {
            return static_cast<T*>(const_cast<void*>(origin_.object)) + first;
        }
        if (load) {
            load_(origin_, first, n, buffer);
        }
        return buffer;
    }

    /// Stores what was written to the buffer that begin() gave; does nothing when in place. With `loaded`, as
    /// it was for begin(), elements that were not changed keep their bits, also those that T cannot hold.
    void commit(std::size_t first, std::size_t n, const T* written, bool loaded = false) const {
        if (!in_place_) {
            store_(origin_, first, n, written, loaded);
        }
    }

    /// Whether a window is better stored as a whole, by commit_planes, than row by row: its planes are
    /// interleaved in memory.
    bool prefers_planes(const plane_window& w) const {
        return store_planes_ && !in_place_ && interleaved(origin_.where, w);
    }

    /// Stores a window from rows `row` apart; only where prefers_planes says so.
    void commit_planes(const plane_window& w, const T* from, std::size_t row) const {
        store_planes_(origin_, w, from, row);
    }

private:
    sink() = default;

    origin origin_;
    void (*store_planes_)(const origin&, const plane_window&, const T*, std::size_t) = nullptr;
    void (*load_)(const origin&, std::size_t, std::size_t, T*) = nullptr;
    void (*store_)(const origin&, std::size_t, std::size_t, const T*, bool) = nullptr;
    bool in_place_ = false;
};

} // namespace xloss::tensor

#endif
