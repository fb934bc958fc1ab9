#ifndef XLOSS_TESTS_FUZZ_PROBLEM_HPP
#define XLOSS_TESTS_FUZZ_PROBLEM_HPP

#include "bytes.hpp"
#include "tensor.hpp"

#include <xloss/engine/options.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace fuzzing {

/// A tensor as it is drawn: numbers that its element type holds.
struct drawing {
    std::vector<double> number{};
    extents shape{};
    element type = element::single;
    layout where = layout::rows;

    [[nodiscard]] any_tensor tensor() const { return tensor_of(type, number, shape, where); }
    [[nodiscard]] any_tensor plain(element as) const { return tensor_of(as, number, shape, layout::rows); }
};

/// Logits, targets, what rides on them and the options of a mode; and which of it counts, by the words of the
/// documentation and without the library's code. `T` is the logits' type.
template <class T>
class problem {
public:
    xloss::mode md = xloss::mode::binary;
    xloss::mode_options options{};
    drawing x{}, y{}, weights{}, valid{};
    bool has_weights = false, has_valid = false;
    bool labels = false; // y is a label map

    problem(bytes& from, xloss::mode drawn) : md(drawn), from_(from) {
        const std::uint8_t what = from_.next();
        wild_logits_ = (what & 1U) != 0;
        wild_targets_ = (what & 2U) != 0;
        wild_weights_ = (what & 4U) != 0;
        wild_shapes_ = (what & 0xf0U) == 0xf0U;
        draw_options();
        draw_shape();
        draw_logits();
        if (fits_)
            draw_target();
        else
            y = x;
        has_valid = from_.chance(80);
        has_weights = from_.chance(96);
        draw_rider(has_valid, valid, true);
        draw_rider(has_weights, weights, false);
        count();
    }

    [[nodiscard]] std::size_t size() const { return x.number.size(); }
    [[nodiscard]] std::size_t classes() const { return classes_; }
    /// A channel axis of one, which binary masks may have, is none.
    [[nodiscard]] std::size_t spatial_axes() const {
        const std::size_t rank = x.shape.size();
        const bool channel = md != xloss::mode::binary || (rank > 2 && x.shape[1] == 1);
        return rank < (channel ? 2U : 1U) ? 0 : rank - (channel ? 2U : 1U);
    }
    /// Whether the library has to refuse it, whatever the loss.
    [[nodiscard]] bool refused() const { return !fits_ || bad_; }
    /// Whether every logit and target that counts is one that the losses are made for.
    [[nodiscard]] bool clean() const { return clean_; }
    [[nodiscard]] std::size_t counted() const { return counted_; }
    [[nodiscard]] double largest_logit() const { return largest_logit_; }
    [[nodiscard]] double largest_weight() const { return largest_weight_; }
    [[nodiscard]] double smallest_weight() const { return smallest_weight_; }
    [[nodiscard]] bool has_probabilities() const { return options.activation == xloss::activation::none; }

    /// Whether element e of the logits is absent: its gradient is 0 and its logit may be anything.
    [[nodiscard]] bool absent(std::size_t e) const { return absent_[e]; }

    /// The same with NaN (another number, where the type has none) wherever nothing counts.
    [[nodiscard]] problem poisoned() const {
        problem p = *this;
        p.x.where = p.y.where = p.weights.where = p.valid.where = layout::rows;
        for (std::size_t e = 0; e < size(); ++e)
            if (absent_[e])
                p.x.number[e] = nan;
        for (std::size_t i = 0; i < y.number.size(); ++i)
            if (masked_[i] && !ignores(y.number[i]))
                p.y.number[i] = has_nan(y.type) ? nan : 0.0;
        if (!has_weights)
            return p;
        for (std::size_t i = 0; i < weights.number.size(); ++i)
            if (weightless_[i] && has_nan(weights.type) && static_cast<T>(weights.number[i]) != T(0))
                p.weights.number[i] = nan;
        return p;
    }

    [[nodiscard]] std::string text() const {
        static constexpr std::array modes{"binary", "multilabel", "multiclass", "one_vs_rest", "multimask"};
        std::ostringstream s;
        s.precision(9);
        s << modes[static_cast<std::size_t>(md)] << (sizeof(T) == 4 ? " float" : " double") << " activation "
          << static_cast<int>(options.activation) << " reduction " << static_cast<int>(options.reduction)
          << " denominator " << static_cast<int>(options.denominator) << " check_finite "
          << options.check_finite << " check_targets " << options.check_targets;
        if (options.ignore_index)
            s << " ignore " << *options.ignore_index;
        print(s, "x", x);
        print(s, "y", y);
        if (has_weights)
            print(s, "weights", weights);
        if (has_valid)
            print(s, "valid", valid);
        return s.str();
    }

private:
    static bool has_nan(element type) { return type == element::single || type == element::real; }

    static void print(std::ostringstream& s, const char* name, const drawing& d) {
        static constexpr std::array types{"bool", "uint8", "int64", "float", "double"};
        static constexpr std::array layouts{"rows",     "columns",  "gaps", "reversed",
                                            "channels", "repeated", "lazy"};
        s << "\n  " << name << " " << types[static_cast<std::size_t>(d.type)] << " "
          << layouts[static_cast<std::size_t>(d.where)] << " [";
        for (const std::size_t n : d.shape)
            s << n << " ";
        s << "]:";
        for (std::size_t i = 0; i < std::min<std::size_t>(d.number.size(), 64); ++i)
            s << " " << d.number[i];
    }

    // --- drawing ---

    void draw_options() {
        static constexpr std::array<std::int64_t, 8> ignored{
            255, -1, 0, 1, 2, -100, std::int64_t{1} << 40, std::numeric_limits<std::int64_t>::min()};
        using xloss::activation;
        const std::uint8_t byte = from_.next();
        const bool softmax = md == xloss::mode::multiclass;
        options.activation = byte < 160   ? activation::natural
                             : byte < 240 ? activation::none
                             : byte < 250 ? (softmax ? activation::softmax : activation::sigmoid)
                                          : (softmax ? activation::sigmoid : activation::softmax);
        bad_ = byte >= 250;
        if (from_.chance(100))
            options.ignore_index = from_.of(ignored);
        const std::uint8_t rest = from_.next();
        options.reduction = (rest & 3U) == 3U ? xloss::reduction::sum : xloss::reduction::mean;
        options.denominator = static_cast<xloss::denominator>((rest >> 2U) % 3U);
        options.check_finite = rest >= 192;
        options.check_targets = (rest & 0x60U) == 0x60U;
    }

    void draw_shape() {
        const std::size_t least = md == xloss::mode::binary ? 1 : 2;
        const std::size_t rank = wild_shapes_ ? from_.below(6) : least + from_.below(6 - least);
        for (std::size_t axis = 0; axis < rank; ++axis) {
            const std::uint8_t byte = from_.next();
            std::size_t extent = 1 + byte % 4;
            if (byte >= 160)
                extent = byte == 255 ? 0 : byte >= 252 ? 33 : byte >= 224 ? 17 : 5 + byte % 6;
            if (axis == 1 && md == xloss::mode::multiclass && !wild_shapes_)
                extent = std::max<std::size_t>(2, extent);
            if (axis == 1 && md != xloss::mode::binary && !wild_shapes_)
                extent = std::max<std::size_t>(1, extent);
            x.shape.push_back(extent);
        }
        // Now and then a row longer than a tile, or than a register with a rest; not too much in all.
        if (rank >= least + 1 && from_.chance(4))
            x.shape.back() = 1024 + from_.below(10);
        while (size_of(x.shape) > 4096)
            *std::max_element(x.shape.begin(), x.shape.end()) = 2;

        fits_ = rank >= least;
        if (rank >= 2 && md != xloss::mode::binary && md != xloss::mode::multimask) {
            classes_ = x.shape[1];
            fits_ = fits_ && classes_ >= (md == xloss::mode::multiclass ? 2 : 1);
        }
        channels_ = rank >= 2 ? x.shape[1] : 1; // axis 1, a class axis or not: what a plane rides on
        plane_ = 1;
        for (std::size_t axis = 2; axis < rank; ++axis)
            plane_ *= x.shape[axis];
    }

    layout draw_layout() { return static_cast<layout>(from_.chance(128) ? from_.below(7) : 0); }

    /// Makes a drawing the same along the axis that its layout repeats.
    static void repeat(drawing& d) {
        if (d.where != layout::repeated)
            return;
        const tensor<double> same(d.number, d.shape, layout::repeated);
        for (std::size_t i = 0; i < d.number.size(); ++i)
            d.number[i] = same[i];
    }

    void draw_logits() {
        x.type = sizeof(T) == 4 ? element::single : element::real;
        x.where = draw_layout();
        x.number.resize(size_of(x.shape));
        for (double& v : x.number) {
            v = has_probabilities() ? draw_probability(from_, wild_logits_) : draw_logit(from_, wild_logits_);
            if (std::isfinite(v) && std::abs(v) > static_cast<double>(std::numeric_limits<T>::max()))
                v = static_cast<double>(std::numeric_limits<T>::max());
            v = static_cast<double>(static_cast<T>(v));
        }
        repeat(x);
    }

    void draw_target() {
        labels = md == xloss::mode::one_vs_rest || (md == xloss::mode::multiclass && from_.chance(128));
        y.type = static_cast<element>(labels ? from_.below(3) : from_.below(5));
        y.where = draw_layout();
        y.shape = x.shape;
        shared_ = md == xloss::mode::multimask && from_.chance(100);
        if (labels || shared_)
            y.shape.erase(y.shape.begin() + 1);
        y.number.resize(size_of(y.shape));
        if (labels) {
            for (double& v : y.number)
                v = draw_label();
        } else if (md == xloss::mode::multiclass) {
            draw_distributions();
        } else {
            for (double& v : y.number)
                v = draw_soft();
        }
        repeat(y);
        if (wild_shapes_ && from_.chance(64) && !y.shape.empty()) {
            ++y.shape[0];
            y.number.resize(size_of(y.shape));
            bad_ = true;
        }
    }

    /// Whether a number is one of the target's element type.
    [[nodiscard]] bool holds(double v) const {
        switch (y.type) {
        case element::boolean:
            return v == 0.0 || v == 1.0;
        case element::uint8:
            return v >= 0.0 && v <= 255.0 && v == std::floor(v);
        case element::int64:
            return std::abs(v) <= 9.2e18 && v == std::floor(v);
        case element::single:
            return std::isnan(v) || v == static_cast<double>(static_cast<float>(v));
        default:
            return true;
        }
    }

    double draw_label() {
        const std::array<double, 8> outside{
            -1.0, static_cast<double>(classes_), 255.0, -2.0, 1e12, 4294967297.0, -1e12, 3.0};
        const std::uint8_t byte = from_.next();
        double v = static_cast<double>(byte % classes_);
        if (byte >= 240 && wild_targets_)
            v = outside[byte % outside.size()];
        else if (byte >= 200 && options.ignore_index)
            v = static_cast<double>(*options.ignore_index);
        return holds(v) ? v : 0.0;
    }

    double draw_soft() {
        static constexpr std::array<double, 8> outside{-0.5,      1.5,    nan,  infinity,
                                                       -infinity, -1e-45, 1e30, 2.0};
        static constexpr std::array<double, 8> inside{0.5,  0.25, 1e-45,     1e-30,
                                                      0.75, -0.0, 0.0078125, 0.9921875};
        const std::uint8_t byte = from_.next();
        double v = byte < 80 ? 0.0 : byte < 160 ? 1.0 : inside[byte % inside.size()];
        if (byte >= 240 && wild_targets_)
            v = outside[byte % outside.size()];
        else if (byte >= 216 && options.ignore_index)
            v = static_cast<double>(*options.ignore_index);
        if (has_nan(y.type))
            v = static_cast<double>(static_cast<float>(v));
        return holds(v) ? v : 1.0;
    }

    /// Over the classes of every pixel: one of them, two halves, or whatever comes.
    void draw_distributions() {
        for (std::size_t b = 0; b < x.shape[0]; ++b)
            for (std::size_t i = 0; i < plane_; ++i) {
                const std::uint8_t byte = from_.next();
                const std::size_t first = byte % classes_, second = byte / 8 % classes_;
                for (std::size_t c = 0; c < classes_; ++c) {
                    double& v = y.number[(b * classes_ + c) * plane_ + i];
                    if (byte >= 192)
                        v = draw_soft();
                    else if (byte >= 128 && has_nan(y.type))
                        v = 0.5 * (c == first) + 0.5 * (c == second);
                    else
                        v = c == first;
                }
            }
    }

    void draw_rider(bool there, drawing& d, bool validity) {
        if (!there)
            return;
        const bool planes_only = labels;
        std::uint8_t form = from_.next() % 3; // full, [B, 1, ...], [B, ...]
        if (x.shape.size() < 2)
            form = 0;
        else if (planes_only && form == 0 && !wild_shapes_)
            form = 1;
        if (planes_only && form == 0 && channels_ != 1)
            bad_ = true;
        d.shape = x.shape;
        if (form == 1)
            d.shape[1] = 1;
        if (form == 2)
            d.shape.erase(d.shape.begin() + 1);
        d.where = draw_layout();
        static constexpr std::array types{element::single, element::real, element::boolean, element::uint8};
        d.type = from_.of(types);
        d.number.resize(size_of(d.shape));
        for (double& v : d.number) {
            v = validity ? static_cast<double>(from_.chance(176)) : draw_weight(from_, wild_weights_);
            if (!has_nan(d.type))
                v = v >= 1.0 && v <= 3.0 ? v : 0.0;
            if (d.type == element::boolean)
                v = v != 0.0;
            if (d.type == element::single)
                v = static_cast<double>(static_cast<float>(v));
        }
        repeat(d);
        if (wild_shapes_ && from_.chance(32) && !d.shape.empty()) {
            ++d.shape[0];
            d.number.resize(size_of(d.shape), 1.0);
            bad_ = true;
        }
    }

    // --- what counts ---

    [[nodiscard]] std::size_t plane_at(std::size_t e) const {
        return e / (channels_ * plane_) * plane_ + e % plane_;
    }

    [[nodiscard]] std::size_t rider_at(const drawing& d, std::size_t e) const {
        return d.number.size() == size() ? e : plane_at(e);
    }

    [[nodiscard]] std::size_t target_at(std::size_t e) const { return labels || shared_ ? plane_at(e) : e; }

    [[nodiscard]] bool ignores(double v) const {
        if (!options.ignore_index)
            return false;
        if (labels)
            return static_cast<std::int64_t>(v) == *options.ignore_index;
        return static_cast<T>(v) == static_cast<T>(*options.ignore_index);
    }

    /// The weight of element e of the logits: 0 where it is ignored.
    [[nodiscard]] T weight_of(std::size_t e) const {
        if (ignores(y.number[target_at(e)]))
            return T(0);
        if (has_valid && static_cast<T>(valid.number[rider_at(valid, e)]) == T(0))
            return T(0);
        return has_weights ? static_cast<T>(weights.number[rider_at(weights, e)]) : T(1);
    }

    void count() {
        if (refused())
            return;
        const bool softmax = md == xloss::mode::multiclass;
        weight_.resize(size());
        absent_.assign(size(), true);
        masked_.assign(y.number.size(), true);
        weightless_.assign(weights.number.size(), true);
        std::vector<bool> pixel(x.shape.empty() ? 0 : x.shape[0] * plane_,
                                false); // one of its classes counts
        for (std::size_t e = 0; e < size(); ++e) {
            weight_[e] = weight_of(e);
            bad_ = bad_ || !(weight_[e] >= T(0) && weight_[e] <= std::numeric_limits<T>::max());
            if (softmax && weight_[e] != T(0))
                pixel[plane_at(e)] = true;
        }
        // Logits of one pixel are there together, as its softmax has them all; probabilities each for itself.
        const bool together = softmax && !has_probabilities();
        for (std::size_t e = 0; e < size(); ++e) {
            absent_[e] = together ? !pixel[plane_at(e)] : weight_[e] == T(0);
            look_at(e);
        }
        counted_ = softmax ? static_cast<std::size_t>(std::count(pixel.begin(), pixel.end(), true))
                           : static_cast<std::size_t>(std::count(absent_.begin(), absent_.end(), false));
        for (const double v : y.number)
            if (labels && !ignores(v) && !(v >= 0.0 && v < static_cast<double>(classes_)))
                bad_ = true;
        if (softmax && !labels)
            check_distributions();
    }

    void look_at(std::size_t e) {
        const bool counts = weight_[e] != T(0);
        const double logit = x.number[e];
        const bool probability = logit >= 0.0 && logit <= 1.0;
        const std::size_t at = target_at(e);
        if (!absent_[e]) {
            if (has_probabilities() ? !probability : !std::isfinite(logit))
                clean_ = false;
            bad_ = bad_ || (options.check_finite && !std::isfinite(logit));
            if (std::isfinite(logit))
                largest_logit_ = std::max(largest_logit_, std::abs(logit));
        }
        if (!counts) {
            const bool elsewhere = ignores(y.number[at]) ||
                                   (has_valid && static_cast<T>(valid.number[rider_at(valid, e)]) == T(0));
            if (has_weights && !elsewhere)
                weightless_[rider_at(weights, e)] = false;
            return;
        }
        masked_[at] = false;
        if (has_weights)
            weightless_[rider_at(weights, e)] = false;
        largest_weight_ = std::max(largest_weight_, static_cast<double>(weight_[e]));
        smallest_weight_ = std::min(smallest_weight_, static_cast<double>(weight_[e]));
        if (options.check_targets && has_probabilities() && !probability)
            bad_ = true;
        if (labels)
            return;
        const T target = static_cast<T>(y.number[at]);
        if (!(target >= T(0) && target <= T(1))) {
            clean_ = false;
            bad_ = bad_ || options.check_targets;
        }
    }

    /// The classes of a pixel sum to 1, where they all count.
    void check_distributions() {
        const bool per_class = options.ignore_index ||
                               (has_valid && valid.shape == x.shape && channels_ > 1) ||
                               (has_weights && weights.shape == x.shape && channels_ > 1);
        for (std::size_t i = 0; i < size(); ++i) {
            if (i / plane_ % classes_ != 0 || absent_[i])
                continue;
            T sum(0);
            for (std::size_t c = 0; c < classes_; ++c)
                sum += static_cast<T>(y.number[i + c * plane_]);
            const bool one = std::abs(sum - T(1)) <= T(1e-4);
            bad_ = bad_ || (options.check_targets && !per_class && !one);
        }
    }

    bytes& from_;
    bool wild_logits_ = false, wild_targets_ = false, wild_weights_ = false, wild_shapes_ = false;
    bool shared_ = false; // the masks of a sample have one target
    bool fits_ = true, bad_ = false, clean_ = true;
    std::size_t classes_ = 1, channels_ = 1, plane_ = 1, counted_ = 0;
    double largest_logit_ = 1.0, largest_weight_ = 1.0, smallest_weight_ = 1.0;
    std::vector<T> weight_{};        // of every element of the logits
    std::vector<bool> absent_{};     // every element of the logits
    std::vector<bool> masked_{};     // every target: no element that it belongs to counts
    std::vector<bool> weightless_{}; // every weight: its target or validity says so already
};

} // namespace fuzzing

#endif
