#ifndef XLOSS_ENGINE_PER_CLASS_HPP
#define XLOSS_ENGINE_PER_CLASS_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xloss/tensor/error.hpp>

namespace xloss {

/// A parameter that is one number for all classes, or a list with one number for each class.
///
/// The list is indexed by the class as it stands in the logits, also when `classes` or `include_background`
/// leave some of them out.
struct per_class {
    double number = 1.0;        ///< for all classes, where there is no list
    std::vector<double> list{}; ///< one for each class, or none

    constexpr per_class() = default;
    /// One number for all classes.
    constexpr per_class(double all) : number(all) {}
    /// One number in braces is one for all.
    constexpr per_class(std::initializer_list<double> each) {
        if (each.size() == 1)
            number = *each.begin();
        else
            list = each;
    }
    /// One number for each class.
    per_class(std::vector<double> each) : list(std::move(each)) {}

    /// Whether classes differ.
    [[nodiscard]] constexpr bool is_list() const { return !list.empty(); }
};

namespace engine {

/// A `per_class` as the kernels carry it: nothing owned, nothing copied.
struct per_class_view {
    const double* list = nullptr;
    double number = 1.0;

    per_class_view() = default;
    per_class_view(const per_class& from)
        : list(from.is_list() ? from.list.data() : nullptr), number(from.number) {}

    [[nodiscard]] bool is_list() const { return list != nullptr; }
    [[nodiscard]] bool is_one() const { return list == nullptr && number == 1.0; }
    [[nodiscard]] double of(std::size_t cls) const { return list ? list[cls] : number; }

    /// The parameter of every lane's class.
    template <class V>
    V operator()(const V& cls) const {
        if (!list)
            return V(number);
        if constexpr (requires(typename V::value_type * to) { cls.store(to); }) {
            std::array<typename V::value_type, V::width> lanes;
            cls.store(lanes.data());
            for (auto& lane : lanes)
                lane = static_cast<typename V::value_type>(list[static_cast<std::size_t>(lane)]);
            return V::load(lanes.data());
        } else {
            return V(list[static_cast<std::size_t>(cls.value)]);
        }
    }
};

/// "xloss::dice". Reserved first, because g++ 12 warns of imagined overruns where short literals are joined.
inline std::string public_name(const char* loss) {
    std::string name;
    name.reserve(64);
    name.append("xloss::").append(loss);
    return name;
}

/// Throws unless every number is finite and at least `lowest`, and a list has one number for each class.
inline void check_per_class(const char* loss, const char* parameter, const per_class& given,
                            std::size_t classes, double lowest = 0.0) {
    const auto fail = [&](const std::string& what) {
        throw parameter_error(public_name(loss) + ": " + parameter + " " + what);
    };
    const auto bad = [lowest](double v) { return !std::isfinite(v) || v < lowest; };
    if (!given.is_list()) {
        if (bad(given.number))
            fail("is " + std::to_string(given.number) +
                 ", which is not a finite number >= " + std::to_string(lowest));
        return;
    }
    if (given.list.size() != classes)
        fail("has " + std::to_string(given.list.size()) + " entries for " + std::to_string(classes) +
             " classes");
    for (std::size_t c = 0; c < classes; ++c)
        if (bad(given.list[c]))
            fail("of class " + std::to_string(c) + " is " + std::to_string(given.list[c]) +
                 ", which is not a finite number >= " + std::to_string(lowest));
}

/// As `check_per_class`, and not all zero: weights that a mean divides by.
inline void check_class_weights(const char* loss, const per_class& weights, std::size_t classes) {
    check_per_class(loss, "class_weights", weights, classes);
    double sum = weights.is_list() ? 0.0 : weights.number;
    for (double w : weights.list)
        sum += w;
    if (sum == 0.0)
        throw parameter_error(public_name(loss) + ": class_weights are all zero");
}

/// Throws unless the parameter is a finite number in [lowest, highest].
inline void check_number(const char* loss, const char* parameter, double value, double lowest = 0.0,
                         double highest = HUGE_VAL) {
    if (std::isfinite(value) && value >= lowest && value <= highest)
        return;
    throw parameter_error(public_name(loss) + ": " + parameter + " is " + std::to_string(value) +
                          ", which is not a finite number in [" + std::to_string(lowest) + ", " +
                          std::to_string(highest) + "]");
}

} // namespace engine
} // namespace xloss

#endif
