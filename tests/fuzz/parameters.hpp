#ifndef XLOSS_TESTS_FUZZ_PARAMETERS_HPP
#define XLOSS_TESTS_FUZZ_PARAMETERS_HPP

#include "bytes.hpp"

#include <xloss/engine/per_class.hpp>
#include <xloss/engine/region.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

namespace fuzzing {

/// Draws the parameters of losses, and knows whether the library has to refuse one of them.
class parameters {
public:
    parameters(bytes& from, std::size_t classes, std::size_t spatial_axes, bool probabilities, bool wild)
        : from_(from), classes_(classes), spatial_axes_(spatial_axes), probabilities_(probabilities),
          wild_(wild) {}

    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] bool splits() const { return splits_; }
    [[nodiscard]] double largest() const { return largest_; }
    [[nodiscard]] double smallest() const { return smallest_; } // but 0
    [[nodiscard]] std::string text() const { return text_.str(); }

    /// A number that has to be in [lowest, highest].
    double number(const char* name, double usual, double lowest = 0.0, double highest = infinity) {
        static constexpr std::array<double, 16> choices{0.0,  1.0,   0.5,  2.0,  0.25, 5.0,  1e-6, 0.1,
                                                        20.0, 1e-30, 1e10, -1.0, -0.5, 1.25, nan,  infinity};
        const std::size_t byte = from_.next();
        double v = byte < 64 ? usual : choices[byte % choices.size()];
        if (!fits(v, lowest, highest) && !wild_)
            v = usual;
        valid_ = valid_ && fits(v, lowest, highest);
        return noted(name, v);
    }

    std::optional<double> optional(const char* name, double lowest = 0.0) {
        if (!from_.chance(64))
            return {};
        return number(name, 1.0, lowest);
    }

    bool flag(const char* name) {
        const bool on = from_.chance(96);
        text_ << ' ' << name << '=' << on;
        return on;
    }

    template <class E>
    E choice(const char* name, int count) {
        const int chosen =
            from_.chance(128) ? static_cast<int>(from_.below(static_cast<std::size_t>(count))) : 0;
        text_ << ' ' << name << '=' << chosen;
        return static_cast<E>(chosen);
    }

    /// One number or one per class; with `wild` also of a wrong length.
    xloss::per_class per_class(const char* name, double usual, double lowest = 0.0) {
        if (!from_.chance(96))
            return number(name, usual, lowest);
        std::size_t length = classes_;
        if (wild_ && from_.chance(32))
            length += 1 + from_.below(2);
        if (length == 0)
            return usual;
        std::vector<double> list(length);
        for (double& v : list)
            v = number(name, usual, lowest);
        const bool is_list = length > 1 || from_.chance(128);
        if (!is_list)
            return list[0];
        valid_ = valid_ && length == classes_;
        return list;
    }

    /// As `per_class`, not all zero.
    xloss::per_class class_weights() {
        xloss::per_class w = per_class("class_weights", 1.0);
        const bool zero = w.is_list()
                              ? std::all_of(w.list.begin(), w.list.end(), [](double v) { return v == 0.0; })
                              : w.number == 0.0;
        if (zero && !wild_)
            return 1.0;
        valid_ = valid_ && !zero;
        return w;
    }

    /// Classes that count, perhaps none listed, perhaps one that is not there.
    std::vector<std::size_t> classes(const char* name) {
        std::vector<std::size_t> list;
        if (!from_.chance(64) || classes_ == 0)
            return list;
        list.resize(1 + from_.below(3));
        for (std::size_t& c : list)
            c = from_.below(classes_ + (wild_ ? 1 : 0));
        if (!wild_) { // no class twice
            std::sort(list.begin(), list.end());
            list.erase(std::unique(list.begin(), list.end()), list.end());
        }
        for (const std::size_t c : list) {
            valid_ = valid_ && c < classes_ && std::count(list.begin(), list.end(), c) == 1;
            text_ << ' ' << name << '=' << c;
        }
        return list;
    }

    /// Whether class 0 counts; not false where that leaves no class.
    bool background(const std::vector<std::size_t>& listed) {
        if (!from_.chance(64))
            return true;
        const bool none_left = listed.empty()
                                   ? classes_ == 1
                                   : std::all_of(listed.begin(), listed.end(), [](auto c) { return c == 0; });
        if (none_left && !wild_)
            return true;
        valid_ = valid_ && !none_left;
        text_ << " include_background=0";
        return false;
    }

    /// A number of elements.
    std::size_t count(const char* name, std::size_t usual) {
        const std::size_t byte = from_.next();
        const std::size_t n = byte < 64 ? usual : byte % 8;
        text_ << ' ' << name << '=' << n;
        return n;
    }

    /// Between classes, or none; with `wild` also of a wrong size, or from a class to itself.
    std::vector<std::vector<double>> distances() {
        std::vector<std::vector<double>> d;
        if (!from_.chance(128) || classes_ == 0)
            return d;
        d.assign(classes_, std::vector<double>(classes_));
        for (std::size_t i = 0; i < classes_; ++i)
            for (std::size_t c = 0; c < classes_; ++c)
                if (i != c || (wild_ && from_.chance(16)))
                    d[i][c] = number("distance", i == c ? 0.0 : 1.0, 0.0, i == c ? 0.0 : infinity);
        bool none = true;
        for (const auto& row : d)
            none = none && std::all_of(row.begin(), row.end(), [](double v) { return v == 0.0; });
        if (none && !wild_)
            d.clear();
        valid_ = valid_ && (d.empty() || !none);
        if (wild_ && from_.chance(16)) {
            d.back().push_back(1.0);
            valid_ = false;
        }
        return d;
    }

    /// This loss sees neighbours or distances, in images and volumes; of what it makes of them the fourth
    /// root is `size` at most.
    void looks_around(double size) {
        valid_ = valid_ && spatial_axes_ >= 1 && spatial_axes_ <= 3;
        largest_ = std::max(largest_, size);
    }

    /// Between pixels, or none; with `wild` also of a wrong length, or 0.
    std::vector<double> spacing() {
        std::vector<double> list;
        if (!from_.chance(96))
            return list;
        for (std::size_t axis = 0; axis < spatial_axes_; ++axis)
            list.push_back(0.5 * static_cast<double>(1 + from_.below(8)));
        if (wild_ && from_.chance(32))
            list.push_back(1.0);
        if (wild_ && !list.empty() && from_.chance(32))
            list[0] = 0.0;
        valid_ = valid_ && (list.empty() || (list.size() == spatial_axes_ && list[0] > 0.0));
        for (const double v : list)
            text_ << " spacing=" << v;
        return list;
    }

    /// This loss has no form for probabilities as they are.
    void takes_logits() { valid_ = valid_ && !probabilities_; }

    /// This loss is no sum over elements.
    void does_not_split() { splits_ = false; }

private:
    static bool fits(double v, double lowest, double highest) {
        return std::isfinite(v) && v >= lowest && v <= highest;
    }

    double noted(const char* name, double v) {
        if (std::isfinite(v))
            largest_ = std::max(largest_, std::abs(v));
        if (v != 0.0)
            smallest_ = std::min(smallest_, std::abs(v));
        text_ << ' ' << name << '=' << v;
        return v;
    }

    bytes& from_;
    std::size_t classes_, spatial_axes_;
    bool probabilities_;
    bool wild_;
    bool valid_ = true, splits_ = true;
    double largest_ = 1.0, smallest_ = 1.0;
    std::ostringstream text_{};
};

} // namespace fuzzing

#endif
