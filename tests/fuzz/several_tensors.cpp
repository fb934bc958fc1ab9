// Recipes of several tensors (iou_head, sam2, boxes, fcos, mask_rcnn), with checks of their own; and losses
// of masks [B, N, ...] with those of all others.

#include "several_tensors.hpp"

#include "bytes.hpp"
#include "checks.hpp"
#include "loss.hpp"
#include "parameters.hpp"

#include <xloss/criterion/target.hpp>
#include <xloss/detection/ciou.hpp>
#include <xloss/detection/fcos.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/detection/mask_rcnn.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/l1.hpp>
#include <xloss/losses/mse.hpp>
#include <xloss/losses/smooth_l1.hpp>
#include <xloss/sam/iou_head.hpp>
#include <xloss/sam/output.hpp>
#include <xloss/sam/sam2.hpp>
#include <xloss/sam/sam_mask.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace fuzzing {

namespace {

using array = xt::xarray<float>;
using labels = xt::xarray<std::int64_t>;
using extents = std::vector<std::size_t>;

/// What a network gives, one tensor after the other; or the gradients by it.
using arrays = std::vector<array>;

/// What a recipe gives beside its gradients.
struct outcome {
    double value = 0.0;
    double sum = 0.0;   // of the components with their weights
    double scale = 0.0; // the same of their magnitudes
};

/// A recipe with its targets and parameters, ready to be called on what a network gives.
struct recipe {
    const char* name = "";
    arrays given{};
    std::function<double(const arrays&)> value{};
    std::function<outcome(arrays&, const arrays&, const xloss::call_options&)> into{};
    /// In double, what a network gives converted: where float is held against it.
    std::function<double()> in_double{};
    std::vector<std::vector<bool>> zero{};   // elements whose gradient is exactly 0
    std::vector<std::vector<bool>> unread{}; // those that may be NaN
    bool clean = true;                       // all that counts is finite, and not at the ends of the format
    bool wrong = false;                      // there has to be an error

    void add(array a) {
        zero.emplace_back(a.size(), false);
        unread.emplace_back(a.size(), false);
        given.push_back(std::move(a));
    }

    /// Elements that are not looked at, and so have no gradient.
    void leave_out(std::size_t tensor, std::size_t first, std::size_t n) {
        for (std::size_t e = first; e < first + n; ++e)
            zero[tensor][e] = unread[tensor][e] = true;
    }
};

// --- drawing ---

std::size_t draw_extent(bytes& from, std::size_t most) {
    const std::size_t n = from.below(most + 2);
    return n == most + 1 ? 0 : n == 0 ? 1 : n;
}

/// Multiples of 1/8, now and then something else.
array draw_numbers(bytes& from, const extents& shape, recipe& r, double factor = 1.0) {
    const bool wild = from.chance(24);
    array a = array::from_shape(shape);
    for (float& v : a) {
        const double drawn = factor * draw_logit(from, wild);
        const double most = static_cast<double>(std::numeric_limits<float>::max());
        v = static_cast<float>(std::isfinite(drawn) ? std::clamp(drawn, -most, most) : drawn);
        r.clean = r.clean && std::abs(drawn) <= 1e4;
    }
    return a;
}

array draw_targets(bytes& from, const extents& shape) {
    static constexpr std::array<float, 8> levels{0.0F, 1.0F, 0.0F, 1.0F, 0.5F, 0.0F, 1.0F, 0.25F};
    array a = array::from_shape(shape);
    for (float& v : a)
        v = from.of(levels);
    return a;
}

/// Weights >= 0 with zeros among them; rarely one that is refused.
array draw_weights(bytes& from, const extents& shape, recipe& r) {
    static constexpr std::array<float, 8> levels{1.0F, 0.0F, 2.0F, 0.5F, 1.0F, 0.0F, 3.0F, 1e-3F};
    array a = array::from_shape(shape);
    for (float& v : a) {
        v = from.of(levels);
        if (from.next() == 255) {
            v = -1.0F;
            r.wrong = true;
        }
    }
    return a;
}

double draw_factor(bytes& from, recipe& r) {
    static constexpr std::array<double, 8> choices{1.0, 2.0, 0.5, 20.0, 0.0, 1.0, 0.25, 5.0};
    if (from.next() == 255) {
        r.wrong = true;
        return nan;
    }
    return from.of(choices);
}

/// From the components with their weights.
template <class... Components>
outcome outcome_of(double value, const Components&... weighted) {
    return {value, (0.0 + ... + weighted), (0.0 + ... + std::abs(weighted))};
}

template <class Evaluation, class Sum>
outcome outcome_of_terms(const Evaluation& e, const Sum& loss) {
    return std::apply(
        [&](const auto&... one) {
            outcome all{.value = static_cast<double>(e.value)};
            std::size_t i = 0;
            const auto add = [&](double factor) {
                const double part = factor * static_cast<double>(e.terms[i++].value);
                all.sum += part;
                all.scale += std::abs(part);
            };
            (add(one.weight), ...);
            return all;
        },
        loss.terms);
}

// --- recipes ---

recipe draw_iou_head(bytes& from) {
    recipe r{.name = "bce + dice + iou_head"};
    const std::size_t b = draw_extent(from, 3), n = draw_extent(from, 3), pixels = draw_extent(from, 20);
    r.add(draw_numbers(from, {b, n, pixels}, r));
    r.add(draw_numbers(from, {b, n}, r));
    const array y = draw_targets(from, from.chance(128) ? extents{b, n, pixels} : extents{b, pixels});
    const array w = draw_weights(from, {b, n, pixels}, r);
    const auto loss = draw_factor(from, r) * xloss::bce{} +
                      draw_factor(from, r) * xloss::dice{.over = from.chance(64) ? xloss::region::batch
                                                                                 : xloss::region::sample} +
                      draw_factor(from, r) * xloss::iou_head{static_cast<xloss::iou_loss>(from.below(3)),
                                                             static_cast<xloss::iou_target>(from.below(3))};
    for (std::size_t mask = 0; mask < b * n; ++mask) {
        bool any = false;
        for (std::size_t e = mask * pixels; e < (mask + 1) * pixels; ++e) {
            if (w.data()[e] == 0.0F)
                r.leave_out(0, e, 1);
            any = any || w.data()[e] != 0.0F;
        }
        r.zero[1][mask] = !any;
    }
    r.value = [=](const arrays& x) {
        return xloss::value(loss, xloss::sam_output{x[0], x[1]}, xloss::weighted(y, w));
    };
    r.into = [=](arrays& g, const arrays& x, const xloss::call_options& how) {
        const auto e = xloss::value_and_grad_into(xloss::sam_output{g[0], g[1]}, loss,
                                                  xloss::sam_output{x[0], x[1]}, xloss::weighted(y, w), how);
        return outcome_of_terms(e, loss);
    };
    return r;
}

recipe draw_sam2(bytes& from) {
    recipe r{.name = "sam2"};
    const std::size_t n = draw_extent(from, 3), m = 1 + from.below(4), pixels = draw_extent(from, 20);
    r.add(draw_numbers(from, {n, m, pixels}, r));
    r.add(draw_numbers(from, {n, m}, r));
    r.add(draw_numbers(from, {n}, r));
    const array y = draw_targets(from, {n, pixels});
    const array w = draw_weights(from, from.chance(128) ? extents{n, m, pixels} : extents{n, pixels}, r);
    xloss::sam2 loss{.focal_weight = draw_factor(from, r),
                     .dice_weight = draw_factor(from, r),
                     .iou_weight = draw_factor(from, r),
                     .score_weight = draw_factor(from, r),
                     .supervise_all_iou = from.chance(128),
                     .iou_loss = static_cast<xloss::iou_loss>(from.below(3)),
                     .object_scores = from.chance(128)};
    if (from.chance(64))
        loss.num_objects = from.chance(32) ? 0.0 : 2.5;
    r.wrong = r.wrong || (loss.num_objects && *loss.num_objects == 0.0);
    const bool per_candidate = w.dimension() == 3;
    for (std::size_t e = 0; e < r.given[0].size(); ++e)
        if (w.data()[per_candidate ? e : e / (m * pixels) * pixels + e % pixels] == 0.0F)
            r.leave_out(0, e, 1);
    for (std::size_t i = 0; i < n; ++i)
        r.zero[2][i] = !loss.object_scores;
    r.value = [=](const arrays& x) {
        return xloss::value(loss, xloss::sam_output{x[0], x[1], x[2]}, xloss::weighted(y, w));
    };
    r.into = [=](arrays& g, const arrays& x, const xloss::call_options& how) {
        const auto e =
            xloss::value_and_grad_into(xloss::sam_output{g[0], g[1], g[2]}, loss,
                                       xloss::sam_output{x[0], x[1], x[2]}, xloss::weighted(y, w), how);
        return outcome_of(e.value, loss.focal_weight * static_cast<double>(e.focal),
                          loss.dice_weight * static_cast<double>(e.dice),
                          loss.iou_weight * static_cast<double>(e.iou),
                          loss.score_weight * static_cast<double>(e.score));
    };
    return r;
}

/// Losses of overlap and regressions in one sum.
recipe draw_boxes(bytes& from) {
    recipe r{.name = "giou + ciou + smooth_l1 + mse + l1"};
    const std::size_t n = draw_extent(from, 40);
    r.add(draw_numbers(from, {n, 4}, r));
    recipe ignored; // targets may be anything that predictions may
    const array y = draw_numbers(from, {n, 4}, ignored);
    r.clean = r.clean && ignored.clean;
    const array w = draw_weights(from, from.chance(128) ? extents{n} : extents{n, 1}, r);
    const auto loss = draw_factor(from, r) * xloss::giou{} +
                      draw_factor(from, r) * xloss::ciou{.follow_alpha = from.chance(128)} +
                      draw_factor(from, r) * xloss::smooth_l1{.beta = from.chance(64) ? 0.0 : 0.5} +
                      draw_factor(from, r) * xloss::mse{} + draw_factor(from, r) * xloss::l1{};
    for (std::size_t i = 0; i < n; ++i)
        if (w.data()[i] == 0.0F)
            r.leave_out(0, 4 * i, 4);
    r.value = [=](const arrays& x) { return xloss::value(loss, x[0], xloss::weighted(y, w)); };
    r.into = [=](arrays& g, const arrays& x, const xloss::call_options& how) {
        const auto e = xloss::value_and_grad_into(g[0], loss, x[0], xloss::weighted(y, w), how);
        return outcome_of_terms(e, loss);
    };
    r.in_double = [=, x = xt::xarray<double>(r.given[0])] {
        return xloss::value(loss, x, xloss::weighted(xt::xarray<double>(y), w));
    };
    return r;
}

recipe draw_fcos(bytes& from) {
    recipe r{.name = "fcos"};
    const std::size_t n = draw_extent(from, 12), c = 1 + from.below(3);
    r.add(draw_numbers(from, {n, c}, r));
    r.add(draw_numbers(from, {n, 4}, r));
    r.add(draw_numbers(from, {n}, r));
    recipe ignored;
    const array boxes = draw_numbers(from, {n, 4}, ignored), centerness = draw_targets(from, {n});
    r.clean = r.clean && ignored.clean;
    labels classes = labels::from_shape({n});
    for (std::size_t i = 0; i < n; ++i) {
        classes.data()[i] = static_cast<std::int64_t>(from.below(c + 2)) - 1;
        if (from.next() == 255) {
            classes.data()[i] = -2;
            r.wrong = true;
        }
        if (classes.data()[i] < 0 || classes.data()[i] == static_cast<std::int64_t>(c)) {
            r.leave_out(1, 4 * i, 4);
            r.leave_out(2, i, 1);
        }
    }
    const xloss::fcos<> loss{.focal_weight = draw_factor(from, r),
                             .box_weight = draw_factor(from, r),
                             .centerness_weight = draw_factor(from, r)};
    r.value = [=](const arrays& x) {
        return xloss::value(loss, xloss::fcos_output{x[0], x[1], x[2]},
                            xloss::fcos_target{classes, boxes, centerness});
    };
    r.into = [=](arrays& g, const arrays& x, const xloss::call_options& how) {
        const auto e = xloss::value_and_grad_into(xloss::fcos_output{g[0], g[1], g[2]}, loss,
                                                  xloss::fcos_output{x[0], x[1], x[2]},
                                                  xloss::fcos_target{classes, boxes, centerness}, how);
        return outcome_of(e.value, loss.focal_weight * static_cast<double>(e.focal),
                          loss.box_weight * static_cast<double>(e.box),
                          loss.centerness_weight * static_cast<double>(e.centerness));
    };
    return r;
}

recipe draw_mask_rcnn(bytes& from) {
    recipe r{.name = "mask_rcnn"};
    const std::size_t n = draw_extent(from, 6), c = 2 + from.below(2), h = draw_extent(from, 4), w = 3;
    r.add(draw_numbers(from, {n, c}, r));
    r.add(draw_numbers(from, {n, 4 * c}, r));
    r.add(draw_numbers(from, {n, c, h, w}, r));
    recipe ignored;
    const array boxes = draw_numbers(from, {n, 4}, ignored), masks = draw_targets(from, {n, h, w});
    r.clean = r.clean && ignored.clean;
    labels of_rois = labels::from_shape({n});
    for (std::size_t i = 0; i < n; ++i) {
        of_rois.data()[i] = static_cast<std::int64_t>(from.below(c));
        if (from.next() == 255) {
            of_rois.data()[i] = from.chance(128) ? -1 : static_cast<std::int64_t>(c);
            r.wrong = true;
        }
        for (std::size_t k = 0; k < c; ++k)
            if (k == 0 || static_cast<std::int64_t>(k) != of_rois.data()[i]) {
                r.leave_out(1, 4 * (i * c + k), 4);
                r.leave_out(2, (i * c + k) * h * w, h * w);
            }
    }
    const xloss::mask_rcnn<> loss{.class_weight = draw_factor(from, r),
                                  .box_weight = draw_factor(from, r),
                                  .mask_weight = draw_factor(from, r),
                                  .beta = from.chance(64) ? 0.0 : 1.0 / 9.0};
    r.value = [=](const arrays& x) {
        return xloss::value(loss, xloss::mask_rcnn_output{x[0], x[1], x[2]},
                            xloss::mask_rcnn_target{of_rois, boxes, masks});
    };
    r.into = [=](arrays& g, const arrays& x, const xloss::call_options& how) {
        const auto e = xloss::value_and_grad_into(xloss::mask_rcnn_output{g[0], g[1], g[2]}, loss,
                                                  xloss::mask_rcnn_output{x[0], x[1], x[2]},
                                                  xloss::mask_rcnn_target{of_rois, boxes, masks}, how);
        return outcome_of(e.value, loss.class_weight * static_cast<double>(e.classification),
                          loss.box_weight * static_cast<double>(e.box),
                          loss.mask_weight * static_cast<double>(e.mask));
    };
    return r;
}

// --- checks ---

class recipe_examination {
public:
    recipe_examination(const recipe& r, xloss::workspace& kept) : r_(r), kept_(kept) {}

    void run() {
        const arrays before = start();
        arrays grads = before;
        const auto first = evaluated(grads, r_.given, {});
        if (!first) {
            if (!r_.wrong)
                fail("an error where there is nothing wrong: " + message_);
            expect_same(grads, before, "an error, and yet a gradient was written to");
            return;
        }
        if (r_.wrong)
            fail("no error where there has to be one");
        check_numbers(*first, grads);
        check_again(*first, grads);
        check_accumulated(grads);
        check_scaled(grads);
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        std::ostringstream s;
        s.precision(9);
        for (const array& a : r_.given) {
            s << "\n  [";
            for (const std::size_t n : a.shape())
                s << n << " ";
            s << "]:";
            for (const float v : a)
                s << " " << v;
        }
        std::fprintf(stderr, "finding: %s\n%s%s\n", what.c_str(), r_.name, s.str().c_str());
        std::abort();
    }

    [[noreturn]] void fail_at(const std::string& what, std::size_t tensor, std::size_t e, float a) const {
        fail(what + ": gradient " + std::to_string(tensor) + " at " + std::to_string(e) + " is " +
             std::to_string(a));
    }

    /// Buffers with something in them.
    [[nodiscard]] arrays start() const {
        arrays buffers = r_.given;
        for (array& a : buffers)
            for (std::size_t e = 0; e < a.size(); ++e)
                a.data()[e] = 0.5F * static_cast<float>(e % 5) - 1.0F;
        return buffers;
    }

    std::optional<outcome> evaluated(arrays& grads, const arrays& x, const xloss::call_options& how) {
        try {
            return r_.into(grads, x, how);
        } catch (const xloss::error& e) {
            message_ = e.what();
            return {};
        }
    }

    outcome must(arrays& grads, const arrays& x, const xloss::call_options& how) {
        const auto found = evaluated(grads, x, how);
        if (!found)
            fail("an error where there was none: " + message_);
        return *found;
    }

    void expect_same(const arrays& a, const arrays& b, const char* what) const {
        for (std::size_t t = 0; t < a.size(); ++t)
            for (std::size_t e = 0; e < a[t].size(); ++e)
                if (!same(a[t].data()[e], b[t].data()[e]))
                    fail_at(what, t, e, a[t].data()[e]);
    }

    void check_numbers(const outcome& found, const arrays& grads) const {
        for (std::size_t t = 0; t < grads.size(); ++t)
            for (std::size_t e = 0; e < grads[t].size(); ++e) {
                const float g = grads[t].data()[e];
                if (r_.zero[t][e] && !(g == 0.0F))
                    fail_at("not 0", t, e, g);
                if (r_.clean && !std::isfinite(g))
                    fail_at("not finite", t, e, g);
            }
        if (!r_.clean)
            return;
        if (!(std::abs(found.value - found.sum) <= 1e-5 * found.scale + 1e-30))
            fail("the value is " + std::to_string(found.value) + ", its components are " +
                 std::to_string(found.sum));
        if (r_.in_double && !(std::abs(found.value - r_.in_double()) <= 1e-3 * found.scale + 1e-6))
            fail("the value is " + std::to_string(found.value) + ", in double " +
                 std::to_string(r_.in_double()));
    }

    /// The value alone; another order of the work; NaN in what is not read.
    void check_again(const outcome& found, const arrays& grads) {
        if (!same(found.value, r_.value(r_.given)))
            fail("value() is " + std::to_string(r_.value(r_.given)) + " and not " +
                 std::to_string(found.value));
        backwards order;
        arrays again = start();
        if (!same(must(again, r_.given, {.workspace = &kept_, .executor = order}).value, found.value))
            fail("another value in another order of the work");
        expect_same(again, grads, "in another order of the work");

        arrays poisoned = r_.given;
        for (std::size_t t = 0; t < poisoned.size(); ++t)
            for (std::size_t e = 0; e < poisoned[t].size(); ++e)
                if (r_.unread[t][e])
                    poisoned[t].data()[e] = std::numeric_limits<float>::quiet_NaN();
        if (!same(must(again, poisoned, {}).value, found.value))
            fail("another value with NaN where nothing counts");
        expect_same(again, grads, "with NaN where nothing counts");
    }

    void check_accumulated(const arrays& grads) {
        const arrays before = start();
        arrays added = before;
        must(added, r_.given, {.accumulate = true, .workspace = &kept_});
        for (std::size_t t = 0; t < added.size(); ++t)
            for (std::size_t e = 0; e < added[t].size(); ++e)
                if (!same(added[t].data()[e], before[t].data()[e] + grads[t].data()[e]))
                    fail_at("accumulating", t, e, added[t].data()[e]);
    }

    /// Twice the upstream, twice the gradient.
    void check_scaled(const arrays& grads) {
        arrays twice = start();
        must(twice, r_.given, {.upstream = 2.0});
        for (std::size_t t = 0; t < twice.size() && r_.clean; ++t)
            for (std::size_t e = 0; e < twice[t].size(); ++e)
                if (!(std::abs(twice[t].data()[e] - 2.0F * grads[t].data()[e]) <=
                      1e-6F * std::abs(twice[t].data()[e]) + 1e-30F))
                    fail_at("with twice the upstream gradient", t, e, twice[t].data()[e]);
    }

    const recipe& r_;
    xloss::workspace& kept_;
    std::string message_{};
};

} // namespace

void examine_recipe(bytes& from, xloss::workspace& kept) {
    static constexpr std::array draw{&draw_iou_head, &draw_sam2, &draw_boxes, &draw_fcos, &draw_mask_rcnn};
    const recipe r = from.of(draw)(from);
    recipe_examination(r, kept).run();
}

inline xloss::sam_mask draw_loss(std::type_identity<xloss::sam_mask>, parameters& p) {
    xloss::sam_mask loss{.focal_weight = p.number("focal_weight", 20.0),
                         .dice_weight = p.number("dice_weight", 1.0)};
    loss.smooth = p.number("smooth", loss.smooth);
    loss.over = p.choice<xloss::region>("over", 2);
    loss.empty = p.choice<xloss::empty_region>("empty", 3);
    return loss;
}

inline xloss::smooth_l1 draw_loss(std::type_identity<xloss::smooth_l1>, parameters& p) {
    return {.beta = p.number("beta", 1.0)};
}

template <>
std::span<const entry<float>> mask_losses<float>() {
    using xloss::mode;
    static const std::array all{
        loss<float, mode::multimask, xloss::sam_mask, whole_only>("sam_mask"),
        loss<float, mode::multimask, xloss::smooth_l1>("smooth_l1"),
    };
    return all;
}

} // namespace fuzzing
