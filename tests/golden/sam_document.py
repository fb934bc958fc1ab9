"""The losses of the document "Loss Functions for Segmentation Training" that concern SAM, as they stand there;
comments are left out. sam.py runs them in float64 with autograd.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


def dice_loss(
    pred: torch.Tensor,
    target: torch.Tensor,
    smooth: float = 1.0
) -> torch.Tensor:
    pred_probs = torch.sigmoid(pred)

    pred_flat = pred_probs.view(-1)
    target_flat = target.view(-1)

    intersection = (pred_flat * target_flat).sum()
    union = pred_flat.sum() + target_flat.sum()

    dice = (2.0 * intersection + smooth) / (union + smooth)

    return 1.0 - dice


def sigmoid_focal_loss(
    pred: torch.Tensor,
    target: torch.Tensor,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = 'mean'
) -> torch.Tensor:
    p = torch.sigmoid(pred)
    ce_loss = F.binary_cross_entropy_with_logits(pred, target, reduction='none')
    p_t = p * target + (1 - p) * (1 - target)
    loss = ce_loss * ((1 - p_t) ** gamma)

    if alpha >= 0:
        alpha_t = alpha * target + (1 - alpha) * (1 - target)
        loss = alpha_t * loss

    if reduction == 'mean':
        return loss.mean()
    elif reduction == 'sum':
        return loss.sum()
    return loss


class SAMSegmentationLoss(nn.Module):
    def __init__(
        self,
        focal_weight: float = 20.0,
        dice_weight: float = 1.0,
        focal_alpha: float = 0.25,
        focal_gamma: float = 2.0
    ):
        super().__init__()
        self.focal_weight = focal_weight
        self.dice_weight = dice_weight
        self.focal_alpha = focal_alpha
        self.focal_gamma = focal_gamma

    def forward(
        self,
        pred: torch.Tensor,
        target: torch.Tensor
    ) -> dict:
        focal = sigmoid_focal_loss(
            pred, target,
            alpha=self.focal_alpha,
            gamma=self.focal_gamma
        )

        dice = dice_loss(pred, target)

        total = self.focal_weight * focal + self.dice_weight * dice

        return {
            'loss': total,
            'focal_loss': focal,
            'dice_loss': dice
        }


class SAMFullLoss(nn.Module):
    def __init__(
        self,
        focal_weight: float = 20.0,
        dice_weight: float = 1.0,
        iou_weight: float = 1.0
    ):
        super().__init__()
        self.mask_loss = SAMSegmentationLoss(focal_weight, dice_weight)
        self.iou_weight = iou_weight

    def forward(
        self,
        pred_masks: torch.Tensor,
        pred_iou: torch.Tensor,
        target_masks: torch.Tensor
    ) -> dict:
        mask_dict = self.mask_loss(pred_masks, target_masks)

        pred_probs = torch.sigmoid(pred_masks)
        intersection = (pred_probs * target_masks).sum(dim=(-2, -1))
        union = pred_probs.sum(dim=(-2, -1)) + target_masks.sum(dim=(-2, -1)) - intersection
        actual_iou = intersection / (union + 1e-8)

        iou_loss = F.mse_loss(pred_iou, actual_iou)

        total = mask_dict['loss'] + self.iou_weight * iou_loss

        return {
            'loss': total,
            'mask_loss': mask_dict['loss'],
            'focal_loss': mask_dict['focal_loss'],
            'dice_loss': mask_dict['dice_loss'],
            'iou_loss': iou_loss
        }


class IoUPredictionLoss(nn.Module):
    def __init__(self, loss_type: str = 'mse'):
        super().__init__()
        self.loss_type = loss_type

    def forward(
        self,
        pred_iou: torch.Tensor,
        pred_masks: torch.Tensor,
        target_masks: torch.Tensor
    ) -> torch.Tensor:
        with torch.no_grad():
            pred_probs = torch.sigmoid(pred_masks)

            pred_binary = (pred_probs > 0.5).float()

            intersection = (pred_binary * target_masks).sum(dim=(-2, -1))
            union = pred_binary.sum(dim=(-2, -1)) + target_masks.sum(dim=(-2, -1)) - intersection
            actual_iou = intersection / (union + 1e-8)

        if self.loss_type == 'mse':
            return F.mse_loss(pred_iou, actual_iou)
        elif self.loss_type == 'l1':
            return F.l1_loss(pred_iou, actual_iou)
        elif self.loss_type == 'smooth_l1':
            return F.smooth_l1_loss(pred_iou, actual_iou)
        else:
            raise ValueError(f"Unknown loss type: {self.loss_type}")


def compute_mask_stability_score(
    mask_logits: torch.Tensor,
    threshold_offset: float = 1.0
) -> torch.Tensor:
    mask_high = (mask_logits > threshold_offset).float()
    mask_low = (mask_logits > -threshold_offset).float()

    intersection = (mask_high * mask_low).sum(dim=(-2, -1))
    union = mask_high.sum(dim=(-2, -1)) + mask_low.sum(dim=(-2, -1)) - intersection

    stability = intersection / (union + 1e-8)

    return stability.squeeze()


class SpatialRelevanceLoss(nn.Module):
    def __init__(self):
        super().__init__()
        self.mask_loss = SAMSegmentationLoss(focal_weight=20.0, dice_weight=1.0)
        self.iou_loss = IoUPredictionLoss()
        self.alignment_weight = 1.0

    def forward(
        self,
        pred_masks: torch.Tensor,
        pred_iou: torch.Tensor,
        target_masks: torch.Tensor,
        text_region_alignment: torch.Tensor,
        text_region_target: torch.Tensor
    ) -> dict:
        mask_dict = self.mask_loss(pred_masks, target_masks)

        iou = self.iou_loss(pred_iou, pred_masks, target_masks)

        alignment = F.binary_cross_entropy_with_logits(
            text_region_alignment, text_region_target
        )

        total = mask_dict['loss'] + iou + self.alignment_weight * alignment

        return {
            'loss': total,
            'mask_loss': mask_dict['loss'],
            'iou_loss': iou,
            'alignment_loss': alignment
        }


def multi_granularity_loss(
    pred_masks: list,
    target_masks: list,
    granularity_weights: list = [1.0, 1.0, 1.0]
) -> torch.Tensor:
    total = 0
    for pred, target, weight in zip(pred_masks, target_masks, granularity_weights):
        mask_loss = SAMSegmentationLoss()(pred, target)['loss']
        total += weight * mask_loss

    return total / len(pred_masks)
