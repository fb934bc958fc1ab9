#ifndef XLOSS_TESTS_FUZZ_TENSOR_HPP
#define XLOSS_TESTS_FUZZ_TENSOR_HPP

#include "support/expressions.hpp"

#include <xloss/criterion/target.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

namespace fuzzing {

using extents = std::vector<std::size_t>;

inline std::size_t size_of(const extents& shape) {
    std::size_t n = 1;
    for (const std::size_t extent : shape)
        n *= extent;
    return n;
}

/// How a tensor lies in memory.
enum class layout {
    rows,
    columns,
    gaps,     // every second element of a buffer
    reversed, // steps backwards along every axis
    channels, // axis 1 innermost, as in channels-last tensors
    repeated, // stride 0 along the first axis longer than 1
    lazy      // an expression over rows
};

template <class L>
using strided =
    decltype(xt::adapt(std::declval<L*>(), std::size_t{}, xt::no_ownership(), std::declval<const extents&>(),
                       std::declval<const std::vector<std::ptrdiff_t>&>()));

/// A tensor in any layout, in a block of exactly the memory that it needs.
template <class L>
class tensor {
public:
    using value_type = L;

    /// With row-major numbers; `gap` stands between them.
    tensor(const std::vector<double>& numbers, extents shape, layout where, L gap = L{})
        : shape_(std::move(shape)), strides_(shape_.size()), lazy_(where == layout::lazy) {
        place(where);
        memory_.reset(new L[size_]);
        std::fill_n(memory_.get(), size_, gap);
        for (std::size_t i = 0; i < size_of(shape_); ++i)
            memory_[at(i)] = static_cast<L>(numbers[i]);
        expressions_ = std::make_unique<expressions>(memory_.get() + first_, shape_, strides_);
    }

    /// Element i in row-major order.
    [[nodiscard]] L operator[](std::size_t i) const { return memory_[at(i)]; }
    [[nodiscard]] const extents& shape() const { return shape_; }
    [[nodiscard]] std::size_t memory_size() const { return size_; }
    [[nodiscard]] const L* memory() const { return memory_.get(); }

    /// Calls f(expression); it lives as long as the tensor.
    template <class F>
    auto visit(F&& f) const {
        return lazy_ ? f(std::as_const(expressions_->lazy)) : f(std::as_const(expressions_->view));
    }

    /// The memory, whatever is made of it.
    [[nodiscard]] const strided<L>& view() const { return expressions_->view; }
    [[nodiscard]] strided<L>& writable() { return expressions_->view; }

private:
    struct expressions {
        strided<L> view;
        decltype(xt::cast<L>(std::declval<const strided<L>&>())) lazy;

        // xtensor wants as many elements as the shape has, whatever the strides.
        expressions(L* first, const extents& shape, const std::vector<std::ptrdiff_t>& strides)
            : view(xt::adapt(std::move(first), size_of(shape), xt::no_ownership(), shape, strides)),
              lazy(xt::cast<L>(std::as_const(view))) {}
    };

    /// Strides, and the size of the memory.
    void place(layout where) {
        std::ptrdiff_t step = where == layout::gaps ? 2 : where == layout::reversed ? -1 : 1;
        const std::size_t rank = shape_.size();
        bool repeats = where == layout::repeated;
        std::size_t repeated = rank;
        for (std::size_t axis = 0; axis < rank && repeats; ++axis)
            if (shape_[axis] > 1) {
                repeated = axis;
                repeats = false;
            }
        const auto axis_of = [where, rank](std::size_t k) { // from the innermost on
            if (where == layout::channels && rank > 1)
                return k == 0 ? 1 : k == rank - 1 ? 0 : rank - k;
            return where == layout::columns ? k : rank - 1 - k;
        };
        for (std::size_t k = 0; k < rank; ++k) {
            const std::size_t axis = axis_of(k);
            strides_[axis] = axis == repeated ? 0 : step;
            if (axis != repeated)
                step *= static_cast<std::ptrdiff_t>(shape_[axis]);
        }
        size_ = size_of(shape_) == 0 ? 0 : 1;
        for (std::size_t axis = 0; axis < rank && size_ > 0; ++axis)
            size_ += (shape_[axis] - 1) * static_cast<std::size_t>(std::abs(strides_[axis]));
        first_ = where == layout::reversed && size_ > 0 ? size_ - 1 : 0;
    }

    [[nodiscard]] std::size_t at(std::size_t flat) const {
        std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first_);
        for (std::size_t axis = shape_.size(); axis-- > 0;) {
            offset += static_cast<std::ptrdiff_t>(flat % shape_[axis]) * strides_[axis];
            flat /= shape_[axis];
        }
        return static_cast<std::size_t>(offset);
    }

    extents shape_;
    std::vector<std::ptrdiff_t> strides_;
    bool lazy_;
    std::size_t size_ = 0, first_ = 0;
    std::unique_ptr<L[]> memory_;
    std::unique_ptr<expressions> expressions_;
};

/// The element types of targets and of what rides on them.
enum class element { boolean, uint8, int64, single, real };

using any_tensor =
    std::variant<tensor<bool>, tensor<std::uint8_t>, tensor<std::int64_t>, tensor<float>, tensor<double>>;

inline any_tensor tensor_of(element type, const std::vector<double>& numbers, const extents& shape,
                            layout where) {
    switch (type) {
    case element::boolean:
        return tensor<bool>(numbers, shape, where);
    case element::uint8:
        return tensor<std::uint8_t>(numbers, shape, where);
    case element::int64:
        return tensor<std::int64_t>(numbers, shape, where);
    case element::single:
        return tensor<float>(numbers, shape, where);
    default:
        return tensor<double>(numbers, shape, where);
    }
}

// A target of any type and with any riders is one type for the library: else every loss would be compiled
// anew for each of a hundred combinations. `attach` is where the calls take a target apart; the overloads for
// the types here choose one of the library's own.

struct any_plain {
    const any_tensor* y;
};

struct any_masked {
    any_plain target;
    const any_tensor* valid; // may be null, as below
};

struct any_target {
    any_masked target;
    const any_tensor* weights;
};

/// Calls f(expression).
template <class F>
void visit(const any_tensor& one, F&& f) {
    std::visit([&](const auto& tensor) { tensor.visit(f); }, one);
}

template <class T>
void attach(xloss::engine::target<T>& to, const any_plain& y) {
    visit(*y.y, [&](const auto& e) { xloss::engine::attach(to, e); });
}

template <class T>
void attach(xloss::engine::target<T>& to, const any_masked& y) {
    if (!y.valid)
        return attach(to, y.target);
    visit(*y.valid, [&](const auto& e) { xloss::engine::attach(to, xloss::masked(y.target, e)); });
}

template <class T>
void attach(xloss::engine::target<T>& to, const any_target& y) {
    if (!y.weights)
        return attach(to, y.target);
    visit(*y.weights, [&](const auto& e) { xloss::engine::attach(to, xloss::weighted(y.target, e)); });
}

} // namespace fuzzing

#endif
