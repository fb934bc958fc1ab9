#ifndef XLOSS_ENGINE_GRADIENT_ROWS_HPP
#define XLOSS_ENGINE_GRADIENT_ROWS_HPP

#include <xloss/engine/norms.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <vector>

namespace xloss {

/// How large the elements of a gradient are.
struct gradient_summary {
    double mean = 0.0; ///< of all elements, ignored ones (0) too
    double std = 0.0;  ///< standard deviation around the mean, over n - 1
    double max = 0.0;  ///< the largest magnitude
    double norm = 0.0; ///< the 2-norm

    /// Whether all numbers are equal.
    friend bool operator==(const gradient_summary&, const gradient_summary&) = default;
};

namespace engine {

struct norm_itself {
    template <class V>
    V operator()(const V& x) const {
        return x;
    }
};

/// What a row adds to the summary, and where it begins.
struct gradient_row {
    std::size_t first;
    double sum, squares, most;
};

/// Takes the rows of a gradient in place of a tensor, and keeps their sums alone: of every row, so that the
/// order in which threads bring them does not show. Every row once. A template, so that what sorts them is
/// compiled where it is used and not wherever this header is included.
template <class Row>
class rows_of_gradient {
public:
    /// n elements from `first` on.
    template <class T>
    void add(std::size_t first, const T* row, std::size_t n) {
        const Row one{first, row_sum<norm_itself>{}.of(row, n), row_sum<norm_square>{}.of(row, n),
                      row_largest{}.of(row, n)};
        const std::lock_guard lock(mutex_);
        rows_.push_back(one);
        count_ += n;
    }

    /// A sink of this shape that ends here.
    template <class T>
    tensor::sink<T> sink(const tensor::shape& shape) {
        return tensor::sink<T>::into(*this, shape);
    }

    [[nodiscard]] gradient_summary summary() {
        gradient_summary s;
        if (count_ == 0)
            return s;
        std::sort(rows_.begin(), rows_.end(), [](const Row& a, const Row& b) { return a.first < b.first; });
        double sum = 0.0, squares = 0.0;
        for (const Row& row : rows_) {
            sum += row.sum;
            squares += row.squares;
            s.max = row_largest::join(s.max, row.most);
        }
        const double n = static_cast<double>(count_);
        s.mean = sum / n;
        s.norm = std::sqrt(squares);
        if (count_ > 1) // not below 0, and NaN comes through
            s.std = std::sqrt((std::max)(squares - n * s.mean * s.mean, 0.0 * squares) / (n - 1.0));
        return s;
    }

private:
    std::mutex mutex_{};
    std::vector<Row> rows_{};
    std::size_t count_ = 0;
};

using gradient_rows = rows_of_gradient<gradient_row>;

} // namespace engine
} // namespace xloss

#endif
