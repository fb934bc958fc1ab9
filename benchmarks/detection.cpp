// The losses of detectors: boxes alone, and the whole losses of FCOS and of Mask R-CNN. An element is a
// number that the network gives, whether the labels select it or not.

#include "data.hpp"
#include "detection_problem.hpp"
#include "harness.hpp"
#include "peers_torch.hpp"
#include "rows.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace bench {
namespace {

constexpr float image = 800.0f; // pixels of a side

/// Made-up numbers of any of the losses, as vectors that outlive the contenders.
struct tensors {
    std::vector<float> scores, boxes, centerness, masks, one_hot, true_boxes, true_centerness, true_masks;
    std::vector<float> gradient;
    std::vector<std::int64_t> labels;
    detection_problem at;

    explicit tensors(const detection_problem& shape) : at(shape) {
        const auto rows = static_cast<std::size_t>(at.rows);
        fill_labels(rows);
        fill_boxes(rows);
        if (at.has_classes())
            fill_scores(rows);
        if (at.loss == detection_formula::fcos)
            fill_centerness(rows);
        if (at.loss == detection_formula::mask_rcnn)
            fill_masks(rows);
        gradient.assign(static_cast<std::size_t>(at.elements()), 0.0f);
        at.scores = scores.data();
        at.boxes = boxes.data();
        at.centerness = centerness.data();
        at.masks = masks.data();
        at.labels = labels.data();
        at.one_hot = one_hot.data();
        at.true_boxes = true_boxes.data();
        at.true_centerness = true_centerness.data();
        at.true_masks = true_masks.data();
        at.gradient = gradient.data();
    }

private:
    /// A box's locations follow each other, rois are sampled with the positive ones strewn.
    void fill_labels(std::size_t rows) {
        const bool rois = at.loss == detection_formula::mask_rcnn;
        labels.assign(rows, rois ? 0 : -1);
        if (!at.has_classes())
            return;
        const auto positives = static_cast<std::size_t>(at.positives), run = rois ? std::size_t{1} : 20;
        const std::size_t first = rois ? 1 : 0, classes = static_cast<std::size_t>(at.classes) - first;
        for (std::size_t k = 0; k < positives; ++k) {
            const std::size_t row = k / run * run * (rows / positives) + k % run;
            labels[row] = static_cast<std::int64_t>(first + k / run * 7 % classes);
        }
    }

    void fill_boxes(std::size_t rows) {
        const bool offsets = at.loss == detection_formula::mask_rcnn;
        const std::size_t columns = offsets ? 4 * static_cast<std::size_t>(at.classes) : 4;
        true_boxes.resize(rows * 4);
        boxes.resize(rows * columns);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t k = 0; k < 4; ++k) {
                const float corner = image * (0.5f + 0.1f * noise(r * 2 + k % 2));
                const float size = image * (0.2f + 0.03f * noise(r + 1000 + k % 2));
                true_boxes[r * 4 + k] = offsets ? 0.3f * noise(r * 4 + k) : corner + (k < 2 ? 0.0f : size);
            }
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            const std::size_t r = i / columns;
            boxes[i] = true_boxes[r * 4 + i % 4] + (offsets ? 0.2f : 0.03f * image) * noise(i + 77);
        }
    }

    void fill_scores(std::size_t rows) {
        const auto classes = static_cast<std::size_t>(at.classes);
        const bool one_hots = at.loss == detection_formula::fcos;
        scores.resize(rows * classes);
        one_hot.assign(one_hots ? rows * classes : 0, 0.0f);
        for (std::size_t i = 0; i < scores.size(); ++i) {
            const bool own = labels[i / classes] == static_cast<std::int64_t>(i % classes);
            scores[i] = (own ? 1.0f : one_hots ? -4.0f : 0.0f) + 1.5f * noise(i + 5);
            if (one_hots && own)
                one_hot[i] = 1.0f;
        }
    }

    void fill_centerness(std::size_t rows) {
        for (std::size_t r = 0; r < rows; ++r) {
            true_centerness.push_back(0.5f + 0.12f * noise(r));
            centerness.push_back(noise(r + 3));
        }
    }

    void fill_masks(std::size_t rows) {
        const auto side = static_cast<std::size_t>(at.side), pixels = side * side;
        const auto classes = static_cast<std::size_t>(at.classes);
        for (std::size_t i = 0; i < rows * pixels; ++i)
            true_masks.push_back(in_disc(i / pixels, i % pixels / side, i % side, side, side) ? 1.0f : 0.0f);
        masks.resize(rows * classes * pixels);
        for (std::size_t i = 0; i < masks.size(); ++i) {
            const float y = true_masks[i / (classes * pixels) * pixels + i % pixels];
            masks[i] = 3.0f * y - 1.5f + 2.0f * noise(i);
        }
    }
};

/// A tensor over memory that is there.
template <class T, class... N>
auto over(T* first, N... extents) {
    const std::array<std::size_t, sizeof...(N)> shape{static_cast<std::size_t>(extents)...};
    std::size_t size = 1;
    for (const std::size_t n : shape)
        size *= n;
    return xt::adapt(first, size, xt::no_ownership(), shape);
}

/// The call under test: kept gradients, kept workspace, tensors read in place.
template <class Loss>
class detection_contender final : public contender {
public:
    detection_contender(Loss loss, std::shared_ptr<tensors> on)
        : loss_(std::move(loss)), on_(std::move(on)) {}

    double step() override {
        const detection_problem& at = on_->at;
        const xloss::call_options options{.workspace = &workspace_};
        auto* g_scores = at.gradient;
        auto* g_boxes = g_scores + at.score_elements();
        auto* g_rest = g_boxes + at.box_elements();
        const auto true_boxes = over(at.true_boxes, at.rows, 4);
        if constexpr (requires { loss_.focal_weight; }) {
            const auto r = xloss::value_and_grad_into(
                xloss::fcos_output{over(g_scores, at.rows, at.classes), over(g_boxes, at.rows, 4),
                                   over(g_rest, at.rows)},
                loss_,
                xloss::fcos_output{over(at.scores, at.rows, at.classes), over(at.boxes, at.rows, 4),
                                   over(at.centerness, at.rows)},
                xloss::fcos_target{over(at.one_hot, at.rows, at.classes), true_boxes,
                                   over(at.true_centerness, at.rows)},
                options);
            return static_cast<double>(r.value);
        } else if constexpr (requires { loss_.mask_weight; }) {
            const auto r = xloss::value_and_grad_into(
                xloss::mask_rcnn_output{over(g_scores, at.rows, at.classes),
                                        over(g_boxes, at.rows, 4 * at.classes),
                                        over(g_rest, at.rows, at.classes, at.side, at.side)},
                loss_,
                xloss::mask_rcnn_output{over(at.scores, at.rows, at.classes),
                                        over(at.boxes, at.rows, 4 * at.classes),
                                        over(at.masks, at.rows, at.classes, at.side, at.side)},
                xloss::mask_rcnn_target{over(at.labels, at.rows), true_boxes,
                                        over(at.true_masks, at.rows, at.side, at.side)},
                options);
            return static_cast<double>(r.value);
        } else {
            auto gradient = over(g_boxes, at.rows, 4);
            const auto r =
                xloss::value_and_grad_into(gradient, loss_, over(at.boxes, at.rows, 4), true_boxes, options);
            return static_cast<double>(r.value);
        }
    }
    [[nodiscard]] const float* gradient() const override { return on_->at.gradient; }

private:
    Loss loss_;
    std::shared_ptr<tensors> on_;
    xloss::workspace workspace_;
};

/// What is read, in pieces.
struct read_range {
    const float* first;
    std::int64_t n;
};

/// What value and gradient need: of Mask R-CNN's masks and boxes that of the true class.
std::vector<read_range> read_by(const detection_problem& at) {
    if (at.loss ==
        detection_formula::fcos) // positive rows among the others take whole cache lines, or nearly
        return {{at.scores, at.score_elements()}, {at.one_hot, at.score_elements()},
                {at.boxes, at.positives * 4},     {at.true_boxes, at.positives * 4},
                {at.centerness, at.positives},    {at.true_centerness, at.positives}};
    if (at.loss != detection_formula::mask_rcnn)
        return {{at.boxes, at.rows * 4}, {at.true_boxes, at.rows * 4}};
    std::vector<read_range> ranges{{at.scores, at.score_elements()}};
    const std::int64_t pixels = at.side * at.side;
    for (std::int64_t r = 0; r < at.rows; ++r) {
        if (at.labels[r] == 0)
            continue;
        ranges.push_back({at.boxes + (r * at.classes + at.labels[r]) * 4, 4});
        ranges.push_back({at.true_boxes + r * 4, 4});
        ranges.push_back({at.masks + (r * at.classes + at.labels[r]) * pixels, pixels});
        ranges.push_back({at.true_masks + r * pixels, pixels});
    }
    return ranges;
}

/// The bytes of all that, and of the gradients.
double least_bytes(const detection_problem& at) {
    std::int64_t n = at.elements() + at.score_elements();
    if (at.loss == detection_formula::fcos)
        n += at.score_elements() + at.positives * 10;
    else if (at.loss == detection_formula::mask_rcnn)
        n += at.positives * (8 + 2 * at.side * at.side);
    else
        n += at.rows * 8;
    return 4.0 * static_cast<double>(n);
}

/// The yardstick: what is needed is read and folded, and the gradients are filled.
class detection_roofline final : public contender {
public:
    explicit detection_roofline(const detection_problem& at) : at_(at), read_(read_by(at)) {}

    double step() override {
        std::uint32_t seen = 0;
        for (const read_range& one : read_)
            for (std::int64_t i = 0; i < one.n; ++i)
                seen ^= std::bit_cast<std::uint32_t>(one.first[i]);
        std::fill_n(at_.gradient, at_.elements(), 1.0f);
        return static_cast<double>(seen);
    }
    [[nodiscard]] const float* gradient() const override { return at_.gradient; }

private:
    detection_problem at_;
    std::vector<read_range> read_;
};

std::string size_name(const detection_problem& at) {
    const auto times = [](std::int64_t n) { return "x" + std::to_string(n); };
    std::string name = std::to_string(at.rows);
    if (!at.has_classes())
        return name + times(4);
    name += times(at.classes);
    return at.side > 0 ? name + times(at.side) + times(at.side) : name;
}

template <class Loss>
row row_of_detection(std::string name, Loss loss, const detection_problem& shape, extent where) {
    row line{std::move(name),
             "float",
             size_name(shape),
             where,
             static_cast<double>(shape.elements()),
             least_bytes(shape),
             {},
             {},
             {},
             {}};
    line.prepare = [loss, shape] {
        const auto on = std::make_shared<tensors>(shape);
        lineup all;
        all.tensors = on;
        all[who::xloss] = std::make_unique<detection_contender<Loss>>(loss, on);
        all[who::roofline] = std::make_unique<detection_roofline>(on->at);
        all[who::torch] = make_torch(on->at);
        return all;
    };
    return line;
}

} // namespace

void add_detection_rows(std::vector<row>& rows) {
    using f = detection_formula;
    for (const auto& [n, where] : {std::pair{8000, extent::cache}, {200000, extent::power_of_two}}) {
        rows.push_back(row_of_detection("smooth L1", xloss::smooth_l1{}, {f::smooth_l1, n}, where));
        rows.push_back(row_of_detection("GIoU", xloss::giou{}, {f::giou, n}, where));
        rows.push_back(row_of_detection("CIoU", xloss::ciou{}, {f::ciou, n}, where));
    }
    rows.push_back(
        row_of_detection("FCOS", xloss::fcos{}, {f::fcos, 20000, 80, 0, 1000}, extent::power_of_two));
    rows.push_back(row_of_detection("Mask R-CNN", xloss::mask_rcnn{}, {f::mask_rcnn, 512, 81, 28, 128},
                                    extent::power_of_two));
}

} // namespace bench
