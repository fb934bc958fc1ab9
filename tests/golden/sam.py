"""The losses of SAM and SAM 2: inputs, cases and files. Called by make_golden.py; tests/sam/golden.cpp reads them.

As everywhere here a case is computed twice, in 120 digits (sam_exact.py; stored) and by PyTorch with autograd
(sam_eager.py: the document's code where it has the case), and both must agree.

data/sam/inputs/<input>.<tensor>.npy    what a network gives and what it is compared with
data/sam/<case>.value.npy               rows of three as in README.md: facts, then the value and its components, each
                                        with its scale; the third number means nothing
data/sam/<case>.<tensor>.npy            [2, ...]: gradient by that tensor, and the scale of every entry
data/sam/<case>.chosen.npy              which candidate every object was trained with
"""

import numpy as np
import torch

import sam_document
import sam_eager
import sam_exact
from inputs import Source
from tape import differentiate

MODERATE, AGREEMENT = 10, 1e-10  # as in make_golden.py
DOCUMENT_EPSILON = 1e-8  # of the document's hard IoU; the catalogue has none
LEAVES = ("masks", "iou", "scores", "alignment")

INPUTS = {}


def add(name, masks, target, weights=None, **others):
    call = {"masks": np.asarray(masks, np.float32).astype(float), "target": target, **others}
    if weights is not None:
        call["weights"] = weights
    INPUTS[name] = call


def masks_of(name, shape, target_shape=None):
    s = Source("sam " + name)
    target = s.mask(target_shape or shape)
    lean = target if target_shape is None else target[:, None]
    return s, s.logits(shape) + (3.0 * lean - 1.5), target


def segment_anything():
    """Masks [B, N, ...] with a target each."""
    for name, shape in (("line", (3, 2, 13)), ("plane", (2, 3, 4, 5)), ("volume", (1, 2, 2, 3, 4)),
                        ("alone", (3, 1, 5, 4))):
        s, x, y = masks_of(name, shape)
        add(name, x, y, iou=s.reals(shape[:2], -0.25, 1.25))
    s, x, y = masks_of("weighted", (2, 3, 4, 5))
    add("weighted", x, y, s.weights(y.shape), iou=s.reals((2, 3), 0, 1))
    s, x, y = masks_of("soft", (2, 2, 4, 5))
    add("soft", x, s.soft(y.shape), iou=s.reals((2, 2), 0, 1))
    s, x, y = masks_of("ignored", (2, 3, 4, 5))
    y[s.mask(y.shape, 0.25) == 1] = 255
    y[1, 1] = 255  # nothing of this mask counts
    add("ignored", x, y, iou=s.reals((2, 3), 0, 1))
    s, x, y = masks_of("empty", (1, 4, 9))  # no true pixel; nor a predicted one; all true; logits of exactly 0
    y[0, :2], y[0, 2] = 0, 1
    x[0, 1] = -abs(x[0, 1])
    x[0, 3, ::2] = 0
    add("empty", x, y, iou=s.reals((1, 4), 0, 1))
    x = np.array([-100, -88, -40, -20, -16, -2, -1e-3, 0, 1e-3, 2, 16, 20, 40, 88, 100], np.float32).astype(float)
    y = np.stack([np.arange(15) % 2, (np.arange(15) + 1) % 2]).astype(np.uint8)[None]
    add("extreme", np.stack([x, x])[None], y, iou=np.array([[-50.0, 3.0]]))
    s, x, y = masks_of("relevance", (2, 2, 4, 5))
    add("relevance", x, y, iou=s.reals((2, 2), 0, 1), alignment=s.logits((2, 5)),
        alignment_target=s.soft((2, 5)))
    for i, shape in enumerate(((2, 1, 8, 6), (2, 1, 4, 3), (2, 2, 2, 3))):
        _, x, y = masks_of(f"level_{i}", shape)
        add(f"level_{i}", x, y)


def segment_anything_2():
    """Candidates [N, M, ...] for one target of an object."""
    for name, shape in (("objects", (5, 3, 4, 5)), ("one_candidate", (4, 1, 4, 5)), ("objects_line", (4, 2, 11)),
                        ("objects_volume", (2, 3, 2, 3, 4))):
        s, x, y = masks_of(name, shape, shape[:1] + shape[2:])
        y[1] = 0  # an absent object
        add(name, x, y, iou=s.reals(shape[:2], -0.25, 1.25), scores=s.logits(shape[:1]))
    s, x, y = masks_of("objects_ignored", (4, 3, 4, 5), (4, 4, 5))
    y[s.mask(y.shape, 0.25) == 1] = 255
    y[2] = 255
    y[3, y[3] == 1] = 0
    add("objects_ignored", x, y, iou=s.reals((4, 3), 0, 1), scores=s.logits((4,)))
    x = np.array([-100, -88, -40, -20, -16, -2, -1e-3, 0, 1e-3, 2, 16, 20, 40, 88, 100], np.float32).astype(float)
    y = np.stack([np.arange(15) > 9, 0 * np.arange(15)]).astype(np.uint8)
    add("objects_extreme", np.stack([np.stack([x, 0.5 * x, -x]), np.stack([x, -x, -0.25 * x])]), y,
        iou=np.array([[0.5, -3, 2], [100, 0, -1]]), scores=np.array([-100.0, 88.0]))
    # Two frames of a video, of each one prediction of three masks and a corrected one.
    for frame in range(2):
        for step, candidates in enumerate((3, 1)):
            s, x, y = masks_of(f"frame_{frame}", (3, candidates, 4, 4), (3, 4, 4))
            if frame == 1:
                y[0] = 0  # leaves the picture
            s = Source(f"sam step {frame} {step}")
            add(f"frame_{frame}_{step}", x + s.reals(x.shape, -2, 2), y, iou=s.reals(x.shape[:2], 0, 1),
                scores=s.logits((3,)))


SCORES = dict(object_scores=True, score_weight=1)
SAM = {  # name: input, parameters
    "line": ("line", {}),
    "plane": ("plane", {}),
    "volume": ("volume", {}),
    "alone": ("alone", {}),
    "l1": ("plane", dict(iou_loss="l1")),
    "smooth_l1": ("plane", dict(iou_loss="smooth_l1")),
    "soft_iou": ("plane", dict(iou_target="soft")),
    "soft_iou_l1": ("line", dict(iou_loss="l1", iou_target="soft")),
    "soft_iou_volume": ("volume", dict(iou_loss="smooth_l1", iou_target="soft", iou_weight=2.5)),
    "detached": ("plane", dict(iou_target="soft_detached")),
    "batch": ("plane", dict(over="batch")),
    "full": ("plane", dict(over="batch", iou_target="soft")),
    "full_line": ("line", dict(over="batch", iou_target="soft")),
    "weights_of_terms": ("plane", dict(focal_weight=0.5, dice_weight=3, iou_weight=0.125)),
    "parameters": ("plane", dict(alpha=-1, gamma=1.5, smooth=0.25)),
    "weighted": ("weighted", {}),
    "weighted_soft_iou": ("weighted", dict(iou_target="soft")),
    "soft_targets": ("soft", dict(iou_target="soft")),
    "soft_targets_hard_iou": ("soft", {}),
    "ignored": ("ignored", {}),
    "ignored_soft_iou": ("ignored", dict(iou_target="soft")),
    "ignored_batch": ("ignored", dict(over="batch", iou_target="soft_detached", iou_loss="l1")),
    "empty": ("empty", {}),
    "empty_soft_iou": ("empty", dict(iou_target="soft")),
    "extreme": ("extreme", {}),
    "extreme_soft_iou": ("extreme", dict(iou_target="soft", iou_loss="smooth_l1")),
}
SAM2 = {
    "objects": ("objects", {}),
    "objects_line": ("objects_line", {}),
    "objects_volume": ("objects_volume", {}),
    "one_candidate": ("one_candidate", {}),
    "all_iou": ("objects", dict(supervise_all_iou=True)),
    "all_iou_l1": ("objects", dict(supervise_all_iou=True, iou_loss="l1")),
    "iou_l1": ("objects", dict(iou_loss="l1")),
    "scores": ("objects", SCORES),
    "scores_one_candidate": ("one_candidate", dict(SCORES, supervise_all_iou=True)),
    "scores_all_iou": ("objects_line", dict(SCORES, supervise_all_iou=True)),
    "scores_focal": ("objects", dict(SCORES, score_weight=0.75, score_alpha=0.25, score_gamma=2)),
    "scores_gamma": ("objects_volume", dict(SCORES, score_gamma=0.5)),
    "scores_unweighted": ("objects", dict(object_scores=True)),
    "num_objects": ("objects", dict(SCORES, num_objects=7.5)),
    "by_dice": ("objects", dict(focal_weight=0, dice_weight=1)),
    "by_focal": ("objects", dict(focal_weight=1, dice_weight=0)),
    "parameters": ("objects", dict(focal_weight=5, dice_weight=2, iou_weight=0.5, alpha=-1, gamma=1.5)),
    "objects_ignored": ("objects_ignored", SCORES),
    "objects_ignored_counted": ("objects_ignored", dict(supervise_all_iou=True)),
    "objects_extreme": ("objects_extreme", SCORES),
    **{f"frame_{f}_{s}": (f"frame_{f}_{s}", dict(SCORES, supervise_all_iou=True)) for f in (0, 1) for s in (0, 1)},
}
GRANULARITY = (1.0, 0.5, 2.0)
DOCUMENT = {  # what the document's own classes compute of these
    "full": sam_eager.document_full,
    "full_line": sam_eager.document_full,
    "batch": sam_eager.document_parts,
}


def stored_target(call, masks):
    """A target of every mask, and the weights: 0 where it is 255."""
    target = call["target"].astype(float)
    weights = call.get("weights", np.ones(target.shape)) * (target != 255)
    target = np.where(target == 255, 0, target)
    if target.ndim < masks.ndim:
        target, weights = (np.repeat(a[:, None], masks.shape[1], 1) for a in (target, weights))
    return target, weights


def call_of(name):
    call = dict(INPUTS[name])
    call["target"], call["weights"] = stored_target(call, call["masks"])
    return call


def tensors(call):
    return {k: torch.tensor(v, requires_grad=k in LEAVES) for k, v in call.items()}


def gradients(value, call):
    leaves = [k for k in LEAVES if k in call and call[k].requires_grad]
    found = torch.autograd.grad(value, [call[k] for k in leaves], allow_unused=True)
    return {k: np.zeros(call[k].shape) if g is None else g.numpy() for k, g in zip(leaves, found)}


def derivatives(r, shapes):
    """{leaf: [2, ...]}, derivative and scale."""
    leaves = r["leaves"]
    flat = [n for name in leaves for n in leaves[name]]
    found, at = differentiate(r["value"], flat), 0
    result = {}
    for name in leaves:
        part = found[at:at + len(leaves[name])]
        at += len(part)
        result[name] = np.array([[float(d) for d, _ in part], [float(s) for _, s in part]]).reshape((2,) + shapes[name])
    return result


def check(name, exact, found, components, value, grads, moderate):
    """PyTorch's value, components and gradients; beyond moderate logits relative to the largest entry."""
    for c in ("value",) + components:
        n = exact[c]
        assert abs(float(n.v) - float(value[c])) <= AGREEMENT * float(n.mag), (name, c, float(n.v), float(value[c]))
    for leaf, (grad, size) in found.items():
        allowed = AGREEMENT * (size if moderate else max(size.max(), 1e-300))
        assert np.all(np.abs(grad - grads[leaf]) <= allowed), (name, leaf, grad, grads[leaf])


def compare(name, exact, eager, components, call):
    """Runs both, the exact one with an epsilon too if PyTorch's has one, and gives what is to be stored."""
    shapes = {k: v.shape for k, v in call.items()}
    torch_call = tensors(call)
    value = eager(torch_call)
    grads = gradients(value["value"], torch_call)
    epsilon = DOCUMENT_EPSILON if name in DOCUMENT or name == "relevance" else 0
    moderate = abs(call["masks"]).max() <= MODERATE
    r = exact(call, epsilon)
    check(name, r, derivatives(r, shapes), components, value, grads, moderate)
    if "chosen" in r:
        assert r["chosen"] == value["chosen"].tolist(), (name, r["chosen"], value["chosen"])
    if epsilon:
        r = exact(call, 0)
    return r, derivatives(r, shapes)


def rows(r, components, reach):
    numbers = [[float(r[c].v), float(r[c].mag), np.nan] for c in ("value",) + components]
    return np.array([[r["valid"], reach, len(components)]] + numbers)


def reach(call, *gammas):
    """The largest gamma abs(log u), as make_golden.py's log_power."""
    return max(gammas) * max(np.abs(call[k]).max() + np.log(2) for k in ("masks", "scores") if k in call)


def compute_sam():
    for name, (source, parameters) in SAM.items():
        call = call_of(source)
        components = ("mask", "focal", "dice", "iou")

        def exact(c, epsilon):
            return sam_exact.sam(c, epsilon, **parameters)

        def eager(c):
            return DOCUMENT[name](c) if name in DOCUMENT else sam_eager.sam(c, 0, **parameters)

        r, grads = compare(name, exact, eager, components, call)
        yield "sam/" + name, rows(r, components, reach(call, parameters.get("gamma", 2))), grads, None


def check_documents_iou_losses():
    """IoUPredictionLoss in its three types, by its epsilon alone apart from the catalogue's."""
    call = call_of("plane")
    for kind in ("mse", "l1", "smooth_l1"):
        compare("batch", lambda c, e: sam_exact.sam(c, e, over="batch", iou_loss=kind),
                lambda c: sam_eager.document_parts(c, kind), ("iou",), call)


def compute_sam2():
    for name, (source, parameters) in SAM2.items():
        call = call_of(source)
        components = ("focal", "dice", "iou", "score")
        r, grads = compare(name, lambda c, e: sam_exact.sam2(c, e, **parameters),
                           lambda c: sam_eager.sam2(c, 0, **parameters), components, call)
        if not parameters.get("object_scores"):
            assert not grads.pop("scores").any()
        gammas = parameters.get("gamma", 2), parameters.get("score_gamma", 0)
        yield "sam2/" + name, rows(r, components, reach(call, *gammas)), grads, r["chosen"]


def compute_relevance():
    call = call_of("relevance")
    components = ("mask", "iou", "alignment")
    r, grads = compare("relevance", sam_exact.relevance, sam_eager.document_relevance, components, call)
    yield "relevance", rows(r, components, reach(call, 2)), grads, None


def compute_granularity():
    calls = [call_of(f"level_{i}") for i in range(3)]
    r = sam_exact.granularity(calls, GRANULARITY)
    shapes = {f"masks_{i}": c["masks"].shape for i, c in enumerate(calls)}
    found = derivatives(r, shapes)
    leaves = [tensors(c) for c in calls]
    value = sam_eager.document_granularity(leaves, GRANULARITY)
    value.backward()
    grads = {f"masks_{i}": c["masks"].grad.numpy() for i, c in enumerate(leaves)}
    check("granularity", r, found, (), {"value": value}, grads, True)
    components = tuple(f"level_{i}" for i in range(3))
    yield "granularity", rows(r, components, max(reach(c, 2) for c in calls)), found, None


def stability(masks, offset):
    """Exact quotients; the document's has an epsilon below."""
    above = (masks > offset).reshape(masks.shape[:2] + (-1,)).sum(-1)
    below = (masks > -offset).reshape(masks.shape[:2] + (-1,)).sum(-1)
    images = torch.tensor(masks).reshape(-1, 1, 1, masks[0, 0].size)
    document = sam_document.compute_mask_stability_score(images, offset).double().numpy()
    assert np.allclose(document, (above / (below + DOCUMENT_EPSILON)).flatten(), rtol=1e-6, atol=0)
    return above / np.maximum(below, 1)


def compute_scores():
    """Stability of masks, and their order by predicted IoU."""
    masks = INPUTS["plane"]["masks"].copy()
    masks[0, 0] = -abs(masks[0, 0]) - 2  # nothing is above -offset
    masks[1, 1, 0] = [1, -1, 1, -1, 0.5]  # on a threshold is not above it
    iou = np.array([[0.5, 0.25, 0.75, 0.5, 0.75], [-1, 0, 1, 2, -0.5], [0.3, 0.3, 0.3, 0.3, 0.3]])
    order = np.argsort(-iou, axis=1, kind="stable")
    assert np.array_equal(order, torch.sort(torch.tensor(iou), dim=1, descending=True, stable=True)[1].numpy())
    return {"stability.masks": masks, "stability.1": stability(masks, 1.0), "stability.half": stability(masks, 0.5),
            "stability.0": stability(masks, 0.0), "ranking.iou": iou, "ranking.order": order}


def save(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.asarray(array)
    np.save(path, np.ascontiguousarray(array, array.dtype if array.dtype in (np.uint8, np.int64) else np.float64))


def write(out):
    out = out / "sam"
    check_documents_iou_losses()
    for name, call in INPUTS.items():
        for tensor, array in call.items():
            assert np.array_equal(array, array.astype(np.float32)), (name, tensor)
            save(out / "inputs" / f"{name}.{tensor}.npy", array)
    for compute in (compute_sam, compute_sam2, compute_relevance, compute_granularity):
        for name, value, grads, chosen in compute():
            save(out / f"{name}.value.npy", value)
            for leaf, grad in grads.items():
                assert np.all(np.isfinite(grad)), (name, leaf)
                save(out / f"{name}.{leaf}.npy", grad)
            if chosen is not None:
                save(out / f"{name}.chosen.npy", np.array(chosen, np.int64))
    for name, array in compute_scores().items():
        save(out / f"{name}.npy", array)


segment_anything()
segment_anything_2()
