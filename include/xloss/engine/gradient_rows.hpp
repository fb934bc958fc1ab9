#ifndef XLOSS_ENGINE_GRADIENT_ROWS_HPP
#define XLOSS_ENGINE_GRADIENT_ROWS_HPP

#include <xloss/engine/norms.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

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
    simd::number<double> operator()(const simd::number<double>& x) const { return x; }
};

/// Takes the rows of a gradient in place of a tensor, and keeps their sums alone.
class gradient_rows {
public:
    template <class T>
    void add(const T* row, std::size_t n) {
        sum_ += row_sum<norm_itself>{}.of(row, n);
        squares_ += row_sum<norm_square>{}.of(row, n);
        most_ = row_largest::join(most_, row_largest{}.of(row, n));
        count_ += n;
    }

    /// A sink of this shape that ends here.
    template <class T>
    tensor::sink<T> sink(const tensor::shape& shape) {
        return tensor::sink<T>::into(*this, shape);
    }

    [[nodiscard]] gradient_summary summary() const {
        gradient_summary s;
        if (count_ == 0)
            return s;
        const double n = static_cast<double>(count_);
        s.mean = sum_ / n;
        s.max = most_;
        s.norm = std::sqrt(squares_);
        if (count_ > 1) // not below 0, and NaN comes through
            s.std = std::sqrt((std::max)(squares_ - n * s.mean * s.mean, 0.0 * squares_) / (n - 1.0));
        return s;
    }

private:
    double sum_ = 0.0, squares_ = 0.0, most_ = 0.0;
    std::size_t count_ = 0;
};

} // namespace engine
} // namespace xloss

#endif
