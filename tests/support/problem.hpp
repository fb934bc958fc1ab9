#ifndef XLOSS_TESTS_SUPPORT_PROBLEM_HPP
#define XLOSS_TESTS_SUPPORT_PROBLEM_HPP

// Made-up data for the generated tests: logits, targets and all that rides on them, in every combination.
// Every number is a float, so that float and double compute the same problem; wherever an element does not
// count, x, y and w hold NaN or infinity.

#include "reference.hpp"

#include <xloss/engine/options.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace contract {

/// What is drawn for the targets.
enum class targets {
    hard,   // 0 and 1
    soft,   // multiples of 1/16; over the classes of a multiclass pixel they sum to 1
    sparse, // hard, the first sample without a positive pixel and the last class absent
    labels  // a label map
};

/// What rides on them.
enum class riders { none, weights, plane_weights, valid, both };

struct recipe {
    xloss::mode md = xloss::mode::binary;
    std::vector<std::size_t> shape{}; // of the logits
    contract::targets targets = targets::hard;
    contract::riders riders = riders::none;
    bool ignore = false;
    bool probabilities = false;
    bool check = false; // check_finite and check_targets, which may find nothing
    std::uint32_t seed = 1;

    [[nodiscard]] std::string text() const {
        static constexpr const char* modes[] = {"binary", "multilabel", "multiclass", "one_vs_rest"};
        static constexpr const char* kinds[] = {"hard", "soft", "sparse", "labels"};
        static constexpr const char* riding[] = {"none", "weights", "plane weights", "valid", "both"};
        std::string s = std::string(modes[static_cast<int>(md)]) + " [";
        for (const std::size_t n : shape)
            s += std::to_string(n) + " ";
        s.back() = ']';
        return s + ", targets " + kinds[static_cast<int>(targets)] + ", riders " +
               riding[static_cast<int>(riders)] + (ignore ? ", ignore" : "") +
               (probabilities ? ", probabilities" : "") + (check ? ", checks" : "");
    }
};

/// A recipe made up.
struct problem {
    static constexpr std::int64_t ignored = 255;

    recipe made_from{};
    reference::data data{};  // as the reference reads it
    std::vector<double> y{}; // as the library does: ignored elements hold `ignored`
    std::vector<std::int64_t> labels{};
    std::vector<std::size_t> label_shape{};
    std::vector<double> weights{}, valid{}; // empty where nothing rides
    std::vector<std::size_t> weights_shape{}, valid_shape{};

    explicit problem(const recipe& r) : made_from(r), random_(r.seed) {
        data.md = r.md;
        data.probabilities = r.probabilities;
        const std::size_t axes = r.md == xloss::mode::binary ? 1 : 2;
        data.samples = r.shape[0];
        data.classes = axes == 2 ? r.shape[1] : 1;
        data.pixels = 1;
        for (std::size_t k = axes; k < r.shape.size(); ++k)
            data.pixels *= r.shape[k];
        draw_logits();
        draw_targets();
        data.m.assign(data.size(), 1.0);
        if (r.ignore)
            ignore_some();
        draw_riders();
        poison();
    }

    [[nodiscard]] xloss::mode_options options(const reference::settings& s) const {
        xloss::mode_options o;
        if (made_from.probabilities)
            o.activation = xloss::activation::none;
        if (made_from.ignore)
            o.ignore_index = ignored;
        o.reduction = s.reduction;
        o.denominator = s.denominator;
        o.check_finite = o.check_targets = made_from.check;
        return o;
    }

    /// Whether a pixel of the label map, or an element, or all elements of a multiclass pixel do not count.
    [[nodiscard]] bool is_absent(std::size_t b, std::size_t c, std::size_t i) const {
        if (!data.softmax())
            return data.m[data.at(b, c, i)] == 0;
        for (std::size_t k = 0; k < data.classes; ++k)
            if (data.m[data.at(b, k, i)] != 0)
                return false;
        return true;
    }

private:
    double uniform() { return static_cast<double>(random_() >> 8) / static_cast<double>(1 << 24); }
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(uniform() * static_cast<double>(n)); }
    bool chance(double p) { return uniform() < p; }

    void draw_logits() {
        for (std::size_t e = 0; e < data.size(); ++e) {
            double x = 12.0 * (uniform() - 0.5);
            if (chance(0.1))
                x *= 8.0; // up to 48: one side of the sigmoid has no float left
            if (data.probabilities)
                x = 0.02 + 0.96 * uniform();
            data.x.push_back(static_cast<float>(x));
        }
    }

    void draw_targets() {
        data.y.assign(data.size(), 0.0);
        const bool one_per_pixel = data.softmax() || made_from.targets == targets::labels;
        for (std::size_t b = 0; b < data.samples; ++b)
            for (std::size_t i = 0; i < data.pixels; ++i) {
                if (one_per_pixel)
                    draw_classes(b, i);
                else
                    for (std::size_t c = 0; c < data.classes; ++c)
                        data.y[data.at(b, c, i)] = draw_target(b, c);
            }
        y = data.y;
        if (made_from.targets != targets::labels)
            return;
        label_shape = made_from.shape;
        label_shape.erase(label_shape.begin() + 1);
        for (std::size_t b = 0; b < data.samples; ++b)
            for (std::size_t i = 0; i < data.pixels; ++i)
                for (std::size_t c = 0; c < data.classes; ++c)
                    if (data.y[data.at(b, c, i)] == 1.0)
                        labels.push_back(static_cast<std::int64_t>(c));
    }

    double draw_target(std::size_t b, std::size_t c) {
        if (made_from.targets == targets::soft)
            return static_cast<double>(below(17)) / 16.0;
        if (made_from.targets == targets::sparse && (b == 0 || (data.classes > 1 && c + 1 == data.classes)))
            return 0.0;
        return chance(0.4) ? 1.0 : 0.0;
    }

    void draw_classes(std::size_t b, std::size_t i) {
        if (made_from.targets == targets::soft) {
            for (std::size_t unit = 0; unit < 16; ++unit)
                data.y[data.at(b, below(data.classes), i)] += 1.0 / 16.0;
            return;
        }
        std::size_t present = data.classes;
        if (made_from.targets == targets::sparse)
            present = b == 0 ? 1 : data.classes - 1;
        data.y[data.at(b, below(present), i)] = 1.0;
    }

    void ignore_some() {
        for (std::size_t b = 0; b < data.samples; ++b)
            for (std::size_t i = 0; i < data.pixels; ++i) {
                const bool whole = chance(0.2);
                for (std::size_t c = 0; c < data.classes; ++c) {
                    const std::size_t e = data.at(b, c, i);
                    const bool alone = labels.empty() && chance(0.1);
                    if (!whole && !alone)
                        continue;
                    data.m[e] = 0.0;
                    y[e] = static_cast<double>(ignored);
                }
                if (whole && !labels.empty())
                    labels[b * data.pixels + i] = ignored;
            }
    }

    /// Draws a tensor of the logits' shape, or with one plane for all classes, and multiplies the weights by
    /// it.
    void ride(bool planes, double zeros, bool binary, std::vector<double>& to,
              std::vector<std::size_t>& shape) {
        const bool has_classes = data.md != xloss::mode::binary;
        const bool one_plane = has_classes && (planes || !labels.empty());
        shape = made_from.shape;
        if (one_plane && chance(0.5))
            shape[1] = 1;
        else if (one_plane)
            shape.erase(shape.begin() + 1);
        to.assign(data.samples * (one_plane ? 1 : data.classes) * data.pixels, 0.0);
        for (double& w : to)
            w = chance(zeros) ? 0.0 : binary ? 1.0 : static_cast<double>(1 + below(15)) / 8.0;
        for (std::size_t b = 0; b < data.samples; ++b)
            for (std::size_t c = 0; c < data.classes; ++c)
                for (std::size_t i = 0; i < data.pixels; ++i)
                    data.m[data.at(b, c, i)] *= to[one_plane ? b * data.pixels + i : data.at(b, c, i)];
    }

    void draw_riders() {
        if (made_from.riders == riders::weights || made_from.riders == riders::plane_weights ||
            made_from.riders == riders::both)
            ride(made_from.riders == riders::plane_weights, 0.15, false, weights, weights_shape);
        if (made_from.riders == riders::valid || made_from.riders == riders::both)
            ride(true, 0.2, true, valid, valid_shape);
    }

    void poison() {
        const double bad[] = {std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity(),
                              -std::numeric_limits<double>::infinity()};
        for (std::size_t b = 0; b < data.samples; ++b)
            for (std::size_t c = 0; c < data.classes; ++c)
                for (std::size_t i = 0; i < data.pixels; ++i) {
                    const std::size_t e = data.at(b, c, i);
                    if (is_absent(b, c, i))
                        data.x[e] = bad[e % 3];
                    if (data.m[e] == 0.0 && y[e] != static_cast<double>(ignored))
                        y[e] = bad[(e + 1) % 3];
                    // A weight may be anything where the target is ignored or masked, but not where it says
                    // so itself.
                    const bool own = weights.size() == data.size();
                    const bool out = own ? data.m[e] == 0.0 : is_absent_plane(b, i);
                    const std::size_t at = own ? e : b * data.pixels + i;
                    if (!weights.empty() && out && weights[at] != 0.0)
                        weights[at] = bad[e % 3];
                }
    }

    [[nodiscard]] bool is_absent_plane(std::size_t b, std::size_t i) const {
        for (std::size_t c = 0; c < data.classes; ++c)
            if (data.m[data.at(b, c, i)] != 0.0)
                return false;
        return true;
    }

    std::mt19937 random_;
};

/// Small shapes of one to three axes of space, with rows that fill no register, and more than one.
inline std::vector<std::vector<std::size_t>> shapes_of(xloss::mode md) {
    if (md == xloss::mode::binary)
        return {{3, 19}, {2, 1, 5, 7}, {1, 2, 3, 4, 2}};
    return {{2, 3, 19}, {3, 2, 3, 4}, {1, 4, 2, 3, 3}};
}

inline std::vector<targets> targets_of(xloss::mode md) {
    if (md == xloss::mode::one_vs_rest)
        return {targets::labels};
    if (md == xloss::mode::multiclass)
        return {targets::labels, targets::hard, targets::soft, targets::sparse};
    return {targets::hard, targets::soft, targets::sparse};
}

/// Every combination of what data can be, in a mode.
inline std::vector<recipe> recipes(xloss::mode md) {
    std::vector<recipe> all;
    std::uint32_t seed = 1;
    for (const auto& shape : shapes_of(md))
        for (const targets kind : targets_of(md))
            for (const riders riding :
                 {riders::none, riders::weights, riders::plane_weights, riders::valid, riders::both})
                for (const bool ignore : {false, true})
                    for (const bool probabilities : {false, true}) {
                        recipe r{md, shape, kind, riding, ignore, probabilities, seed % 2 == 0, 0};
                        r.seed = seed++;
                        all.push_back(r);
                    }
    return all;
}

} // namespace contract

#endif
