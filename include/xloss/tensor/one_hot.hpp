#ifndef XLOSS_TENSOR_ONE_HOT_HPP
#define XLOSS_TENSOR_ONE_HOT_HPP

#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/shape.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xloss::tensor {

/// Labels [N] seen as one-hot rows [N, classes], which are never in memory. A label that is no class, the
/// background, is a row of zeros: -1 or `classes`; any other is for the caller to find.
template <class T>
class one_hot {
public:
    using value_type = T;

    template <class E>
    one_hot(const E& labels, std::size_t classes)
        : labels_(labels, classes + 1, -1), shape_{{labels_.size(), classes}, 2} {}

    [[nodiscard]] std::size_t dimension() const noexcept { return shape_.rank; }
    [[nodiscard]] const tensor::shape& shape() const noexcept { return shape_; }
    [[nodiscard]] const label_source<T>& labels() const noexcept { return labels_; }

    /// The bytes of the labels.
    [[nodiscard]] memory_range memory() const noexcept { return labels_.memory(); }

    void read(std::size_t first, std::size_t n, T* to) const {
        std::fill_n(to, n, T(0));
        const std::size_t classes = shape_[1];
        const std::size_t last_row = n == 0 ? 0 : (first + n - 1) / classes + 1;
        for (std::size_t row = first / classes; row < last_row; row += block) {
            std::array<T, block> buffer;
            const std::size_t rows = std::min(block, last_row - row);
            const T* label = labels_.read(row, rows, buffer.data());
            for (std::size_t k = 0; k < rows; ++k) {
                if (label[k] < T(0) || label[k] >= static_cast<T>(classes))
                    continue;
                const std::size_t at = (row + k) * classes + class_number(label[k]);
                if (at >= first && at < first + n)
                    to[at - first] = T(1);
            }
        }
    }

private:
    static constexpr std::size_t block = 64;

    label_source<T> labels_;
    tensor::shape shape_;
};

} // namespace xloss::tensor

#endif
