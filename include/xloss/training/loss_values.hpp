#ifndef XLOSS_TRAINING_LOSS_VALUES_HPP
#define XLOSS_TRAINING_LOSS_VALUES_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <vector>

namespace xloss {
namespace engine {

// As std::ranges::input_range, without the views of <ranges>: what that header takes is felt wherever xloss
// is included.
template <class Range>
concept input_range = requires(Range& range) {
    { std::ranges::begin(range) } -> std::input_iterator;
    std::ranges::end(range);
};

} // namespace engine

/// The values of several losses: numbers in braces, any range of numbers, or the `terms` of an evaluation.
class loss_values {
public:
    /// Numbers in braces.
    loss_values(std::initializer_list<double> values) : values_(values) {}

    /// Numbers, or things with a `value`.
    template <engine::input_range Range>
    requires(!std::same_as<std::remove_cvref_t<Range>, loss_values>) loss_values(Range&& values) {
        if constexpr (requires { std::ranges::size(values); })
            values_.reserve(static_cast<std::size_t>(std::ranges::size(values)));
        for (const auto& one : values)
            values_.push_back(number(one));
    }

    /// How many losses.
    [[nodiscard]] std::size_t size() const { return values_.size(); }
    /// Of the i-th loss.
    [[nodiscard]] double operator[](std::size_t i) const { return values_[i]; }
    /// Of all losses.
    [[nodiscard]] const std::vector<double>& numbers() const { return values_; }

private:
    template <class Value>
    static double number(const Value& one) {
        if constexpr (std::is_arithmetic_v<Value>)
            return static_cast<double>(one);
        else
            return static_cast<double>(one.value);
    }

    std::vector<double> values_{};
};

namespace engine {

/// Throws unless there is one value for each of `count` losses.
inline void check_count(const char* name, const loss_values& values, std::size_t count) {
    if (values.size() != count)
        tensor::raise<shape_error>(
            {public_name(name), ": ", values.size(), " values for ", count, " losses"});
}

/// Throws for a loss that is not there.
inline void check_loss_index(const char* name, std::size_t i, std::size_t count) {
    if (i >= count)
        tensor::raise<parameter_error>({public_name(name), ": no loss ", i, " of ", count});
}

} // namespace engine
} // namespace xloss

#endif
