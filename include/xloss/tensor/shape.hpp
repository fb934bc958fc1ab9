#ifndef XLOSS_TENSOR_SHAPE_HPP
#define XLOSS_TENSOR_SHAPE_HPP

#include <xloss/config.hpp>
#include <xloss/tensor/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

namespace xloss::tensor {

/// More axes than this are refused: batch, class and six spatial ones.
inline constexpr std::size_t max_rank = 8;

/// The extents of a tensor, of any rank up to max_rank, without an allocation.
struct shape {
    std::array<std::size_t, max_rank> extent{};
    std::size_t rank = 0;

    /// Number of elements; 1 for rank 0.
    constexpr std::size_t size() const noexcept {
        std::size_t product = 1;
        for (std::size_t axis = 0; axis < rank; ++axis) {
            product *= extent[axis];
        }
        return product;
    }

    constexpr std::size_t operator[](std::size_t axis) const noexcept { return extent[axis]; }
    constexpr std::size_t& operator[](std::size_t axis) noexcept { return extent[axis]; }

    friend constexpr bool operator==(const shape& a, const shape& b) noexcept {
        return a.rank == b.rank && std::equal(a.extent.begin(), a.extent.begin() + a.rank, b.extent.begin());
    }

    /// The shape without one of its axes.
    constexpr shape without(std::size_t axis) const noexcept {
        shape rest = *this;
        std::copy(extent.begin() + axis + 1, extent.begin() + rank, rest.extent.begin() + axis);
        rest.extent[--rest.rank] = 0;
        return rest;
    }

    /// The shape in words: "[2, 1, 5, 7]".
    XLOSS_COLD std::string to_string() const {
        std::string text = "[";
        for (std::size_t axis = 0; axis < rank; ++axis) {
            text += (axis == 0 ? "" : ", ") + std::to_string(extent[axis]);
        }
        return text + "]";
    }
};

/// The index of the row-major element `flat`, slowest axis first.
constexpr std::array<std::size_t, max_rank> unravel(const shape& box, std::size_t flat) noexcept {
    std::array<std::size_t, max_rank> index{};
    for (std::size_t axis = box.rank; axis-- > 0;) {
        if (box.extent[axis] > 0) {
            index[axis] = flat % box.extent[axis];
            flat /= box.extent[axis];
        }
    }
    return index;
}

/// The index of a row-major element in words, for messages: "[0, 0, 3, 4]".
XLOSS_COLD inline std::string index_string(const shape& box, std::size_t flat) {
    shape index;
    index.extent = unravel(box, flat);
    index.rank = box.rank;
    return index.to_string();
}

[[noreturn]] XLOSS_COLD inline void refuse_rank(std::size_t rank) {
    throw shape_error("a tensor of rank " + std::to_string(rank) + ": at most " + std::to_string(max_rank) +
                      " axes are supported");
}

/// The shape of an xtensor expression.
/// @throws shape_error when it has more than max_rank axes.
template <class E>
shape shape_of(const E& e) {
    const auto rank = static_cast<std::size_t>(e.dimension());
    if (rank > max_rank) {
        refuse_rank(rank);
    }
    shape result;
    result.rank = rank;
    const auto& extents = e.shape();
    for (std::size_t axis = 0; axis < rank; ++axis) {
        result.extent[axis] = static_cast<std::size_t>(extents[axis]);
    }
    return result;
}

} // namespace xloss::tensor

#endif
