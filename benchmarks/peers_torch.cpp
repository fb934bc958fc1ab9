// The losses as they are written with libtorch's eager operators. The only file that sees torch's headers.

#include "peers_torch.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {
namespace {

namespace F = torch::nn::functional;
using torch::Tensor;

Tensor bce(const Tensor& x, const Tensor& y) {
    return F::binary_cross_entropy_with_logits(x, y);
}

/// torchvision.ops.sigmoid_focal_loss, operator by operator, reduction none.
Tensor focal_of_pixels(const Tensor& x, const Tensor& y, double gamma) {
    const auto alpha = 0.25;
    const auto none = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone);
    const auto p = torch::sigmoid(x);
    const auto ce = F::binary_cross_entropy_with_logits(x, y, none);
    const auto p_t = p * y + (1 - p) * (1 - y);
    const auto alpha_t = alpha * y + (1 - alpha) * (1 - y);
    return alpha_t * (ce * torch::pow(1 - p_t, gamma));
}

Tensor focal(const Tensor& x, const Tensor& y, double gamma) {
    return focal_of_pixels(x, y, gamma).mean();
}

Tensor dice(const Tensor& x, const Tensor& y) {
    const auto p = torch::sigmoid(x).flatten(1);
    const auto t = y.flatten(1);
    const auto overlap = (p * t).sum(1);
    return 1 - ((2 * overlap + 1) / (p.sum(1) + t.sum(1) + 1)).mean();
}

/// smp's JaccardLoss and TverskyLoss, with a score of every sample.
Tensor iou(const Tensor& x, const Tensor& y) {
    const auto p = torch::sigmoid(x).flatten(1);
    const auto t = y.flatten(1);
    const auto overlap = (p * t).sum(1);
    return 1 - ((overlap + 1) / (p.sum(1) + t.sum(1) - overlap + 1)).mean();
}

Tensor tversky(const Tensor& x, const Tensor& y) {
    const auto p = torch::sigmoid(x).flatten(1);
    const auto t = y.flatten(1);
    const auto overlap = (p * t).sum(1);
    const auto wrong = (p * (1 - t)).sum(1), missed = ((1 - p) * t).sum(1);
    return 1 - ((overlap + 1) / (overlap + tversky_alpha * wrong + tversky_beta * missed + 1)).mean();
}

/// One score per sample over all classes (Sudre 2017), weights 1 / area^2. The data have every class, so that
/// no smoothing is needed: with it the loss is near 0 for any prediction, and the check would see nothing.
Tensor generalized_dice(const Tensor& x, const Tensor& labels) {
    const auto p = torch::softmax(x, 1).flatten(2);
    const auto one_hot = F::one_hot(labels, x.size(1)).permute({0, 3, 1, 2}).to(x.scalar_type()).flatten(2);
    const auto area = one_hot.sum(2);
    const auto weight = 1 / (area * area);
    const auto overlap = (weight * (p * one_hot).sum(2)).sum(1);
    const auto both = (weight * (p.sum(2) + area)).sum(1);
    return 1 - (2 * overlap / both).mean();
}

Tensor weighted_cross_entropy(const Tensor& x, const Tensor& labels) {
    auto weights = torch::empty({x.size(1)});
    for (std::int64_t c = 0; c < x.size(1); ++c)
        weights[c] = class_weight(c, x.size(1));
    return F::cross_entropy(x, labels, F::CrossEntropyFuncOptions().weight(weights));
}

/// nnU-Net's TopKLoss.
Tensor top_k_cross_entropy(const Tensor& x, const Tensor& labels) {
    const auto losses =
        F::cross_entropy(x, labels, F::CrossEntropyFuncOptions().reduction(torch::kNone)).flatten();
    const auto kept = static_cast<std::int64_t>(kept_fraction * static_cast<double>(losses.size(0)));
    return std::get<0>(losses.topk(kept, 0, true, false)).mean();
}

/// (1 - p_t)^2 cross entropy, reduction mean.
Tensor softmax_focal(const Tensor& x, const Tensor& labels) {
    const auto log_p_t = torch::log_softmax(x, 1).gather(1, labels.unsqueeze(1));
    return -(torch::pow(1 - log_p_t.exp(), 2) * log_p_t).mean();
}

Tensor softmax_dice(const Tensor& x, const Tensor& labels) {
    const auto p = torch::softmax(x, 1).flatten(2);
    const auto one_hot = F::one_hot(labels, x.size(1)).permute({0, 3, 1, 2}).to(x.scalar_type()).flatten(2);
    const auto overlap = (p * one_hot).sum(2);
    return 1 - ((2 * overlap + 1) / (p.sum(2) + one_hot.sum(2) + 1)).mean();
}

/// The Lovász losses are Berman's code (github.com/bermanmaxim/LovaszSoftmax, pytorch/lovasz_losses.py).
Tensor lovasz_grad(const Tensor& sorted) {
    const auto all = sorted.sum();
    const auto intersection = all - sorted.cumsum(0);
    const auto union_ = all + (1 - sorted).cumsum(0);
    auto jaccard = 1 - intersection / union_;
    const auto n = jaccard.size(0);
    if (n > 1)
        jaccard.slice(0, 1, n) = jaccard.slice(0, 1, n) - jaccard.slice(0, 0, n - 1);
    return jaccard;
}

/// Of errors and targets of one region; the target carries no gradient.
Tensor lovasz_flat(const Tensor& errors, const Tensor& target) {
    const auto [sorted, places] = torch::sort(errors, 0, true);
    return torch::dot(torch::relu(sorted), lovasz_grad(target.index_select(0, places)));
}

/// per_image = True.
Tensor lovasz_hinge(const Tensor& x, const Tensor& y) {
    std::vector<Tensor> losses;
    for (std::int64_t b = 0; b < x.size(0); ++b) {
        const auto target = y[b].flatten();
        losses.push_back(lovasz_flat(1 - x[b].flatten() * (2 * target - 1), target));
    }
    return torch::stack(losses).mean();
}

Tensor lovasz_sigmoid(const Tensor& x, const Tensor& y) {
    const auto target = y.flatten();
    return lovasz_flat((target - torch::sigmoid(x).flatten()).abs(), target);
}

/// lovasz_softmax_flat, classes = present: p [pixels, C], labels [pixels].
Tensor lovasz_softmax_flat(const Tensor& p, const Tensor& labels) {
    std::vector<Tensor> losses;
    for (std::int64_t c = 0; c < p.size(1); ++c) {
        const auto target = (labels == c).to(p.scalar_type());
        if (target.sum().item<double>() == 0)
            continue;
        losses.push_back(lovasz_flat((target - p.select(1, c)).abs(), target));
    }
    return torch::stack(losses).mean();
}

Tensor lovasz_softmax(const Tensor& x, const Tensor& labels, bool per_image) {
    const auto rows = torch::softmax(x, 1).permute({0, 2, 3, 1});
    if (!per_image)
        return lovasz_softmax_flat(rows.reshape({-1, x.size(1)}), labels.flatten());
    std::vector<Tensor> losses;
    for (std::int64_t b = 0; b < x.size(0); ++b)
        losses.push_back(lovasz_softmax_flat(rows[b].reshape({-1, x.size(1)}), labels[b].flatten()));
    return torch::stack(losses).mean();
}

/// Kervadec's BoundaryLoss.
Tensor boundary(const Tensor& x, const Tensor& distance) {
    const auto p = x.size(1) == 1 ? torch::sigmoid(x) : torch::softmax(x, 1);
    return (p * distance).mean();
}

/// |Sobel v|/4, at most 1.
Tensor edges(const Tensor& v) {
    const auto padded = F::pad(v, F::PadFuncOptions({1, 1, 1, 1}).mode(torch::kReplicate));
    const auto across = torch::tensor({{-1.0f, 0.0f, 1.0f}, {-2.0f, 0.0f, 2.0f}, {-1.0f, 0.0f, 1.0f}});
    const auto both = torch::stack({across, across.t()}).unsqueeze(1);
    const auto g = F::conv2d(padded, both);
    return g.square().sum(1, true).sqrt().div(4).clamp_max(1);
}

Tensor sobel_boundary(const Tensor& x, const Tensor& y) {
    return F::binary_cross_entropy(edges(torch::sigmoid(x)), (edges(y) > 0).to(x.scalar_type()));
}

/// soft_erode and soft_dilate of github.com/jocpae/clDice, of planes and of volumes.
Tensor soft_erode(const Tensor& v) {
    if (v.dim() == 4)
        return torch::min(-torch::max_pool2d(-v, {3, 1}, {1, 1}, {1, 0}),
                          -torch::max_pool2d(-v, {1, 3}, {1, 1}, {0, 1}));
    const auto along = [&](std::int64_t a, std::int64_t b, std::int64_t c) {
        return -torch::max_pool3d(-v, {a, b, c}, {1, 1, 1}, {a / 2, b / 2, c / 2});
    };
    return torch::min(torch::min(along(3, 1, 1), along(1, 3, 1)), along(1, 1, 3));
}

Tensor soft_open(const Tensor& v) {
    const auto eroded = soft_erode(v);
    return v.dim() == 4 ? torch::max_pool2d(eroded, {3, 3}, {1, 1}, {1, 1})
                        : torch::max_pool3d(eroded, {3, 3, 3}, {1, 1, 1}, {1, 1, 1});
}

Tensor soft_skeleton(Tensor v) {
    auto skeleton = torch::relu(v - soft_open(v));
    for (int i = 0; i < skeleton_iterations; ++i) {
        v = soft_erode(v);
        const auto delta = torch::relu(v - soft_open(v));
        skeleton = skeleton + torch::relu(delta - skeleton * delta);
    }
    return skeleton;
}

/// Their soft_cldice, with one score of the batch.
Tensor cl_dice(const Tensor& x, const Tensor& y, std::int64_t depth) {
    const auto shaped = [depth](const Tensor& v) {
        return depth == 1 ? v : v.view({v.size(0), v.size(1), depth, v.size(2) / depth, v.size(3)});
    };
    const auto p = shaped(torch::sigmoid(x)), t = shaped(y);
    const auto of_p = soft_skeleton(p), of_t = soft_skeleton(t);
    const auto precision = ((of_p * t).sum() + 1) / (of_p.sum() + 1);
    const auto sensitivity = ((of_t * p).sum() + 1) / (of_t.sum() + 1);
    return 1 - 2 * (precision * sensitivity) / (precision + sensitivity);
}

/// IoU of every thresholded mask.
Tensor hard_iou(const Tensor& x, const Tensor& y) {
    const torch::NoGradGuard constant;
    const auto mask = (x > 0).to(x.scalar_type()).flatten(2), target = y.flatten(2);
    const auto overlap = (mask * target).sum(2);
    return overlap / torch::clamp_min(mask.sum(2) + target.sum(2) - overlap, 1.0);
}

/// Every mask by itself: 20 focal + Dice + the squared error of its predicted IoU.
Tensor sam(const Tensor& x, const Tensor& y) {
    const auto predicted = torch::full({x.size(0), x.size(1)}, predicted_iou).requires_grad_(true);
    return 20 * focal(x, y, 2.0) + dice(x, y) + F::mse_loss(predicted, hard_iou(x, y));
}

/// MultiStepMultiMasksAndIous (github.com/facebookresearch/sam2, training/loss_fns.py), one step.
Tensor sam2(const Tensor& x, const Tensor& labels) {
    const auto y = labels.to(x.scalar_type()).unsqueeze(1).expand_as(x);
    const auto objects = static_cast<double>(x.size(0));
    const auto predicted = torch::full({x.size(0), x.size(1)}, predicted_iou).requires_grad_(true);
    const auto focals = focal_of_pixels(x, y, 2.0).flatten(2).mean(-1) / objects;
    const auto p = torch::sigmoid(x).flatten(2), t = y.flatten(2);
    const auto dices = (1 - (2 * (p * t).sum(-1) + 1) / (p.sum(-1) + t.sum(-1) + 1)) / objects;
    const auto ious =
        F::mse_loss(predicted, hard_iou(x, y), F::MSELossFuncOptions().reduction(torch::kNone)) / objects;
    const auto best = torch::argmin(20 * focals + dices, -1, true);
    return 20 * focals.gather(1, best).sum() + dices.gather(1, best).sum() + ious.gather(1, best).sum();
}

Tensor evaluate(formula loss, const Tensor& x, const Tensor& y, const Tensor& distance, std::int64_t depth) {
    switch (loss) {
    case formula::bce:
        return bce(x, y);
    case formula::focal_2:
        return focal(x, y, 2.0);
    case formula::focal_1_5:
        return focal(x, y, 1.5);
    case formula::dice:
        return dice(x, y);
    case formula::iou:
        return iou(x, y);
    case formula::tversky:
        return tversky(x, y);
    case formula::bce_dice:
        return bce(x, y) + dice(x, y);
    case formula::focal_20_dice:
        return 20 * focal(x, y, 2.0) + dice(x, y);
    case formula::cross_entropy:
        return F::cross_entropy(x, y);
    case formula::cross_entropy_ignoring:
        return F::cross_entropy(x, y, F::CrossEntropyFuncOptions().ignore_index(ignored_class));
    case formula::cross_entropy_weighted:
        return weighted_cross_entropy(x, y);
    case formula::cross_entropy_smoothed:
        return F::cross_entropy(x, y, F::CrossEntropyFuncOptions().label_smoothing(smoothing));
    case formula::cross_entropy_top_k:
        return top_k_cross_entropy(x, y);
    case formula::softmax_focal_2:
        return softmax_focal(x, y);
    case formula::softmax_dice:
        return softmax_dice(x, y);
    case formula::generalized_dice:
        return generalized_dice(x, y);
    case formula::cross_entropy_dice:
        return F::cross_entropy(x, y) + softmax_dice(x, y);
    case formula::cross_entropy_generalized_dice:
        return F::cross_entropy(x, y) + generalized_dice(x, y);
    case formula::lovasz_hinge:
        return lovasz_hinge(x, y);
    case formula::lovasz_sigmoid:
        return lovasz_sigmoid(x, y);
    case formula::lovasz_softmax:
        return lovasz_softmax(x, y, false);
    case formula::lovasz_softmax_per_image:
        return lovasz_softmax(x, y, true);
    case formula::cross_entropy_lovasz:
        return F::cross_entropy(x, y) + lovasz_weight * lovasz_softmax(x, y, false);
    case formula::boundary:
        return boundary(x, distance);
    case formula::sobel_boundary:
        return sobel_boundary(x, y);
    case formula::cl_dice:
        return cl_dice(x, y, depth);
    case formula::sam:
        return sam(x, y);
    case formula::sam2:
        return sam2(x, y);
    }
    throw std::logic_error("no such formula");
}

/// Of pairs of boxes.
struct overlaps {
    Tensor both, all;     // intersection and union
    Tensor width, height; // of the enclosing box
};

/// As torchvision's _loss_inter_union has them.
overlaps overlap_of(const Tensor& a, const Tensor& b) {
    const auto at = [](const Tensor& boxes, int i) { return boxes.select(1, i); };
    const auto x1 = torch::max(at(a, 0), at(b, 0)), y1 = torch::max(at(a, 1), at(b, 1));
    const auto x2 = torch::min(at(a, 2), at(b, 2)), y2 = torch::min(at(a, 3), at(b, 3));
    auto both = torch::zeros_like(x1);
    const auto meet = (y2 > y1).logical_and(x2 > x1);
    both.index_put_({meet}, (x2.index({meet}) - x1.index({meet})) * (y2.index({meet}) - y1.index({meet})));
    const auto area = [&](const Tensor& v) { return (at(v, 2) - at(v, 0)) * (at(v, 3) - at(v, 1)); };
    return {both, area(a) + area(b) - both, torch::max(at(a, 2), at(b, 2)) - torch::min(at(a, 0), at(b, 0)),
            torch::max(at(a, 3), at(b, 3)) - torch::min(at(a, 1), at(b, 1))};
}

/// torchvision.ops.generalized_box_iou_loss.
Tensor giou(const Tensor& a, const Tensor& b) {
    constexpr double eps = 1e-7;
    const auto o = overlap_of(a, b);
    const auto around = o.width * o.height;
    return 1 - (o.both / (o.all + eps) - (around - o.all) / (around + eps));
}

/// torchvision.ops.complete_box_iou_loss, with the aspect ratio by atan2.
Tensor ciou(const Tensor& a, const Tensor& b) {
    constexpr double eps = 1e-7, pi = 3.14159265358979323846;
    const auto at = [](const Tensor& boxes, int i) { return boxes.select(1, i); };
    const auto o = overlap_of(a, b);
    const auto iou = o.both / (o.all + eps);
    const auto diagonal = o.width.square() + o.height.square() + eps;
    const auto apart = ((at(a, 0) + at(a, 2) - at(b, 0) - at(b, 2)) / 2).square() +
                       ((at(a, 1) + at(a, 3) - at(b, 1) - at(b, 3)) / 2).square();
    const auto angle = [&](const Tensor& v) {
        return torch::atan2(at(v, 2) - at(v, 0), at(v, 3) - at(v, 1));
    };
    const auto v = 4 / (pi * pi) * (angle(b) - angle(a)).square();
    Tensor alpha;
    {
        const torch::NoGradGuard constant;
        alpha = v / (1 - iou + v + eps);
    }
    return 1 - iou + apart / diagonal + alpha * v;
}

/// FCOSHead.compute_loss, from boxes that are decoded.
Tensor fcos(const Tensor& scores, const Tensor& boxes, const Tensor& centerness, const Tensor& one_hot,
            const Tensor& labels, const Tensor& true_boxes, const Tensor& true_centerness) {
    const auto foreground = labels >= 0;
    const auto n = std::max<double>(1, foreground.sum().item<double>());
    const auto sum = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kSum);
    const auto elements = static_cast<double>(scores.numel());
    return focal(scores, one_hot, 2.0) * (elements / n) +
           giou(boxes.index({foreground}), true_boxes.index({foreground})).sum() / n +
           F::binary_cross_entropy_with_logits(centerness.index({foreground}),
                                               true_centerness.index({foreground}), sum) /
               n;
}

/// fastrcnn_loss, and maskrcnn_loss on the masks of the positive rois.
Tensor mask_rcnn(const Tensor& scores, const Tensor& boxes, const Tensor& masks, const Tensor& labels,
                 const Tensor& true_boxes, const Tensor& true_masks) {
    const auto rois = scores.size(0);
    const auto positive = torch::nonzero(labels > 0).squeeze(1);
    const auto of = labels.index_select(0, positive);
    const auto box = F::smooth_l1_loss(boxes.view({rois, -1, 4}).index({positive, of}),
                                       true_boxes.index_select(0, positive),
                                       F::SmoothL1LossFuncOptions().reduction(torch::kSum), 1.0 / 9.0);
    return F::cross_entropy(scores, labels) + box / static_cast<double>(rois) +
           F::binary_cross_entropy_with_logits(masks.index({positive, of}),
                                               true_masks.index_select(0, positive));
}

class detection_torch final : public contender {
public:
    explicit detection_torch(const detection_problem& at) : loss_(at.loss) {
        at::set_num_threads(1);
        const auto rows = at.rows, classes = at.classes, side = at.side;
        scores_ = leaf(at.scores, {rows, classes}, at.score_elements());
        boxes_ = leaf(at.boxes, {rows, at.box_elements() / rows}, at.box_elements());
        centerness_ = leaf(at.centerness, {rows}, at.centerness_elements());
        masks_ = leaf(at.masks, {rows, classes, side, side}, at.mask_elements());
        one_hot_ = constant(at.one_hot, {rows, classes});
        true_boxes_ = constant(at.true_boxes, {rows, 4});
        true_centerness_ = constant(at.true_centerness, {rows});
        true_masks_ = constant(at.true_masks, {rows, side, side});
        labels_ = torch::from_blob(const_cast<std::int64_t*>(at.labels), {rows}, torch::kLong);
    }

    double step() override {
        for (auto& one : leaves_)
            one.mutable_grad() = Tensor();
        const auto loss = evaluate();
        loss.backward();
        return loss.item<double>();
    }
    [[nodiscard]] const float* gradient() const override {
        std::vector<Tensor> all;
        for (const auto& one : leaves_)
            all.push_back(one.grad().flatten());
        gradient_ = torch::cat(all).contiguous();
        return gradient_.data_ptr<float>();
    }

private:
    // from_blob takes no const pointer; no tensor is written to.
    static Tensor constant(const float* first, at::IntArrayRef shape) {
        return first ? torch::from_blob(const_cast<float*>(first), shape, torch::kFloat) : Tensor();
    }
    Tensor leaf(const float* first, at::IntArrayRef shape, std::int64_t elements) {
        if (elements == 0)
            return {};
        const auto one = constant(first, shape).requires_grad_(true);
        leaves_.push_back(one);
        return one;
    }

    Tensor evaluate() const {
        switch (loss_) {
        case detection_formula::smooth_l1:
            return F::smooth_l1_loss(boxes_, true_boxes_);
        case detection_formula::giou:
            return giou(boxes_, true_boxes_).mean();
        case detection_formula::ciou:
            return ciou(boxes_, true_boxes_).mean();
        case detection_formula::fcos:
            return fcos(scores_, boxes_, centerness_, one_hot_, labels_, true_boxes_, true_centerness_);
        case detection_formula::mask_rcnn:
            return mask_rcnn(scores_, boxes_, masks_, labels_, true_boxes_, true_masks_);
        }
        throw std::logic_error("no such formula");
    }

    detection_formula loss_;
    std::vector<Tensor> leaves_; // in the order of their gradients
    Tensor scores_, boxes_, centerness_, masks_, one_hot_, true_boxes_, true_centerness_, true_masks_,
        labels_;
    mutable Tensor gradient_;
};

torch::ScalarType stored_type(target_kind kind) {
    if (kind == target_kind::float32)
        return torch::kFloat;
    return kind == target_kind::uint8 ? torch::kByte : torch::kLong;
}

class torch_contender final : public contender {
public:
    torch_contender(formula loss, const problem& at) : loss_(loss) {
        at::set_num_threads(1);
        const auto shape = at.classes == 1 ? std::vector<std::int64_t>{at.batch, 1, at.height, at.width}
                                           : std::vector<std::int64_t>{at.batch, at.height, at.width};
        // from_blob takes no const pointer; neither tensor is written to.
        logits_ = torch::from_blob(const_cast<float*>(at.logits), {at.batch, at.classes, at.height, at.width},
                                   torch::kFloat);
        if (at.channels_last)
            logits_ = logits_.contiguous(torch::MemoryFormat::ChannelsLast);
        logits_.requires_grad_(true);
        target_ = torch::from_blob(const_cast<void*>(at.target), shape, stored_type(at.kind));
        wanted_ = at.classes == 1 ? torch::kFloat : torch::kLong;
        depth_ = at.depth;
        if (at.distance)
            distance_ = torch::from_blob(const_cast<float*>(at.distance), logits_.sizes(), torch::kFloat);
    }

    double step() override {
        logits_.mutable_grad() = Tensor();
        // Copies only where torch's losses do not take the stored type: a user would have to do the same.
        // Where the map is kept, the target is not looked at.
        const auto target = distance_.defined() ? target_ : target_.to(wanted_);
        const auto loss = evaluate(loss_, logits_, target, distance_, depth_);
        loss.backward();
        return loss.item<double>();
    }
    bool use_threads(std::size_t n) override {
        at::set_num_threads(static_cast<int>(n));
        return true;
    }
    [[nodiscard]] const float* gradient() const override {
        planes_ = logits_.grad().contiguous();
        return planes_.data_ptr<float>();
    }

private:
    formula loss_;
    std::int64_t depth_ = 1;
    Tensor logits_, target_, distance_;
    mutable Tensor planes_;
    torch::ScalarType wanted_ = torch::kFloat;
};

} // namespace

const char* torch_version() {
    // Which of its vector kernels it chose on this machine is part of what is compared with.
    static const std::string text = [] {
        const std::string config = at::show_config(), key = "CPU capability usage: ";
        const auto begin = config.find(key);
        if (begin == std::string::npos)
            return std::string(TORCH_VERSION);
        const auto from = begin + key.size();
        return TORCH_VERSION + (" (" + config.substr(from, config.find('\n', from) - from) + ")");
    }();
    return text.c_str();
}

std::unique_ptr<contender> make_torch(formula loss, const problem& at) {
    return std::make_unique<torch_contender>(loss, at);
}

std::unique_ptr<contender> make_torch(const detection_problem& at) {
    return std::make_unique<detection_torch>(at);
}

} // namespace bench
