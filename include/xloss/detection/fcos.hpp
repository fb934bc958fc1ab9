#ifndef XLOSS_DETECTION_FCOS_HPP
#define XLOSS_DETECTION_FCOS_HPP

#include <xloss/criterion/box_call.hpp>
#include <xloss/criterion/call.hpp>
#include <xloss/criterion/components.hpp>
#include <xloss/criterion/mode.hpp>
#include <xloss/detection/giou.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/positives.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/engine/zeros.hpp>
#include <xloss/losses/bce.hpp>
#include <xloss/losses/focal.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/gather.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/one_hot.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace xloss {

/// The losses of FCOS, a detector without anchors: class, box and centerness of N locations of all levels.
///
///     const auto r = xloss::value_and_grad(xloss::fcos{}, xloss::fcos_output{logits, boxes, centerness},
///                                          xloss::fcos_target{one_hot, true_boxes, true_centerness});
///     // r.value, r.focal, r.box, r.centerness, r.positives; r.grads.logits, r.grads.boxes,
///     r.grads.centerness
///
/// [`focal_weight` sum of focal(logits, one-hot) + `box_weight` sum over the positives of the box loss +
/// `centerness_weight` sum over the positives of BCE(centerness)] / max(1, positives). Every component of the
/// result is without its weight, and divided.
///
/// **Shapes.** logits `[N, C]`, boxes x1 y1 x2 y2 `[N, 4]`, decoded already, centerness logits `[N]` or
/// `[N, 1]`. Targets: one-hot `[N, C]`, hard or soft, a row of zeros is background; or labels `[N]` of any
/// integer type, in which -1 and C are background, and which are never expanded; boxes `[N, 4]`; centerness
/// in [0, 1], `[N]` or `[N, 1]`. A location is positive if any of its classes is not 0. Each tensor may have
/// its own number format, float or double.
///
/// **Parameters.** The weights, finite numbers; `alpha` and `gamma` as in `focal`; `positives`, what to
/// divide by instead of those counted here, where a step is made of several calls or processes (their mean
/// for frameworks that average the gradients of processes), at least 1 as these; `box`, a loss of boxes, or
/// of elements: `fcos{.box = ciou{}}`. Its own `reduction` has no effect.
///
/// **Gradient.** Boxes and centerness of locations that are not positive have gradient exactly 0, and with
/// `accumulate` keep their bits. They are never read, and may hold NaN, as may their targets. Kinks: as the
/// losses have them.
///
/// **Empty.** No positive location: what focal says of background; box and centerness are 0. No location: 0.
///
/// **Memory.** With a kept workspace a call allocates nothing.
///
/// **Source.** Tian et al. 2019, arXiv 1904.01355; GIoU in place of IoU is theirs, of 2020, arXiv 2006.09214.
///
/// **Elsewhere.**
/// - torchvision's FCOS head: the same. Detectron2 divides by a moving average of the positives: `positives`.
/// - mmdetection and the authors weigh every box by its centerness target and divide the boxes by the sum of
///   these.
/// - AutoTimm's FCOSLoss: focal is a mean over the labelled locations alone, so that background is not
///   learnt, and is not divided by the positives; boxes are distances to the sides, their loss -log IoU;
///   centerness is a mean over the positives that is divided by them once more.
///
/// @throws what the losses throw, with the component it happened in; shape_error, parameter_error for
/// weights that are no finite numbers or negative `positives`, label_error for a label outside [-1, C],
/// alias_error for a gradient buffer that shares memory with another one or with an input. On an error no
/// buffer has been touched.
template <class BoxLoss = giou>
struct fcos {
    static constexpr const char* name = "fcos";

    double focal_weight = 1.0;         ///< of the classes
    double box_weight = 1.0;           ///< of the boxes
    double centerness_weight = 1.0;    ///< of the centerness
    double alpha = 0.25;               ///< of focal: weight of the true class; negative: none
    double gamma = 2.0;                ///< of focal: how much easy elements count less
    std::optional<double> positives{}; ///< what to divide by; none: those counted
    BoxLoss box{};                     ///< of the boxes

    /// The value alone.
    template <class Output, class Target>
    auto operator()(const Output& output, const Target& target) const {
        return value(*this, output, target);
    }
};

/// What the heads give, or the tensors for its gradient. Refers to them.
template <class Logits, class Boxes, class Centerness>
struct fcos_output {
    Logits& logits;         ///< [N, C]
    Boxes& boxes;           ///< [N, 4]
    Centerness& centerness; ///< [N]

    /// Of three tensors; temporaries live to the end of the full expression.
    template <class L, class B, class C>
    fcos_output(L&& of_logits, B&& of_boxes, C&& of_centerness)
        : logits(of_logits), boxes(of_boxes), centerness(of_centerness) {}
};

/// Deduces what is const.
template <class L, class B, class C>
fcos_output(L&&, B&&, C&&)
    -> fcos_output<std::remove_reference_t<L>, std::remove_reference_t<B>, std::remove_reference_t<C>>;

/// What it is compared with. Refers to the tensors.
template <class Classes, class Boxes, class Centerness>
struct fcos_target {
    const Classes& classes;       ///< one-hot [N, C], or labels [N]
    const Boxes& boxes;           ///< [N, 4]
    const Centerness& centerness; ///< [N]

    /// Of three tensors; temporaries live to the end of the full expression.
    fcos_target(const Classes& of_classes, const Boxes& of_boxes, const Centerness& of_centerness)
        : classes(of_classes), boxes(of_boxes), centerness(of_centerness) {}
};

/// What an evaluation of `fcos` gives.
template <class T>
struct fcos_evaluation {
    T value;               ///< the weighted sum
    T focal;               ///< of the classes, unweighted
    T box;                 ///< of the positives, unweighted
    T centerness;          ///< of the positives, unweighted
    std::size_t positives; ///< locations with an object
    double normalizer;     ///< what all was divided by
};

/// The gradients, in containers of the rank and kind of the tensors.
template <class Logits, class Boxes, class Centerness>
struct fcos_gradients {
    Logits logits;         ///< of the shape of the logits
    Boxes boxes;           ///< of the shape of the boxes
    Centerness centerness; ///< of the shape of the centerness
};

/// An evaluation with the gradients.
template <class T, class Gradients>
struct fcos_evaluation_and_grads : fcos_evaluation<T> {
    Gradients grads; ///< by logits, boxes and centerness
};

namespace engine {

/// The shapes of a call, which fit each other.
struct fcos_shapes {
    tensor::shape logits, boxes, centerness;
    std::size_t locations = 0, classes = 0;
    bool labels = false; // the classes are labels, not one-hot
    tensor::shape box{{4}, 1}, number{};

    template <class Output, class Target>
    fcos_shapes(const Output& x, const Target& y)
        : logits(tensor::shape_of(x.logits)), boxes(tensor::shape_of(x.boxes)),
          centerness(tensor::shape_of(x.centerness)) {
        if (logits.rank != 2 || logits[1] == 0)
            tensor::raise<shape_error>({"xloss::fcos: logits ", logits, " are not [N, C]"});
        locations = logits[0];
        classes = logits[1];
        const leading_shape with_logits{"xloss::fcos", "logits", logits};
        with_logits.require(is_boxes(boxes), "boxes", boxes, "[N, 4]");
        with_logits.require(is_numbers(centerness), "centerness", centerness, "[N]");
        const tensor::shape true_classes = tensor::shape_of(y.classes);
        labels = std::is_integral_v<tensor::value_type_of<decltype(y.classes)>> && true_classes.rank == 1;
        with_logits.require(true_classes == (labels ? tensor::shape{{locations}, 1} : logits),
                            "target classes", true_classes, "one-hot [N, C] or integer labels [N]");
        const tensor::shape true_boxes = tensor::shape_of(y.boxes);
        with_logits.require(is_boxes(true_boxes), "target boxes", true_boxes, "[N, 4]");
        const tensor::shape true_centerness = tensor::shape_of(y.centerness);
        with_logits.require(is_numbers(true_centerness), "target centerness", true_centerness, "[N]");
    }

private:
    [[nodiscard]] bool is_boxes(const tensor::shape& s) const {
        return s == tensor::shape{{locations, 4}, 2};
    }
    [[nodiscard]] bool is_numbers(const tensor::shape& s) const {
        return s == tensor::shape{{locations}, 1} || s == tensor::shape{{locations, 1}, 2};
    }
};

/// A loss of boxes, or a sum that holds one, without the division of its means.
template <class BoxLoss>
BoxLoss summed(BoxLoss loss) {
    constexpr bool has_reduction = requires {
        loss.reduction = reduction::sum;
    };
    static_assert(has_reduction || runs_on_boxes<BoxLoss>(),
                  "xloss: the box loss of fcos is a loss of boxes or a sum that holds one, or mse, l1 or "
                  "smooth_l1");
    if constexpr (has_reduction)
        loss.reduction = reduction::sum;
    else
        std::apply([](auto&... one) { ((one.loss.reduction = reduction::sum), ...); }, loss.terms);
    return loss;
}

/// A call: everything checked that depends on shapes and labels alone, the positives known.
template <class BoxLoss, class Output, class Target>
class fcos_call {
    template <class E>
    using number = tensor::value_type_of<E>;
    using L = number<decltype(Output::logits)>;
    using B = number<decltype(Output::boxes)>;
    using C = number<decltype(Output::centerness)>;

public:
    using T = std::common_type_t<L, B, C>;
    using evaluation_type = fcos_evaluation<T>;

    fcos_call(const fcos<BoxLoss>& loss, const Output& x, const Target& y, const call_options& options)
        : loss_(loss), x_(x), y_(y), shapes_(x, y), options_(with_memory(options, own_memory_)),
          found_(positives_of(y)),
          normalizer_(std::max(1.0, loss.positives.value_or(static_cast<double>(found_.rows.size())))),
          boxes_(x.boxes, box_rows()), true_boxes_(y.boxes, box_rows()),
          centerness_(x.centerness, number_rows()),
          true_centerness_(y.centerness, number_rows()), focal_{focal{.alpha = loss.alpha,
                                                                      .gamma = loss.gamma},
                                                                {.reduction = reduction::sum}},
          box_loss_(summed(loss.box)), bce_{bce{}, {.reduction = reduction::sum}} {
        check_recipe_upstream(&names_of<fcos<BoxLoss>>, options);
        check_number(loss.name, "focal_weight", loss.focal_weight, -HUGE_VAL);
        check_number(loss.name, "box_weight", loss.box_weight, -HUGE_VAL);
        check_number(loss.name, "centerness_weight", loss.centerness_weight, -HUGE_VAL);
        check_number(loss.name, "positives", loss.positives.value_or(0.0));
    }

    [[nodiscard]] evaluation_type value() const {
        const double of_classes = with_classes([&](const auto& y) { return classification(y).value(); });
        return sum(of_classes, box().value(), centerness().value());
    }

    template <class Gradients>
    evaluation_type gradients_into(Gradients& grads) const {
        const loss_name name = &names_of<fcos<BoxLoss>>;
        const tensor::sink<L> logits(grads.logits);
        const tensor::sink<B> boxes(grads.boxes);
        const tensor::sink<C> centers(grads.centerness);
        check_gradient_shape(name, "logits", logits.shape(), shapes_.logits);
        check_gradient_shape(name, "boxes", boxes.shape(), shapes_.boxes);
        check_gradient_shape(name, "centerness", centers.shape(), shapes_.centerness);
        check_apart(
            name, {{"logits", logits.memory()}, {"boxes", boxes.memory()}, {"centerness", centers.memory()}},
            {memory_of("logits", x_.logits), memory_of("boxes", x_.boxes),
             memory_of("centerness", x_.centerness), memory_of("target classes", y_.classes),
             memory_of("target boxes", y_.boxes), memory_of("target centerness", y_.centerness)});
        box().check();
        centerness().check();
        const double of_classes =
            with_classes([&](const auto& y) { return classification(y).gradient_into(logits); });
        const tensor::scattered<B> positive_boxes(boxes, box_rows());
        const double of_boxes = box().gradient_into(tensor::sink<B>(positive_boxes));
        const tensor::scattered<C> positive_centers(centers, number_rows());
        const double of_centers = centerness().gradient_into(tensor::sink<C>(positive_centers));
        if (!options_.accumulate) {
            write_zeros_between(boxes, box_rows(), options_.executor);
            write_zeros_between(centers, number_rows(), options_.executor);
        }
        return sum(of_classes, of_boxes, of_centers);
    }

    /// Room for the gradients.
    [[nodiscard]] auto new_gradients() const {
        return fcos_gradients{tensor::make_like<L>(x_.logits), tensor::make_like<B>(x_.boxes),
                              tensor::make_like<C>(x_.centerness)};
    }

private:
    // --- classes ---

    /// Calls f with the one-hot rows, as they stand or as the labels have them.
    template <class F>
    auto with_classes(F&& f) const {
        if constexpr (std::is_integral_v<number<decltype(Target::classes)>>)
            if (shapes_.labels)
                return f(tensor::one_hot<L>(y_.classes, shapes_.classes));
        return f(y_.classes);
    }

    positives positives_of(const Target& y) {
        if constexpr (std::is_integral_v<number<decltype(Target::classes)>>)
            if (shapes_.labels)
                return labelled(tensor::one_hot<L>(y.classes, shapes_.classes));
        return find_positives(tensor::source<L>(y.classes), shapes_.locations, shapes_.classes,
                              options_.executor, *options_.workspace);
    }

    positives labelled(const tensor::one_hot<L>& y) {
        const std::size_t wrong = first_wrong_label(y.labels());
        if (wrong < shapes_.locations)
            tensor::raise<label_error>({"xloss::fcos: label ", y.labels().value_at(wrong), " at [", wrong,
                                        "] is outside [0, ", shapes_.classes, "), and neither -1 nor ",
                                        shapes_.classes, ", which are background"});
        return find_positives(y.labels(), 0, shapes_.classes, *options_.workspace);
    }

    // --- components ---

    [[nodiscard]] tensor::row_list box_rows() const { return {found_.rows, shapes_.box}; }
    [[nodiscard]] tensor::row_list number_rows() const { return {found_.rows, shapes_.number}; }

    template <class Y>
    auto classification(const Y& y) const {
        return component("xloss::fcos: logits", focal_, x_.logits, y, loss_.focal_weight / normalizer_,
                         options_);
    }
    auto centerness() const {
        return component("xloss::fcos: centerness of the positives", bce_, centerness_, true_centerness_,
                         loss_.centerness_weight / normalizer_, options_);
    }
    auto box() const {
        return component("xloss::fcos: boxes of the positives", box_loss_, boxes_, true_boxes_,
                         loss_.box_weight / normalizer_, options_);
    }

    [[nodiscard]] evaluation_type sum(double of_classes, double of_boxes, double of_centers) const {
        of_classes /= normalizer_;
        of_boxes /= normalizer_;
        of_centers /= normalizer_;
        const double all = loss_.focal_weight * of_classes + loss_.box_weight * of_boxes +
                           loss_.centerness_weight * of_centers;
        return {static_cast<T>(all),        static_cast<T>(of_classes), static_cast<T>(of_boxes),
                static_cast<T>(of_centers), found_.rows.size(),         normalizer_};
    }

    const fcos<BoxLoss>& loss_;
    const Output& x_;
    const Target& y_;
    fcos_shapes shapes_;
    workspace own_memory_{};
    call_options options_;
    positives found_;
    double normalizer_;
    tensor::gathered<B> boxes_, true_boxes_;
    tensor::gathered<C> centerness_, true_centerness_;
    criterion<mode::binary, focal> focal_;
    BoxLoss box_loss_;
    criterion<mode::binary, bce> bce_;
};

} // namespace engine

/// The value of `fcos`.
template <class BoxLoss, class... Output, class... Target>
auto value(const fcos<BoxLoss>& loss, const fcos_output<Output...>& output,
           const fcos_target<Target...>& target, const call_options& options = {}) {
    return engine::fcos_call(loss, output, target, options).value().value;
}

/// Value, components and gradients of `fcos`.
template <class BoxLoss, class... Output, class... Target>
auto value_and_grad(const fcos<BoxLoss>& loss, const fcos_output<Output...>& output,
                    const fcos_target<Target...>& target, const call_options& options = {}) {
    call_options overwrite = options;
    overwrite.accumulate = false; // there is nothing yet to add to
    const engine::fcos_call call(loss, output, target, overwrite);
    auto grads = call.new_gradients();
    const auto e = call.gradients_into(grads);
    return fcos_evaluation_and_grads<typename decltype(call)::T, decltype(grads)>{e, std::move(grads)};
}

/// As `value_and_grad`, into the caller's gradients: an `fcos_output` of tensors that can be written. On an
/// error all are left as they were.
template <class Gradients, class BoxLoss, class... Output, class... Target>
auto value_and_grad_into(Gradients&& grads, const fcos<BoxLoss>& loss, const fcos_output<Output...>& output,
                         const fcos_target<Target...>& target, const call_options& options = {}) {
    return engine::fcos_call(loss, output, target, options).gradients_into(grads);
}

} // namespace xloss

#endif
