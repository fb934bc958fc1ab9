"""The SAM losses in float64 PyTorch with autograd: the document's code (sam_document.py) where it has the case,
tensor formulas elsewhere, and SAM 2's training loss of one prediction step, written from its description.

Every function takes and returns a dictionary of tensors.
"""

import torch
import torch.nn.functional as F
from torchvision.ops import sigmoid_focal_loss

import sam_document

DIFFERENCE = {"mse": F.mse_loss, "l1": F.l1_loss, "smooth_l1": F.smooth_l1_loss}


def mean(values, weights):
    """Over the last axis; nothing weighs anything: 0."""
    size = weights.sum(-1)
    return (values * weights).sum(-1) / torch.where(size > 0, size, torch.ones_like(size))


def overlap(p, y, m):
    tp = (p * y * m).sum(-1)
    return tp, (p * m).sum(-1), (y * m).sum(-1)


def dice_of(x, y, m, smooth):
    tp, size, target = overlap(torch.sigmoid(x), y, m)
    return torch.where(m.sum(-1) > 0, 1 - (2 * tp + smooth) / (size + target + smooth), torch.zeros_like(tp))


def actual_iou(x, y, m, target, epsilon):
    if target == "hard":
        tp, size, area = overlap((x > 0).double(), y, m)
        union = size + area - tp
        return tp / torch.where(union > 0, union + epsilon, torch.ones_like(union))
    tp, size, area = overlap(torch.sigmoid(x), y, m)
    iou = tp / (size + area - tp + 1e-8)
    return iou.detach() if target == "soft_detached" else iou


def iou_losses(call, x, y, m, iou_loss, iou_target, epsilon):
    found = DIFFERENCE[iou_loss](call["iou"], actual_iou(x, y, m, iou_target, epsilon), reduction="none")
    return torch.where(m.sum(-1) > 0, found, torch.zeros_like(found))


def flat(call):
    """Logits, targets and weights, [B, N, pixels] each."""
    x = call["masks"].flatten(2)
    return x, call["target"].reshape(x.shape), call["weights"].reshape(x.shape)


def sam(call, epsilon, focal_weight=20, dice_weight=1, iou_weight=1, alpha=0.25, gamma=2, smooth=1, over="sample",
        iou_loss="mse", iou_target="hard"):
    x, y, m = flat(call)
    focal = (m * sigmoid_focal_loss(x, y, alpha, gamma)).sum() / max(m.sum(), 1e-300)
    if over == "batch":
        dice = dice_of(x.flatten(), y.flatten(), m.flatten(), smooth)
    else:
        dice = dice_of(x, y, m, smooth).mean()
    iou = iou_losses(call, x, y, m, iou_loss, iou_target, epsilon).mean()
    mask = focal_weight * focal + dice_weight * dice
    return {"value": mask + iou_weight * iou, "mask": mask, "focal": focal, "dice": dice, "iou": iou}


def of_document(call):
    """Masks as images, which is how the document sums."""
    x, y, _ = flat(call)
    return x[:, :, None], y[:, :, None]


def document_full(call):
    x, y = of_document(call)
    r = sam_document.SAMFullLoss()(x, call["iou"], y)
    return {"value": r["loss"], "mask": r["mask_loss"], "focal": r["focal_loss"], "dice": r["dice_loss"],
            "iou": r["iou_loss"]}


def document_parts(call, loss_type="mse"):
    x, y = of_document(call)
    r = sam_document.SAMSegmentationLoss()(x, y)
    iou = sam_document.IoUPredictionLoss(loss_type)(call["iou"], x, y)
    return {"value": r["loss"] + iou, "mask": r["loss"], "focal": r["focal_loss"], "dice": r["dice_loss"], "iou": iou}


def document_relevance(call):
    x, y = of_document(call)
    r = sam_document.SpatialRelevanceLoss()(x, call["iou"], y, call["alignment"], call["alignment_target"])
    return {"value": r["loss"], "mask": r["mask_loss"], "iou": r["iou_loss"], "alignment": r["alignment_loss"]}


def document_granularity(levels, weights):
    pairs = [of_document(level) for level in levels]
    return sam_document.multi_granularity_loss([x for x, _ in pairs], [y for _, y in pairs], weights)


def sam2(call, epsilon, focal_weight=20, dice_weight=1, iou_weight=1, score_weight=0, alpha=0.25, gamma=2,
         supervise_all_iou=False, iou_loss="mse", object_scores=False, score_alpha=-1, score_gamma=0,
         num_objects=None):
    """One prediction step on one frame. Of the M candidates of an object the one of least weighted focal + Dice is
    trained; argmin takes the first of equal ones."""
    x, y, m = flat(call)
    focal = mean(sigmoid_focal_loss(x, y, alpha, gamma), m)
    dice = dice_of(x, y, m, 1)
    iou = iou_losses(call, x, y, m, iou_loss, "hard", epsilon)
    chosen = (focal_weight * focal + dice_weight * dice).argmin(1, keepdim=True)
    present = ((y > 0) & (m > 0)).flatten(1).any(1).double()
    counted = present if object_scores else torch.ones_like(present)
    objects = max(len(x), 1) if num_objects is None else num_objects

    def summed(losses):
        return (losses * counted).sum() / objects

    def of_chosen(losses):
        return losses.gather(1, chosen)[:, 0]

    r = {"focal": summed(of_chosen(focal)), "dice": summed(of_chosen(dice)),
         "iou": summed(iou.mean(1) if supervise_all_iou else of_chosen(iou)),
         "score": torch.zeros((), dtype=torch.float64)}
    if object_scores:
        scores = sigmoid_focal_loss(call["scores"], present, score_alpha, score_gamma)
        r["score"] = (scores * (m > 0).flatten(1).any(1)).sum() / objects
    weights = {"focal": focal_weight, "dice": dice_weight, "iou": iou_weight, "score": score_weight}
    r["value"] = sum(weights[name] * r[name] for name in weights)
    r["chosen"] = chosen[:, 0]
    return r
