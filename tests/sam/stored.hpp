#ifndef XLOSS_TESTS_SAM_STORED_HPP
#define XLOSS_TESTS_SAM_STORED_HPP

// The files that tests/golden/sam.py wrote.

#include "support/golden.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

namespace sam_golden {

/// What is stored of a case: rows as golden::reference has them, without normalizers.
struct stored {
    std::string name;
    xt::xarray<double> rows;

    explicit stored(const std::string& case_name)
        : name("sam/" + case_name), rows(golden::load<double>(name + ".value")) {}

    template <class T>
    [[nodiscard]] golden::tolerance tolerance() const {
        return golden::tolerance::of_power<T>(rows(0, 1));
    }
    [[nodiscard]] golden::number number(std::size_t i) const { return {rows(i + 1, 0), rows(i + 1, 1), 0.0}; }

    /// The value and its components.
    template <class T>
    void check_values(std::initializer_list<T> found) const {
        REQUIRE(rows.shape()[0] == found.size() + 1);
        std::size_t i = 0;
        for (const T v : found) {
            INFO(name << ", number " << i << (std::is_same_v<T, double> ? ", double" : ", float"));
            golden::check_value(number(i++), static_cast<double>(v), tolerance<T>());
        }
    }

    /// The gradient by one of the tensors.
    template <class Grad>
    void check_grad(const std::string& tensor, const Grad& found) const {
        using T = typename Grad::value_type;
        INFO(name << ", gradient by " << tensor << (std::is_same_v<T, double> ? ", double" : ", float"));
        const auto both = golden::load<double>(name + "." + tensor);
        const xt::xarray<double> expected = xt::view(both, 0), scale = xt::view(both, 1);
        golden::check_tensor(expected, scale, found, tolerance<T>());
    }
};

template <class T>
xt::xarray<T> input(const std::string& name, const std::string& tensor) {
    return golden::load_as<T, double>("sam/inputs/" + name + "." + tensor);
}

inline auto mask_of(const std::string& name) {
    return golden::load<std::uint8_t>("sam/inputs/" + name + ".target");
}

} // namespace sam_golden

#endif
