#ifndef XLOSS_TENSOR_GATHER_HPP
#define XLOSS_TENSOR_GATHER_HPP

#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace xloss::tensor {

/// Which rows of a tensor, by their numbers: row k is the row-major elements [k length, (k + 1) length).
struct row_list {
    std::span<const std::size_t> rows;
    tensor::shape row; ///< the extents of one

    /// The shape of n rows.
    static tensor::shape below(std::size_t n, const tensor::shape& row) noexcept {
        tensor::shape s;
        s.rank = row.rank + 1;
        s[0] = n;
        std::copy_n(row.extent.begin(), row.rank, s.extent.begin() + 1);
        return s;
    }

    [[nodiscard]] tensor::shape all() const noexcept { return below(rows.size(), row); }

    /// Calls f(where in the tensor, how many are done, how many more) for the runs that the elements
    /// [first, first + n) of the listed rows are.
    template <class F>
    void each_run(std::size_t first, std::size_t n, F&& f) const {
        if (n == 0)
            return;
        const std::size_t length = row.size();
        std::size_t k = first / length, at = first % length;
        for (std::size_t done = 0; done < n; ++k, at = 0) {
            const std::size_t run = std::min(n - done, length - at);
            f(rows[k] * length + at, done, run);
            done += run;
        }
    }
};

/// Rows of a tensor as a tensor of their own, [rows, ...]: what is not listed is never read. Refers to the
/// expression and to the list.
template <class T>
class gathered {
public:
    using value_type = T;

    template <class E>
    gathered(const E& e, const row_list& list) : from_(e), list_(list), shape_(list.all()) {}

    [[nodiscard]] std::size_t dimension() const noexcept { return shape_.rank; }
    [[nodiscard]] const tensor::shape& shape() const noexcept { return shape_; }

    /// The bytes of the whole tensor.
    [[nodiscard]] memory_range memory() const noexcept { return from_.memory(); }

    void read(std::size_t first, std::size_t n, T* to) const {
        list_.each_run(first, n, [&](std::size_t at, std::size_t done, std::size_t run) {
            const T* part = from_.read(at, run, to + done);
            if (part != to + done)
                std::copy_n(part, run, to + done);
        });
    }

private:
    source<T> from_;
    row_list list_;
    tensor::shape shape_;
};

/// The same of a tensor that is written: what is not listed is left alone. No row is listed twice.
template <class T>
class scattered {
public:
    using value_type = T;

    scattered(const sink<T>& to, const row_list& list) : to_(to), list_(list), shape_(list.all()) {}

    [[nodiscard]] std::size_t dimension() const noexcept { return shape_.rank; }
    [[nodiscard]] const tensor::shape& shape() const noexcept { return shape_; }

    /// The bytes of the whole tensor.
    [[nodiscard]] memory_range memory() const noexcept { return to_.memory(); }

    void read(std::size_t first, std::size_t n, T* to) const {
        list_.each_run(first, n, [&](std::size_t at, std::size_t done, std::size_t run) {
            const T* part = to_.begin(at, run, to + done, true);
            if (part != to + done)
                std::copy_n(part, run, to + done);
        });
    }

    void write(std::size_t first, std::size_t n, const T* from, bool loaded) const {
        list_.each_run(first, n, [&](std::size_t at, std::size_t done, std::size_t run) {
            if (to_.in_place())
                std::copy_n(from + done, run, to_.begin(at, run, nullptr, false));
            else
                to_.commit(at, run, from + done, loaded);
        });
    }

private:
    sink<T> to_;
    row_list list_;
    tensor::shape shape_;
};

} // namespace xloss::tensor

#endif
