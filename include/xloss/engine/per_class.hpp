#ifndef XLOSS_ENGINE_PER_CLASS_HPP
#define XLOSS_ENGINE_PER_CLASS_HPP

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <xloss/config.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

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
        const V same(number); // out here a compiler can move it out of a loop
        if (!list) [[likely]] // or g++ 12 moves it back in
            return same;
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
XLOSS_COLD inline std::string public_name(const char* loss) {
    std::string name;
    name.reserve(64);
    name.append("xloss::").append(loss);
    return name;
}

/// The classes that a loss counts: those listed, or all; perhaps without the background, class 0.
struct class_subset {
    const std::vector<std::size_t>* list = nullptr;
    bool background = true;

    [[nodiscard]] bool is_all() const { return background && (!list || list->empty()); }

    /// Whether class c counts.
    [[nodiscard]] bool has(std::size_t c) const {
        return c >= first() && (listed() == 0 || std::find(list->begin(), list->end(), c) != list->end());
    }

    /// How many of `classes` count.
    [[nodiscard]] std::size_t count(std::size_t classes) const {
        if (listed() == 0)
            return classes - first();
        return static_cast<std::size_t>(
            std::count_if(list->begin(), list->end(), [&](std::size_t c) { return c >= first(); }));
    }

    /// The i-th of them, in the order of the list.
    [[nodiscard]] std::size_t at(std::size_t i, std::size_t classes) const {
        if (listed() == 0)
            return i + first();
        for (std::size_t c : *list)
            if (c >= first() && i-- == 0)
                return c;
        return classes;
    }

    /// Throws for a class that is not there or listed twice, and where none is left.
    XLOSS_NOINLINE void check(const char* loss, std::size_t classes) const {
        for (std::size_t i = 0; i < listed(); ++i) {
            const std::size_t c = (*list)[i];
            if (c >= classes)
                tensor::raise<parameter_error>(
                    {"xloss::", loss, ": classes names class ", c, " of ", classes});
            if (std::count(list->begin(), list->end(), c) > 1)
                tensor::raise<parameter_error>({"xloss::", loss, ": classes names class ", c, " twice"});
        }
        if (count(classes) == 0)
            tensor::raise<parameter_error>(
                {"xloss::", loss, ": include_background = false leaves no class of ", classes});
    }

private:
    [[nodiscard]] std::size_t listed() const { return list ? list->size() : 0; }
    [[nodiscard]] std::size_t first() const { return background ? 0 : 1; }
};

/// Class weights that are 0 for classes that do not count.
struct subset_weights {
    per_class_view weights;
    class_subset classes;

    [[nodiscard]] double of(std::size_t c) const { return classes.has(c) ? weights.of(c) : 0.0; }
};

/// Throws unless every number is finite and at least `lowest`, and a list has one number for each class.
XLOSS_NOINLINE inline void check_per_class(const char* loss, const char* parameter, const per_class& given,
                                           std::size_t classes, double lowest = 0.0) {
    const auto bad = [lowest](double v) { return !std::isfinite(v) || v < lowest; };
    if (!given.is_list()) {
        if (bad(given.number))
            tensor::raise<parameter_error>({"xloss::", loss, ": ", parameter, " is ", given.number,
                                            ", which is not a finite number >= ", lowest});
        return;
    }
    if (given.list.size() != classes)
        tensor::raise<parameter_error>({"xloss::", loss, ": ", parameter, " has ", given.list.size(),
                                        " entries for ", classes, " classes"});
    for (std::size_t c = 0; c < classes; ++c)
        if (bad(given.list[c]))
            tensor::raise<parameter_error>({"xloss::", loss, ": ", parameter, " of class ", c, " is ",
                                            given.list[c], ", which is not a finite number >= ", lowest});
}

/// As `check_per_class`, and not all zero: weights that a mean divides by.
XLOSS_NOINLINE inline void check_class_weights(const char* loss, const per_class& weights,
                                               std::size_t classes) {
    check_per_class(loss, "class_weights", weights, classes);
    double sum = weights.is_list() ? 0.0 : weights.number;
    for (double w : weights.list)
        sum += w;
    if (sum == 0.0)
        tensor::raise<parameter_error>({"xloss::", loss, ": class_weights are all zero"});
}

/// Throws unless the parameter is a finite number in [lowest, highest].
XLOSS_NOINLINE inline void check_number(const char* loss, const char* parameter, double value,
                                        double lowest = 0.0, double highest = HUGE_VAL) {
    if (std::isfinite(value) && value >= lowest && value <= highest)
        return;
    tensor::raise<parameter_error>({"xloss::", loss, ": ", parameter, " is ", value,
                                    ", which is not a finite number in [", lowest, ", ", highest, "]"});
}

} // namespace engine
} // namespace xloss

#endif
