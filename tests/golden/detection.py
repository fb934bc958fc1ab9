"""Whole losses of detectors: the functions of torchvision itself, in float64 with autograd.

Every tensor is a file of its own, detection/<loss>.<tensor>.npy: what the network gives, what it is compared
with, the values (their sum first, then one after the other) and the gradients. torchvision makes some targets
by itself; it is given what makes it come to those that are stored.
"""

import types

import numpy as np
import torch
from torchvision.models.detection import _utils, fcos, roi_heads

from inputs import Source


def leaf(numbers):
    return torch.tensor(numbers, requires_grad=True)


def backward(values, leaves):
    """The sum and the values, and the gradients of the sum."""
    total = sum(values)
    total.backward()
    grads = {f"grad_{name}": x.grad.numpy() for name, x in leaves.items()}
    return {"values": np.array([total.item()] + [v.item() for v in values]), **grads}


def mask_rcnn(labels, name):
    """fastrcnn_loss and maskrcnn_loss. The latter resamples masks inside their boxes: here to what they are."""
    rois, classes, side = len(labels), 4, 6
    s = Source(name)
    x = {"scores": s.logits((rois, classes)), "boxes": s.reals((rois, 4 * classes), -1, 1),
         "masks": s.logits((rois, classes, side, side))}
    y = {"labels": np.array(labels), "true_boxes": s.reals((rois, 4), -0.5, 0.5),
         "true_masks": s.mask((rois, side, side))}
    leaves = {k: leaf(v) for k, v in x.items()}
    chosen = torch.tensor(y["labels"])
    of_classes, of_boxes = roi_heads.fastrcnn_loss(leaves["scores"], leaves["boxes"], [chosen],
                                                   [torch.tensor(y["true_boxes"])])
    positive = torch.where(chosen > 0)[0]
    whole = torch.tensor([[-0.5, -0.5, side - 0.5, side - 0.5]], dtype=torch.float64).repeat(len(positive), 1)
    true_masks = torch.tensor(y["true_masks"], dtype=torch.float64)
    if len(positive):
        resampled = roi_heads.project_masks_on_boxes(true_masks, whole, positive, side)
        assert torch.equal(resampled, true_masks[positive])
    of_masks = roi_heads.maskrcnn_loss(leaves["masks"][positive], [whole], [true_masks], [chosen], [positive])
    return {**x, **y, **backward([of_classes, of_boxes, of_masks], leaves)}


class Decoded(_utils.BoxLinearCoder):
    """Boxes come decoded already."""

    def decode(self, boxes, _):
        return boxes


def fcos_head(matches, name):
    """FCOSHead.compute_loss on one image with three objects, matched by these locations (-1: background)."""
    locations, classes = len(matches), 5
    s = Source(name)
    centres = s.reals((locations, 2), 30, 50)
    objects = np.concatenate([s.reals((3, 2), 5, 29), s.reals((3, 2), 51, 90)], 1)
    noise = np.where(s.uniform((locations, 1)) < 0.2, 60, 4)  # some boxes are far away
    boxes = objects[np.maximum(matches, 0)] + noise * s.reals((locations, 4), -1, 1)
    x = {"logits": s.logits((locations, classes)), "boxes": boxes.astype(np.float32).astype(np.float64),
         "centerness": s.logits((locations,))}
    labels = np.array([3, 0, 4])
    anchors = torch.tensor(np.concatenate([centres - 4, centres + 4], 1))
    matched = torch.tensor(matches)
    leaves = {k: leaf(v) for k, v in x.items()}
    head = types.SimpleNamespace(box_coder=Decoded(normalize_by_size=True))
    losses = fcos.FCOSHead.compute_loss(
        head, [{"labels": torch.tensor(labels), "boxes": torch.tensor(objects)}],
        {"cls_logits": leaves["logits"][None], "bbox_regression": leaves["boxes"][None],
         "bbox_ctrness": leaves["centerness"][None, :, None]}, [anchors], [matched])
    true_boxes = objects[np.maximum(matches, 0)]
    l, t, r, b = np.concatenate([centres - true_boxes[:, :2], true_boxes[:, 2:] - centres], 1).T
    centerness = np.sqrt(np.minimum(l, r) / np.maximum(l, r) * (np.minimum(t, b) / np.maximum(t, b)))
    y = {"labels": np.where(np.array(matches) < 0, -1, labels[matches]), "true_boxes": true_boxes,
         "true_centerness": centerness}
    return {**x, **y, **backward([losses["classification"], losses["bbox_regression"],
                                  losses["bbox_ctrness"]], leaves)}


def write(out):
    folder = out / "detection"
    folder.mkdir(parents=True, exist_ok=True)
    cases = {"mask_rcnn": mask_rcnn([2, 0, 3, 1, 0, 2, 3], "mask_rcnn"),
             "mask_rcnn_background": mask_rcnn([0, 0, 0], "mask_rcnn_background"),
             "fcos": fcos_head([-1, 0, 2, -1, -1, 1, 1, 0, -1, 2, -1], "fcos"),
             "fcos_background": fcos_head([-1, -1, -1], "fcos_background")}
    for name, tensors in cases.items():
        for part, numbers in tensors.items():
            assert np.all(np.isfinite(numbers)), (name, part)
            np.save(folder / f"{name}.{part}.npy", numbers)
