#ifndef XLOSS_INTEROP_JSON_HPP
#define XLOSS_INTEROP_JSON_HPP

#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/training/clip_gradient_norm.hpp>
#include <xloss/training/early_stopping.hpp>
#include <xloss/training/gradient_norm_weighting.hpp>
#include <xloss/training/loss_schedule.hpp>
#include <xloss/training/uncertainty_weighting.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

/// \file
/// What stands around the losses in a training loop, to and from JSON of nlohmann: `uncertainty_weighting`,
/// `gradient_norm_weighting`, `loss_schedule`, `ramp`, `boundary_ramp`, `early_stopping`, `clip_options`.
///
///     nlohmann::json checkpoint{{"weighting", w}, {"stop", stop}};
///     file << checkpoint.dump(); // and in another run
///     checkpoint.at("weighting").get_to(w);
///
/// **Numbers** come back with the same bits. JSON has none that are not finite: those are strings, "inf",
/// "-inf" and "nan:" with the 16 hexadecimal digits of a NaN. An optional that is empty is null, an option
/// among several its name.
///
/// **Errors.** parameter_error that names class and key: for a key that is missing or unknown, and for a
/// value of another kind. What was to be read into has not changed then. Whether a number makes sense is
/// checked where it is used. The executor of `clip_options` is no part of its JSON and stays as it is.

namespace xloss {
namespace interop::detail {

using nlohmann::json;

/// The names of the values of an option.
template <class Enum>
struct option_names;

template <>
struct option_names<stopping_rule> {
    static constexpr std::array list{std::pair{stopping_rule::greater, "greater"},
                                     std::pair{stopping_rule::less, "less"}};
};

template <>
struct option_names<stopping_reason> {
    static constexpr std::array list{std::pair{stopping_reason::none, "none"},
                                     std::pair{stopping_reason::no_improvement, "no_improvement"},
                                     std::pair{stopping_reason::threshold, "threshold"},
                                     std::pair{stopping_reason::not_finite, "not_finite"}};
};

template <>
struct option_names<ramp_shape> {
    static constexpr std::array list{
        std::pair{ramp_shape::constant, "constant"}, std::pair{ramp_shape::linear, "linear"},
        std::pair{ramp_shape::cosine, "cosine"}, std::pair{ramp_shape::step, "step"}};
};

template <>
struct option_names<boundary_schedule> {
    static constexpr std::array list{std::pair{boundary_schedule::constant, "constant"},
                                     std::pair{boundary_schedule::falling, "falling"},
                                     std::pair{boundary_schedule::rebalanced, "rebalanced"}};
};

template <>
struct option_names<non_finite> {
    static constexpr std::array list{std::pair{non_finite::error, "error"},
                                     std::pair{non_finite::skip, "skip"}};
};

/// The members of a class by name: `each(object, f)` calls f(key, member).
template <class T>
struct members;

template <>
struct members<uncertainty_weighting> {
    static constexpr const char* name = "uncertainty_weighting";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("log_vars", s.log_vars);
    }
};

template <>
struct members<gradient_norm_weighting> {
    static constexpr const char* name = "gradient_norm_weighting";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("alpha", s.alpha);
        f("weights", s.weights);
        f("initial", s.initial);
    }
};

template <>
struct members<weight_range> {
    static constexpr const char* name = "weight_range";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("from", s.from);
        f("to", s.to);
    }
};

template <>
struct members<loss_schedule> {
    static constexpr const char* name = "loss_schedule";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("total", s.total);
        f("focal", s.focal);
        f("dice", s.dice);
        f("iou", s.iou);
        f("warmup", s.warmup);
        f("shape", s.shape);
        f("stairs", s.stairs);
    }
};

template <>
struct members<ramp> {
    static constexpr const char* name = "ramp";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("shape", s.shape);
        f("from", s.from);
        f("to", s.to);
        f("warmup", s.warmup);
        f("total", s.total);
        f("stairs", s.stairs);
    }
};

template <>
struct members<boundary_ramp> {
    static constexpr const char* name = "boundary_ramp";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("schedule", s.schedule);
        f("epochs", s.epochs);
    }
};

template <>
struct members<early_stopping> {
    static constexpr const char* name = "early_stopping";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("rule", s.rule);
        f("patience", s.patience);
        f("min_delta", s.min_delta);
        f("strict", s.strict);
        f("check_finite", s.check_finite);
        f("stopping_threshold", s.stopping_threshold);
        f("best", s.best);
        f("best_step", s.best_step);
        f("bad_count", s.bad_count);
        f("steps", s.steps);
        f("reason", s.reason);
    }
};

template <>
struct members<clip_options> {
    static constexpr const char* name = "clip_options";
    template <class S, class F>
    static void each(S& s, F&& f) {
        f("max_norm", s.max_norm);
        f("norm_type", s.norm_type);
        f("non_finite", s.non_finite);
    }
};

/// A class with members here.
template <class T>
concept has_members = requires {
    members<T>::name;
};

// --- writing ---

inline json written(double v) {
    if (std::isfinite(v))
        return v;
    if (!std::isnan(v))
        return v > 0.0 ? "inf" : "-inf";
    std::array<char, 16> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), std::bit_cast<std::uint64_t>(v), 16).ptr;
    return "nan:" + std::string(digits.data(), end); // the first digit of a NaN is not 0
}

inline json written(bool v) {
    return v;
}

inline json written(std::size_t v) {
    return v;
}

template <class Enum>
requires std::is_enum_v<Enum> json written(Enum v) {
    for (const auto& [value, name] : option_names<Enum>::list)
        if (value == v)
            return name;
    return nullptr; // no value of the enumeration, and refused when it is read
}

inline json written(const std::optional<double>& v) {
    return v ? written(*v) : json(nullptr);
}

inline json written(const std::vector<double>& v) {
    json list = json::array();
    for (const double one : v)
        list.push_back(written(one));
    return list;
}

template <has_members T>
json written(const T& from) {
    json object = json::object();
    members<T>::each(from, [&](const char* key, const auto& member) { object[key] = written(member); });
    return object;
}

// --- reading: false for what is not of the kind ---

/// "inf", "-inf", "nan:7ff8000000000000".
inline bool read_special(std::string_view text, double& v) {
    if (text == "inf" || text == "-inf") {
        v = text.front() == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (!text.starts_with("nan:"))
        return false;
    std::uint64_t bits = 0;
    const char* end = text.data() + text.size();
    const auto [stop, fault] = std::from_chars(text.data() + 4, end, bits, 16);
    v = std::bit_cast<double>(bits);
    return fault == std::errc{} && stop == end && std::isnan(v);
}

inline bool read(const json& j, double& v) {
    if (j.is_string())
        return read_special(j.get_ref<const std::string&>(), v);
    if (!j.is_number())
        return false;
    v = j.get<double>();
    return true;
}

inline bool read(const json& j, bool& v) {
    if (!j.is_boolean())
        return false;
    v = j.get<bool>();
    return true;
}

inline bool read(const json& j, std::size_t& v) {
    if (!j.is_number_unsigned() || j.get<std::uint64_t>() > std::numeric_limits<std::size_t>::max())
        return false;
    v = j.get<std::size_t>();
    return true;
}

template <class Enum>
requires std::is_enum_v<Enum>
bool read(const json& j, Enum& v) {
    for (const auto& [value, name] : option_names<Enum>::list)
        if (j == name) {
            v = value;
            return true;
        }
    return false;
}

inline bool read(const json& j, std::optional<double>& v) {
    v.reset();
    return j.is_null() || read(j, v.emplace());
}

inline bool read(const json& j, std::vector<double>& v) {
    if (!j.is_array())
        return false;
    v.assign(j.size(), 0.0);
    return std::equal(j.begin(), j.end(), v.begin(),
                      [](const json& one, double& to) { return read(one, to); });
}

/// For messages, whatever bytes are in its strings.
inline std::string shown(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <class T>
bool is_member(const T& object, const std::string& name) {
    bool found = false;
    members<T>::each(object, [&](const char* key, const auto&) { found = found || name == key; });
    return found;
}

/// Reads all members, or throws at the first fault. `path`: of the object within others.
template <has_members T>
void read_members(const json& j, T& to, const std::string& path) {
    const auto fail = [&](const std::string& what) { throw parameter_error(path + ": " + what); };
    if (!j.is_object())
        fail("not an object of JSON");
    members<T>::each(to, [&]<class Member>(const char* key, Member& member) {
        const auto found = j.find(key);
        if (found == j.end())
            fail("the key \"" + std::string(key) + "\" is missing");
        if constexpr (has_members<Member>)
            read_members(*found, member, path + "." + key);
        else if (!read(*found, member))
            fail("the key \"" + std::string(key) + "\" has the value " + shown(*found) +
                 ", which is not one of its kind");
    });
    for (const auto& item : j.items())
        if (!is_member(to, item.key()))
            fail("the key \"" + item.key() + "\" is unknown");
}

} // namespace interop::detail

/// Writes an object with a key for every member.
template <interop::detail::has_members T>
void to_json(nlohmann::json& j, const T& from) {
    j = interop::detail::written(from);
}

/// Reads what `to_json` has written.
/// @throws parameter_error, and `to` has not changed.
template <interop::detail::has_members T>
void from_json(const nlohmann::json& j, T& to) {
    T read = to;
    interop::detail::read_members(j, read, engine::public_name(interop::detail::members<T>::name));
    to = std::move(read);
}

} // namespace xloss

#endif
