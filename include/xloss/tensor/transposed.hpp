#ifndef XLOSS_TENSOR_TRANSPOSED_HPP
#define XLOSS_TENSOR_TRANSPOSED_HPP

#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <array>
#include <cstddef>

namespace xloss::tensor {

/// Scores [R, C] of single things as those of one sample of R pixels, [1, C, R]: the losses of classes then
/// have whole registers of things, and not of one. `From` is a source, or a sink, which is written too.
template <class T, class From>
class transposed {
public:
    using value_type = T;

    /// Refers to what `from` refers to.
    explicit transposed(const From& from) : from_(from), rows_(from.shape()[0]), columns_(from.shape()[1]) {}

    [[nodiscard]] std::size_t dimension() const noexcept { return 3; }
    [[nodiscard]] tensor::shape shape() const noexcept { return {{1, columns_, rows_}, 3}; }
    [[nodiscard]] memory_range memory() const noexcept { return from_.memory(); }

    void read(std::size_t first, std::size_t n, T* to) const {
        each(first, n, [&](std::size_t at, std::size_t i) {
            T one{};
            if constexpr (requires { from_.read(at, 1, &one); })
                to[i] = *from_.read(at, 1, &one);
            else
                to[i] = *from_.begin(at, 1, &one, true);
        });
    }

    void write(std::size_t first, std::size_t n, const T* from, bool loaded) const requires
        requires(const From& f, const T* one) {
        f.commit(0, 1, one, false);
    }
    {
        each(first, n, [&](std::size_t at, std::size_t i) {
            if (from_.in_place())
                *from_.begin(at, 1, nullptr, false) = from[i];
            else
                from_.commit(at, 1, from + i, loaded);
        });
    }

private:
    /// Calls f(where, i) for n elements, column by column.
    template <class F>
    void each(std::size_t first, std::size_t n, F&& f) const {
        if (n == 0)
            return;
        std::size_t column = first / rows_, row = first % rows_;
        for (std::size_t i = 0; i < n; ++i) {
            f(row * columns_ + column, i);
            if (++row == rows_) {
                row = 0;
                ++column;
            }
        }
    }

    From from_;
    std::size_t rows_, columns_;
};

/// Labels [R] as [1, R], likewise.
template <class L>
class one_sample {
public:
    using value_type = L;

    template <class E>
    explicit one_sample(const E& labels)
        : origin_(origin_of(labels)), read_([] {
              if constexpr (strided_memory<E>)
                  return &read_strided<L, L>;
              else
                  return &read_lazy<E, L>;
          }()) {}

    [[nodiscard]] std::size_t dimension() const noexcept { return 2; }
    [[nodiscard]] tensor::shape shape() const noexcept { return {{1, origin_.shape.size()}, 2}; }
    [[nodiscard]] memory_range memory() const noexcept { return origin_.memory; }
    void read(std::size_t first, std::size_t n, L* to) const { read_(origin_, first, n, to); }

private:
    origin origin_;
    void (*read_)(const origin&, std::size_t, std::size_t, L*);
};

} // namespace xloss::tensor

#endif
