"""Every case: name -> (input, mode, sum of terms, options). tests/golden_cases/ has one line for each.

Terms are (factor, loss, parameters); a parameter has the name of the C++ member (`log_` is `log`). Options:
weights (use the input's weights), distance (with the input's distance map), ignore_index, activation, reduction,
denominator.
"""

CASES = {}
FOLDER = None


def add(name, source, mode, *terms, **options):
    terms = [t if isinstance(t, tuple) else (1, t, {}) for t in terms]
    name = f"{FOLDER}/{name}"
    assert name not in CASES, name
    CASES[name] = (source, mode, terms, options)


def one(loss, factor=1, **parameters):
    return (factor, loss, parameters)


def bce():
    for source in ("line", "image", "volume", "flat", "image_soft", "some_empty", "empty", "full", "extreme",
                   "extreme_soft"):
        add(source, source, "binary", "bce")
    add("pos_weight", "image", "binary", one("bce", pos_weight=3))
    add("pos_weight_soft", "image_soft", "binary", one("bce", pos_weight=0.3))
    add("label_smoothing", "image", "binary", one("bce", label_smoothing=0.1))
    add("smoothing_pos_weight", "image_soft", "binary", one("bce", pos_weight=2.5, label_smoothing=0.2))
    add("extreme_smoothing", "extreme", "binary", one("bce", pos_weight=2, label_smoothing=0.1))
    add("weights", "image", "binary", one("bce", pos_weight=2), weights=True)
    add("weights_valid", "image", "binary", "bce", weights=True, denominator="valid")
    add("weights_all", "image", "binary", "bce", weights=True, denominator="all")
    add("sum", "image", "binary", "bce", weights=True, reduction="sum")
    add("ignore", "image_ignore", "binary", "bce", ignore_index=255)
    add("ignore_all_elements", "image_ignore", "binary", "bce", ignore_index=255, denominator="all")
    add("all_ignored", "all_ignored", "binary", "bce", ignore_index=255)
    add("chance", "chance", "binary", "bce", activation="none")
    add("chance_soft", "chance_soft", "binary", one("bce", label_smoothing=0.1), activation="none")
    add("chance_weights", "chance", "binary", "bce", activation="none", weights=True)
    add("certain", "certain", "binary", "bce", activation="none")
    add("multilabel", "multilabel", "multilabel", "bce", weights=True)
    add("multilabel_pos_weight", "multilabel", "multilabel", one("bce", pos_weight=[0.5, 2, 4]))
    add("multilabel_soft", "multilabel_soft", "multilabel", one("bce", label_smoothing=0.1), weights=True)
    add("multilabel_ignore", "multilabel_ignore", "multilabel", "bce", ignore_index=255)
    add("one_vs_rest", "labels_line", "one_vs_rest", "bce", ignore_index=255)


def weighted_bce():
    for source in ("line", "image_soft", "some_empty", "empty", "full", "extreme"):
        add(source, source, "binary", "weighted_bce")
    add("weights", "image", "binary", "weighted_bce", weights=True)
    add("ignore", "image_ignore", "binary", "weighted_bce", ignore_index=255)
    add("all_ignored", "all_ignored", "binary", "weighted_bce", ignore_index=255)
    add("multilabel", "multilabel", "multilabel", "weighted_bce")


def regression(loss):
    for source in ("line", "image_soft", "volume", "extreme_soft"):
        add(source, source, "binary", loss)
    add("weights", "image_soft", "binary", loss, weights=True)
    add("weights_valid", "image_soft", "binary", loss, weights=True, denominator="valid")
    add("sum", "image_soft", "binary", loss, weights=True, reduction="sum")
    add("ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("chance", "chance_soft", "binary", loss, activation="none")
    add("multilabel", "multilabel_soft", "multilabel", loss, weights=True)


def mse():
    regression("mse")


def l1():
    regression("l1")
    add("and_mse", "image_soft", "binary", one("l1", 5), one("mse", 0.5), weights=True)


def smooth_l1():
    regression("smooth_l1")
    for text, beta in (("0_11", 0.11), ("2_5", 2.5)):
        add(f"beta_{text}", "image_soft", "binary", one("smooth_l1", beta=beta))


GAMMAS = (("0", 0), ("0_5", 0.5), ("1", 1), ("1_5", 1.5), ("2", 2), ("5", 5))


def focal():
    for text, gamma in GAMMAS:
        add(f"gamma_{text}", "image", "binary", one("focal", gamma=gamma))
        add(f"soft_gamma_{text}", "image_soft", "binary", one("focal", alpha=0.6, gamma=gamma))
        add(f"extreme_gamma_{text}", "extreme", "binary", one("focal", gamma=gamma))
        add(f"extreme_soft_gamma_{text}", "extreme_soft", "binary", one("focal", gamma=gamma))
    for source in ("line", "volume", "flat", "some_empty", "empty", "full"):
        add(source, source, "binary", "focal")
    add("alpha_off", "image", "binary", one("focal", alpha=-1))
    add("alpha_off_soft", "image_soft", "binary", one("focal", alpha=-1, gamma=1.5))
    add("alpha_0", "image", "binary", one("focal", alpha=0))
    add("alpha_1", "image", "binary", one("focal", alpha=1))
    add("normalized", "image", "binary", one("focal", normalized=True))
    add("normalized_gamma_0_5", "image_soft", "binary", one("focal", gamma=0.5, normalized=True),
        weights=True)
    add("normalized_ignore", "image_ignore", "binary", one("focal", alpha=-1, gamma=5, normalized=True),
        ignore_index=255)
    add("weights", "image", "binary", "focal", weights=True)
    add("ignore", "image_ignore", "binary", one("focal", gamma=1), ignore_index=255)
    add("all_ignored", "all_ignored", "binary", "focal", ignore_index=255)
    add("sum", "image", "binary", "focal", reduction="sum")
    add("chance", "chance", "binary", "focal", activation="none")
    add("chance_soft", "chance_soft", "binary", one("focal", alpha=0.7, gamma=1.5), activation="none")
    add("multilabel", "multilabel", "multilabel", "focal", weights=True)
    add("multilabel_alpha", "multilabel_soft", "multilabel", one("focal", alpha=[0.25, 0.5, 0.9]))
    add("one_vs_rest", "labels_small", "one_vs_rest", "focal", ignore_index=-100)
    add("multiclass", "labels_image", "multiclass", "focal")
    add("multiclass_gamma_0_5", "labels_line", "multiclass", one("focal", gamma=0.5), ignore_index=255)
    add("multiclass_alpha_off", "labels", "multiclass", one("focal", alpha=-1, gamma=1), weights=True)
    add("multiclass_alpha", "labels", "multiclass", one("focal", alpha=[0.1, 0.4, 0.2, 0.3]))
    add("multiclass_weights", "labels", "multiclass", one("focal", alpha=-1, class_weights=[0.5, 2, 1, 3]))
    add("multiclass_normalized", "labels", "multiclass", one("focal", alpha=-1, normalized=True))
    add("multiclass_extreme", "extreme_classes", "multiclass", one("focal", gamma=0.5))
    add("multiclass_chance", "labels_chance", "multiclass", "focal", activation="none")


def cross_entropy():
    weights = {"class_weights": [0.5, 2, 1, 3]}
    add("labels", "labels", "multiclass", "cross_entropy")
    add("image", "labels_image", "multiclass", "cross_entropy")
    add("line", "labels_line", "multiclass", "cross_entropy", ignore_index=255)
    add("volume", "labels_volume", "multiclass", "cross_entropy", ignore_index=-1)
    add("class_weights", "labels", "multiclass", one("cross_entropy", **weights))
    add("smoothing", "labels", "multiclass", one("cross_entropy", label_smoothing=0.1))
    add("weights_smoothing_ignore", "labels_small", "multiclass",
        one("cross_entropy", label_smoothing=0.2, **weights), ignore_index=-100)
    add("soft", "labels_soft", "multiclass", "cross_entropy")
    add("soft_weights", "labels_soft", "multiclass", one("cross_entropy", **weights))
    add("soft_weights_valid", "labels_soft", "multiclass",
        one("cross_entropy", label_smoothing=0.1, **weights), denominator="valid")
    add("soft_pixel_weights", "labels_soft", "multiclass", one("cross_entropy", label_smoothing=0.1),
        weights=True)
    for denominator in ("valid", "all"):
        add(denominator, "labels_small", "multiclass", one("cross_entropy", **weights), ignore_index=-100,
            denominator=denominator)
    add("sum", "labels_small", "multiclass", one("cross_entropy", **weights), ignore_index=-100,
        reduction="sum")
    add("pixel_weights", "labels", "multiclass", one("cross_entropy", **weights), weights=True)
    add("none_valid", "labels_none", "multiclass", "cross_entropy", ignore_index=255)
    add("extreme", "extreme_classes", "multiclass", "cross_entropy")
    add("extreme_smoothing", "extreme_classes", "multiclass", one("cross_entropy", label_smoothing=0.1))
    add("chance", "labels_chance", "multiclass", one("cross_entropy", label_smoothing=0.1, **weights),
        activation="none")


def dice():
    for source in ("line", "image", "volume", "flat", "image_soft", "some_empty", "empty", "full", "extreme",
                   "extreme_soft"):
        add(source, source, "binary", "dice")
    batch = {"over": "batch"}
    add("batch", "image", "binary", one("dice", **batch))
    add("smooth_0", "image", "binary", one("dice", smooth=0))
    add("smooth_nr_dr", "image", "binary", one("dice", smooth_nr=0.5, smooth_dr=2))
    add("smooth_dr", "image", "binary", one("dice", smooth=0, smooth_dr=1e-5))
    add("squared", "image", "binary", one("dice", form="squared"))
    add("squared_soft", "image_soft", "binary", one("dice", form="squared", smooth=0.5), weights=True)
    add("semimetric", "image", "binary", one("dice", form="semimetric"))
    add("semimetric_soft", "image_soft", "binary", one("dice", form="semimetric", **batch), weights=True)
    add("log", "image", "binary", one("dice", log_=True))
    add("log_floor", "some_empty", "binary", one("dice", smooth=0, log_=True))
    add("log_batch", "line", "binary", one("dice", log_=True, form="squared", **batch))
    for empty in ("zero", "skip"):
        add(f"empty_{empty}", "some_empty", "binary", one("dice", empty=empty))
        add(f"empty_{empty}_everywhere", "empty", "binary", one("dice", empty=empty))
    add("empty_smooth_0", "some_empty", "binary", one("dice", smooth=0))
    add("weights", "image", "binary", "dice", weights=True)
    add("ignore", "image_ignore", "binary", "dice", ignore_index=255)
    add("one_ignored", "one_ignored", "binary", "dice", ignore_index=255)
    add("one_ignored_skip", "one_ignored", "binary", one("dice", empty="skip"), ignore_index=255)
    add("one_ignored_smooth_0", "one_ignored", "binary", one("dice", smooth=0), ignore_index=255)
    add("all_ignored", "all_ignored", "binary", "dice", ignore_index=255)
    add("sum", "image", "binary", "dice", reduction="sum")
    add("chance", "chance", "binary", "dice", activation="none")
    add("chance_squared", "chance_soft", "binary", one("dice", form="squared"), activation="none")
    add("chance_semimetric", "chance_soft", "binary", one("dice", form="semimetric"), activation="none")
    some = {"class_weights": [0.5, 2, 1]}
    add("multilabel", "multilabel", "multilabel", "dice")
    add("multilabel_weights", "multilabel", "multilabel", one("dice", **some), weights=True)
    add("multilabel_skip", "multilabel", "multilabel", one("dice", empty="skip", **some))
    add("multilabel_batch_log", "multilabel", "multilabel", one("dice", log_=True, **batch, **some))
    add("multilabel_soft", "multilabel_soft", "multilabel", one("dice", form="semimetric"), weights=True)
    add("multilabel_ignore", "multilabel_ignore", "multilabel", one("dice", **batch), ignore_index=255)
    add("multilabel_sum", "multilabel_ignore", "multilabel", one("dice", **some), ignore_index=255,
        reduction="sum")
    add("one_vs_rest", "labels_small", "one_vs_rest", "dice", ignore_index=-100)
    many = {"class_weights": [0.5, 2, 1, 3]}
    add("multiclass", "labels", "multiclass", "dice")
    add("multiclass_image", "labels_image", "multiclass", one("dice", form="squared"))
    add("multiclass_volume", "labels_volume", "multiclass", "dice", ignore_index=-1)
    add("multiclass_weights", "labels", "multiclass", one("dice", **many), weights=True)
    add("multiclass_batch", "labels", "multiclass", one("dice", smooth=1e-5, **batch, **many))
    add("multiclass_skip", "labels", "multiclass", one("dice", empty="skip", **many))
    add("multiclass_zero", "labels", "multiclass", one("dice", empty="zero", **many))
    add("multiclass_classes", "labels", "multiclass", one("dice", classes=[1, 3], **many))
    add("multiclass_foreground", "labels", "multiclass", one("dice", include_background=False))
    add("multiclass_background_skip", "labels_background", "multiclass",
        one("dice", empty="skip", include_background=False))
    add("multiclass_log", "labels", "multiclass", one("dice", log_=True))
    add("multiclass_semimetric", "labels", "multiclass", one("dice", form="semimetric", smooth=0))
    add("multiclass_soft", "labels_soft", "multiclass", "dice")
    add("multiclass_half", "labels_half", "multiclass", "dice", ignore_index=255)
    add("multiclass_half_skip", "labels_half", "multiclass", one("dice", empty="skip"), ignore_index=255)
    add("multiclass_extreme", "extreme_classes", "multiclass", "dice")
    add("multiclass_chance", "labels_chance", "multiclass", "dice", activation="none")


def generalized_dice():
    loss = "generalized_dice"
    for weighting in ("square", "simple", "uniform"):
        add(weighting, "labels_image", "multiclass", one(loss, weighting=weighting))
        add(f"{weighting}_smooth_1", "labels_image", "multiclass",
            one(loss, weighting=weighting, weight_smooth=1, smooth=1))
        add(f"{weighting}_absent", "labels", "multiclass", one(loss, weighting=weighting))
    add("absent_weight_smooth", "labels", "multiclass", one(loss, weight_smooth=1))
    add("absent_smooth", "labels", "multiclass", one(loss, smooth=1))
    add("absent_skip", "labels", "multiclass", one(loss, empty="skip"))
    add("log", "labels", "multiclass", one(loss, log_=True))
    add("batch", "labels", "multiclass", one(loss, over="batch"))
    add("line_batch_simple", "labels_line", "multiclass", one(loss, weighting="simple", over="batch"),
        ignore_index=255)
    add("volume", "labels_volume", "multiclass", loss, ignore_index=-1)
    add("pixel_weights", "labels", "multiclass", loss, weights=True)
    add("soft", "labels_soft", "multiclass", one(loss, weighting="simple"))
    add("foreground", "labels_image", "multiclass", one(loss, include_background=False))
    add("foreground_absent", "labels_background", "multiclass", one(loss, include_background=False))
    add("foreground_absent_skip", "labels_background", "multiclass",
        one(loss, include_background=False, empty="skip"))
    add("half", "labels_half", "multiclass", loss, ignore_index=255)
    add("none_valid", "labels_none", "multiclass", loss, ignore_index=255)
    add("extreme", "extreme_classes", "multiclass", loss)
    add("multilabel", "multilabel", "multilabel", loss)
    add("multilabel_weights", "multilabel", "multilabel", one(loss, weighting="simple"), weights=True)
    add("binary", "image", "binary", one(loss, weight_smooth=1, smooth=1))
    add("binary_empty", "some_empty", "binary", loss)


def poly_cross_entropy():
    loss, many = "poly_cross_entropy", {"class_weights": [0.5, 2, 1, 3]}
    add("labels", "labels", "multiclass", loss)
    add("line", "labels_line", "multiclass", one(loss, epsilon=2.5), ignore_index=255)
    add("volume", "labels_volume", "multiclass", one(loss, epsilon=-1), ignore_index=-1)
    add("class_weights", "labels", "multiclass", one(loss, epsilon=2, **many), weights=True)
    for denominator in ("valid", "all"):
        add(denominator, "labels_small", "multiclass", one(loss, **many), ignore_index=-100,
            denominator=denominator)
    add("sum", "labels_small", "multiclass", one(loss, **many), ignore_index=-100, reduction="sum")
    add("soft", "labels_soft", "multiclass", loss, weights=True)
    add("soft_class_weights", "labels_soft", "multiclass", one(loss, epsilon=0.5, **many))
    add("none_valid", "labels_none", "multiclass", loss, ignore_index=255)
    add("extreme", "extreme_classes", "multiclass", one(loss, epsilon=3))
    add("chance", "labels_chance", "multiclass", one(loss, epsilon=2), activation="none")
    add("binary", "image", "binary", loss)
    add("binary_soft", "image_soft", "binary", one(loss, epsilon=2.5), weights=True)
    add("binary_least", "image", "binary", one(loss, epsilon=-1))
    add("binary_ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("binary_extreme", "extreme", "binary", one(loss, epsilon=3))
    add("binary_extreme_soft", "extreme_soft", "binary", loss)
    add("binary_chance", "chance", "binary", one(loss, epsilon=2), activation="none")
    add("multilabel", "multilabel", "multilabel", one(loss, class_weights=[0.5, 2, 1]), weights=True)
    add("multilabel_soft", "multilabel_soft", "multilabel", loss)
    add("one_vs_rest", "labels_small", "one_vs_rest", loss, ignore_index=-100)


def overlaps(loss, own, smooth=True):
    """Regional losses of the family of dice: `own` are parameters that differ from the defaults."""
    some, many = {"class_weights": [0.5, 2, 1]}, {"class_weights": [0.5, 2, 1, 3]}
    for source in ("line", "volume", "some_empty", "empty", "full", "extreme"):
        add(source, source, "binary", loss)
    add("own", "image", "binary", one(loss, **own))
    add("batch", "image", "binary", one(loss, over="batch", **own))
    for empty in ("zero", "skip"):
        add(f"empty_{empty}", "some_empty", "binary", one(loss, empty=empty, **own))
    add("soft", "image_soft", "binary", one(loss, **own), weights=True)
    add("extreme_soft", "extreme_soft", "binary", one(loss, **own))
    add("ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("one_ignored", "one_ignored", "binary", one(loss, **own), ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("sum", "image", "binary", one(loss, **own), weights=True, reduction="sum")
    add("chance", "chance", "binary", loss, activation="none")
    add("multilabel", "multilabel", "multilabel", one(loss, **own, **some), weights=True)
    add("multilabel_skip", "multilabel", "multilabel", one(loss, empty="skip", over="batch"))
    add("multilabel_ignore", "multilabel_ignore", "multilabel", loss, ignore_index=255)
    add("one_vs_rest", "labels_small", "one_vs_rest", loss, ignore_index=-100)
    add("multiclass", "labels", "multiclass", one(loss, **own))
    add("multiclass_volume", "labels_volume", "multiclass", loss, ignore_index=-1)
    add("multiclass_weights", "labels", "multiclass", one(loss, **own, **many), weights=True)
    add("multiclass_classes", "labels", "multiclass", one(loss, classes=[1, 3], **many))
    add("multiclass_foreground", "labels", "multiclass", one(loss, empty="zero", include_background=False))
    add("multiclass_soft", "labels_soft", "multiclass", one(loss, over="batch", **own))
    add("multiclass_half", "labels_half", "multiclass", loss, ignore_index=255)
    add("multiclass_extreme", "extreme_classes", "multiclass", one(loss, **own))
    add("multiclass_chance", "labels_chance", "multiclass", loss, activation="none")
    if not smooth:
        return
    add("smooth_0", "image", "binary", one(loss, **{**own, "smooth": 0}))
    add("empty_smooth_0", "some_empty", "binary", one(loss, smooth=0))
    add("smooth_nr_dr", "image", "binary", one(loss, smooth_nr=0.5, smooth_dr=2))
    add("log", "image", "binary", one(loss, log_=True, **own))
    add("log_floor", "some_empty", "binary", one(loss, smooth=0, log_=True))
    for form in ("squared", "semimetric"):
        add(form, "image", "binary", one(loss, form=form, over="batch"))
        add(f"{form}_soft", "image_soft", "binary", one(loss, form=form, smooth=0.5), weights=True)
        add(f"multiclass_{form}", "labels", "multiclass", one(loss, form=form, log_=True))


def iou():
    overlaps("iou", {"smooth": 0.5})


def tversky():
    loss = "tversky"
    overlaps(loss, {"alpha": 0.3, "beta": 0.7, "gamma": 0.75})
    for text, gamma in GAMMAS:
        add(f"gamma_{text}", "some_empty", "binary", one(loss, alpha=0.7, beta=0.3, gamma=gamma))
        add(f"log_gamma_{text}", "image", "binary", one(loss, gamma=gamma, log_=True))
    add("false_positives", "image_soft", "binary", one(loss, alpha=1, beta=0, gamma=2))
    add("false_negatives", "image_soft", "binary", one(loss, alpha=0, beta=1))
    add("smooth_nr_dr_gamma", "image", "binary", one(loss, gamma=0.5, smooth_nr=0.5, smooth_dr=2))


def mcc():
    loss = "mcc"
    overlaps(loss, {"eps": 0.25}, smooth=False)
    add("image", "image", "binary", loss)
    add("eps_0", "image_soft", "binary", one(loss, eps=0))
    add("multiclass_eps_0", "labels_image", "multiclass", one(loss, eps=0))


def unified_focal():
    loss = "unified_focal"
    for source in ("line", "image", "volume", "image_soft", "extreme"):
        add(source, source, "binary", loss)
    add("parameters", "image", "binary", one(loss, weight=0.3, delta=0.7, gamma=0.2))
    add("gamma_0", "image", "binary", one(loss, gamma=0))
    add("weights", "image", "binary", loss, weights=True)
    add("ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("multilabel", "multilabel_soft", "multilabel", loss)
    add("multilabel_each", "multilabel_soft", "multilabel", one(loss, each=True))
    add("multiclass", "labels_image", "multiclass", loss)
    add("multiclass_parameters", "labels_line", "multiclass", one(loss, weight=0.7, delta=0.7, gamma=0.75),
        ignore_index=255)
    add("multiclass_volume", "labels_volume", "multiclass", loss, ignore_index=-1)
    add("multiclass_weights", "labels", "multiclass", loss, weights=True)
    add("multiclass_extreme", "extreme_classes", "multiclass", loss)


def sums():
    sam = (one("focal", 20), "dice")
    for source in ("line", "image", "volume", "image_soft", "some_empty", "extreme"):
        add(f"sam_{source}", source, "binary", *sam)
    add("sam_weights", "image", "binary", *sam, weights=True)
    add("sam_ignore", "image_ignore", "binary", *sam, ignore_index=255)
    add("sam_all_ignored", "all_ignored", "binary", *sam, ignore_index=255)
    add("sam_multilabel", "multilabel", "multilabel", *sam)
    add("sam_chance", "chance", "binary", *sam, activation="none")
    add("bce_dice", "image", "binary", one("bce", 0.5), one("dice", 0.5, over="batch"))
    ce_dice = (one("cross_entropy", label_smoothing=0.1), one("dice", 1.5))
    add("ce_dice", "labels_image", "multiclass", *ce_dice)
    add("ce_dice_line", "labels_line", "multiclass", *ce_dice, ignore_index=255)
    add("ce_dice_volume", "labels_volume", "multiclass", *ce_dice, ignore_index=-1)
    add("ce_dice_weights", "labels", "multiclass", *ce_dice, weights=True)
    add("ce_dice_soft", "labels_soft", "multiclass", *ce_dice)
    add("ce_dice_extreme", "extreme_classes", "multiclass", *ce_dice)
    ce_gdl = ("cross_entropy", "generalized_dice")
    add("ce_generalized", "labels_image", "multiclass", *ce_gdl)
    add("ce_generalized_ignore", "labels_small", "multiclass", *ce_gdl, ignore_index=-100)
    add("ce_generalized_extreme", "extreme_classes", "multiclass", *ce_gdl)
    add("ce_generalized_none_valid", "labels_none", "multiclass", *ce_gdl, ignore_index=255)


def wasserstein_dice():
    loss = "wasserstein_dice"
    tree = [[0, 1, 2, 0.5], [0.25, 0, 1, 3], [1, 1, 0, 1], [0, 0.5, 2, 0]]
    for weighting in ("foreground", "volume"):
        given = {"weighting": weighting, "distances": tree}
        add(weighting, "labels", "multiclass", one(loss, **given))
        add(f"{weighting}_plain", "labels_image", "multiclass", one(loss, weighting=weighting))
        add(f"{weighting}_weights", "labels", "multiclass", one(loss, **given), weights=True)
        add(f"{weighting}_batch", "labels", "multiclass", one(loss, over="batch", smooth=1, **given))
        add(f"{weighting}_line", "labels_line", "multiclass", one(loss, weighting=weighting), ignore_index=255)
        add(f"{weighting}_volume", "labels_volume", "multiclass", one(loss, weighting=weighting),
            ignore_index=-1)
        add(f"{weighting}_soft", "labels_soft", "multiclass", one(loss, **given))
        add(f"{weighting}_background", "labels_background", "multiclass", one(loss, weighting=weighting))
        add(f"{weighting}_half", "labels_half", "multiclass", one(loss, weighting=weighting), ignore_index=255)
        add(f"{weighting}_none_valid", "labels_none", "multiclass", one(loss, weighting=weighting),
            ignore_index=255)
        add(f"{weighting}_extreme", "extreme_classes", "multiclass", one(loss, weighting=weighting))
        add(f"{weighting}_chance", "labels_chance", "multiclass", one(loss, weighting=weighting),
            activation="none")
    add("ce", "labels", "multiclass", "cross_entropy", one(loss, 2, distances=tree))


def selection():
    many = {"class_weights": [0.5, 2, 1, 3]}

    def top_k(fraction, loss, **parameters):
        return one("top_k", inside=one(loss, **parameters), fraction=fraction)

    def ohem(threshold, min_kept, loss, **parameters):
        return one("ohem", inside=one(loss, **parameters), threshold=threshold, min_kept=min_kept)

    for text, of_bce, of_ce in (("top_k", lambda **p: top_k(0.3, "bce", **p),
                                 lambda **p: top_k(0.3, "cross_entropy", **p)),
                                ("ohem", lambda **p: ohem(0.4, 5, "bce", **p),
                                 lambda **p: ohem(0.1, 5, "cross_entropy", **p))):
        add(f"{text}_image", "image", "binary", of_bce())
        add(f"{text}_soft", "image_soft", "binary", of_bce(label_smoothing=0.1), weights=True)
        add(f"{text}_ignore", "image_ignore", "binary", of_bce(pos_weight=2), ignore_index=255)
        add(f"{text}_all_ignored", "all_ignored", "binary", of_bce(), ignore_index=255)
        add(f"{text}_chance", "chance", "binary", of_bce(), activation="none")
        add(f"{text}_one_vs_rest", "labels_line", "one_vs_rest", of_bce(), ignore_index=255)
        add(f"{text}_labels", "labels_image", "multiclass", of_ce())
        add(f"{text}_volume", "labels_volume", "multiclass", of_ce(label_smoothing=0.1), ignore_index=-1)
        add(f"{text}_weights", "labels", "multiclass", of_ce(**many), weights=True)
        for denominator in ("valid", "all"):
            add(f"{text}_{denominator}", "labels_small", "multiclass", of_ce(**many), ignore_index=-100,
                denominator=denominator)
        add(f"{text}_sum", "labels_small", "multiclass", of_ce(**many), ignore_index=-100, reduction="sum")
        add(f"{text}_labels_soft", "labels_soft", "multiclass", of_ce(), weights=True)
        add(f"{text}_labels_chance", "labels_chance", "multiclass", of_ce(), activation="none")
        add(f"{text}_none_valid", "labels_none", "multiclass", of_ce(), ignore_index=255)
    add("top_k_one", "image", "binary", top_k(0.001, "bce"))
    add("top_k_everything", "image", "binary", top_k(1, "bce"))
    add("ohem_default", "labels_image", "multiclass", one("ohem", inside=one("cross_entropy")))
    dice_top_k = (one("dice", smooth=1e-5, over="batch", include_background=False),
                  one("top_k", inside=one("cross_entropy")))  # nnU-Net's
    add("dice_top_k", "labels_image", "multiclass", *dice_top_k)
    add("dice_top_k_ignore", "labels_line", "multiclass", *dice_top_k, ignore_index=255)


def lovasz_hinge():
    loss, batch = "lovasz_hinge", {"over": "batch"}
    for source in ("line", "image", "volume", "flat", "image_soft", "some_empty", "full", "extreme", "ties"):
        add(source, source, "binary", loss)
    add("batch", "image", "binary", one(loss, **batch))
    add("soft_weights", "image_soft", "binary", one(loss, **batch), weights=True)
    for empty in ("zero", "skip"):
        add(f"empty_{empty}", "some_empty", "binary", one(loss, empty=empty))
    add("empty_everywhere", "empty", "binary", one(loss, empty="skip"))
    add("weights", "image", "binary", loss, weights=True)
    add("ties_weights", "ties", "binary", loss, weights=True)
    add("ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("one_ignored", "one_ignored", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("sum", "image_ignore", "binary", loss, ignore_index=255, reduction="sum")
    add("multilabel", "multilabel", "multilabel", one(loss, class_weights=[0.5, 2, 1]), weights=True)
    add("multilabel_skip", "multilabel", "multilabel", one(loss, empty="skip", class_weights=[0.5, 2, 1]))
    add("multilabel_classes", "multilabel_ignore", "multilabel", one(loss, classes=[0, 2], **batch),
        ignore_index=255)
    add("one_vs_rest", "labels_line", "one_vs_rest", one(loss, include_background=False), ignore_index=255)


def lovasz_sigmoid():
    loss = "lovasz_sigmoid"
    for source in ("line", "image", "volume", "image_soft", "some_empty", "full", "ties"):
        add(source, source, "binary", loss)
    add("empty", "empty", "binary", loss)
    add("far", "far", "binary", one(loss, over="sample"))
    for empty in ("smooth", "zero", "skip"):
        add(f"sample_{empty}", "some_empty", "binary", one(loss, over="sample", empty=empty))
    add("soft_weights", "image_soft", "binary", one(loss, over="sample"), weights=True)
    add("ties_weights", "ties", "binary", one(loss, over="sample"), weights=True)
    add("ignore", "image_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", one(loss, empty="smooth"), ignore_index=255)
    add("sum", "image_ignore", "binary", one(loss, over="sample"), ignore_index=255, reduction="sum")
    add("chance", "chance", "binary", loss, activation="none", weights=True)
    add("certain", "certain", "binary", loss, activation="none")
    add("multilabel", "multilabel", "multilabel", one(loss, class_weights=[0.5, 2, 1]), weights=True)
    add("multilabel_all", "multilabel", "multilabel", one(loss, over="sample", empty="smooth"))
    add("one_vs_rest", "labels_line", "one_vs_rest", one(loss, classes=[1, 3]), ignore_index=255)


def lovasz_softmax():
    loss, weights = "lovasz_softmax", {"class_weights": [0.5, 2, 1, 3]}
    add("labels", "labels", "multiclass", loss)
    add("image", "labels_image", "multiclass", loss)
    add("line", "labels_line", "multiclass", loss, ignore_index=255)
    add("volume", "shape_labels_volume", "multiclass", loss)
    add("per_image_all", "labels", "multiclass", one(loss, over="sample", empty="smooth"))
    add("per_image_present", "labels", "multiclass", one(loss, over="sample", **weights))
    add("per_image_zero", "labels", "multiclass", one(loss, over="sample", empty="zero", **weights))
    add("weights", "labels", "multiclass", one(loss, **weights), weights=True)
    add("classes", "labels", "multiclass", one(loss, classes=[1, 3], **weights))
    add("foreground", "labels_background", "multiclass",
        one(loss, over="sample", include_background=False))
    add("half", "labels_half", "multiclass", one(loss, over="sample", empty="smooth"), ignore_index=255)
    add("none_valid", "labels_none", "multiclass", loss, ignore_index=255)
    add("sum", "labels_line", "multiclass", one(loss, over="sample", empty="smooth"), ignore_index=255,
        reduction="sum")
    add("ties", "ties_classes", "multiclass", loss)
    add("far", "far_classes", "multiclass", loss)
    add("soft", "labels_soft", "multiclass", loss, weights=True)
    add("chance", "labels_chance", "multiclass", loss, activation="none")


def boundary():
    loss, kervadec = "boundary", {"convention": "kervadec"}
    for source in ("shape", "shape_line", "shape_volume", "shape_empty", "extreme"):
        add(source, source, "binary", loss)
    add("kervadec", "shape", "binary", one(loss, **kervadec))
    add("spacing", "shape_plane", "binary", one(loss, spacing=[1.5, 0.75]))
    add("kervadec_spacing", "shape_plane", "binary", one(loss, spacing=[2, 3], **kervadec))
    add("weights", "shape", "binary", loss, weights=True)
    add("ignore", "shape_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("sum", "shape_ignore", "binary", one(loss, **kervadec), ignore_index=255, reduction="sum")
    add("soft", "image_soft", "binary", loss, weights=True)
    add("chance", "shape_chance", "binary", loss, activation="none")
    add("given", "shape", "binary", loss, distance=True)
    add("given_weights", "shape", "binary", loss, distance=True, weights=True)
    add("multilabel", "shape_channels", "multilabel", one(loss, spacing=[1, 2]), weights=True)
    add("multilabel_ignore", "shape_channels_ignore", "multilabel", one(loss, classes=[0, 1], **kervadec),
        ignore_index=255)
    add("one_vs_rest", "shape_labels_ignore", "one_vs_rest", loss, ignore_index=255)
    add("multiclass", "shape_labels", "multiclass", loss)
    add("multiclass_foreground", "shape_labels", "multiclass",
        one(loss, spacing=[0.5, 1], include_background=False, **kervadec), weights=True)
    add("multiclass_ignore", "shape_labels_ignore", "multiclass", loss, ignore_index=255)
    add("multiclass_volume", "shape_labels_volume", "multiclass", one(loss, spacing=[3, 1, 1]))
    add("multiclass_given", "shape_labels", "multiclass", one(loss, classes=[1, 2]), distance=True)
    add("multilabel_class_weights", "shape_channels_ignore", "multilabel", one(loss, class_weights=[0.5, 2, 1]),
        ignore_index=255)
    add("multiclass_class_weights", "shape_labels", "multiclass",
        one(loss, classes=[0, 2], class_weights=[0.5, 2, 1]), weights=True)
    add("multiclass_chance", "shape_labels_chance", "multiclass", loss, activation="none")


def hausdorff_dt():
    loss = "hausdorff_dt"
    for source in ("shape", "shape_line", "shape_volume", "shape_empty", "shape_far"):
        add(source, source, "binary", loss)
    add("alpha_1", "shape", "binary", one(loss, alpha=1))
    add("alpha_1_5", "shape", "binary", one(loss, alpha=1.5, over="batch"))
    add("log1p", "shape", "binary", one(loss, log1p=True))
    add("log1p_sum", "shape_ignore", "binary", one(loss, log1p=True), ignore_index=255, reduction="sum")
    add("spacing", "shape_plane", "binary", one(loss, spacing=[1.5, 0.75]))
    for empty in ("zero", "skip"):
        add(f"empty_{empty}", "shape_empty", "binary", one(loss, empty=empty))
    add("weights", "shape", "binary", one(loss, over="batch"), weights=True)
    add("ignore", "shape_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("soft", "image_soft", "binary", loss, weights=True)
    add("chance", "shape_chance", "binary", loss, activation="none")
    add("multilabel", "shape_channels", "multilabel",
        one(loss, spacing=[1, 2], empty="skip", class_weights=[0.5, 2, 1]), weights=True)
    add("multilabel_ignore", "shape_channels_ignore", "multilabel", one(loss, over="batch", classes=[0, 1]),
        ignore_index=255)
    add("multiclass", "shape_labels", "multiclass", loss)
    add("multiclass_foreground", "shape_labels", "multiclass",
        one(loss, empty="skip", include_background=False, class_weights=[0.5, 2, 1]), weights=True)
    add("multiclass_ignore", "shape_labels_ignore", "multiclass", one(loss, log1p=True), ignore_index=255)
    add("multiclass_volume", "shape_labels_volume", "multiclass", one(loss, alpha=1, spacing=[3, 1, 1]))


def sobel_boundary():
    loss = "sobel_boundary"
    for source in ("shape", "shape_line", "shape_volume", "shape_empty", "shape_flat"):
        add(source, source, "binary", loss)
    add("weights", "shape", "binary", loss, weights=True)
    add("ignore", "shape_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("sum", "shape_ignore", "binary", loss, ignore_index=255, reduction="sum")
    add("chance", "shape_chance", "binary", loss, activation="none")
    add("multilabel", "shape_channels", "multilabel", loss)
    add("multilabel_ignore", "shape_channels_ignore", "multilabel", one(loss, classes=[0, 1]), ignore_index=255)
    add("multiclass", "shape_labels", "multiclass", loss)
    add("multiclass_foreground", "shape_labels", "multiclass", one(loss, include_background=False))
    add("multiclass_ignore", "shape_labels_ignore", "multiclass", loss, ignore_index=255)
    add("multiclass_volume", "shape_labels_volume", "multiclass", one(loss, classes=[1, 2]))


def cl_dice():
    loss = "cl_dice"
    for source in ("shape", "shape_line", "shape_volume", "shape_empty", "shape_far"):
        add(source, source, "binary", loss)
    add("iterations_0", "shape", "binary", one(loss, iterations=0))
    add("iterations_1", "shape", "binary", one(loss, iterations=1, smooth=1e-5, over="batch"))
    add("smooth_0", "shape", "binary", one(loss, smooth=0))
    for empty in ("zero", "skip"):
        add(f"empty_{empty}", "shape_empty", "binary", one(loss, empty=empty))
    add("weights", "shape", "binary", one(loss, over="batch"), weights=True)
    add("ignore", "shape_ignore", "binary", loss, ignore_index=255)
    add("all_ignored", "all_ignored", "binary", loss, ignore_index=255)
    add("sum", "shape_ignore", "binary", loss, ignore_index=255, reduction="sum")
    add("soft", "image_soft", "binary", loss, weights=True)
    add("chance", "shape_chance", "binary", loss, activation="none")
    add("multilabel", "shape_channels", "multilabel", one(loss, class_weights=[0.5, 2, 1]), weights=True)
    add("multilabel_ignore", "shape_channels_ignore", "multilabel", one(loss, over="batch", classes=[0, 1]),
        ignore_index=255)
    add("multiclass", "shape_labels", "multiclass", loss)
    add("multiclass_foreground", "shape_labels", "multiclass",
        one(loss, over="batch", empty="skip", include_background=False, class_weights=[0.5, 2, 1]))
    add("multiclass_ignore", "shape_labels_ignore", "multiclass", loss, ignore_index=255)
    add("multiclass_volume", "shape_labels_volume", "multiclass", one(loss, iterations=2))
    add("multiclass_chance", "shape_labels_chance", "multiclass", loss, activation="none")


def sums_of_kinds():
    """Pointwise and regional losses beside the ranked and those that look at neighbours."""
    ce_lovasz = (one("cross_entropy", 0.5), one("lovasz_softmax", 0.3))
    add("ce_lovasz", "labels_image", "multiclass", *ce_lovasz)
    add("ce_lovasz_ignore", "labels_line", "multiclass", *ce_lovasz, ignore_index=255)
    add("bce_lovasz", "image", "binary", "bce", "lovasz_hinge")
    add("bce_lovasz_weights", "image", "binary", "bce", "lovasz_hinge", weights=True)
    add("dice_boundary", "shape", "binary", "dice", "boundary")
    add("dice_boundary_ignore", "shape_ignore", "binary", "dice", "boundary", ignore_index=255)
    add("dice_cl_dice", "shape", "binary", "dice", "cl_dice", weights=True)
    add("dice_cl_dice_multiclass", "shape_labels_ignore", "multiclass", "dice", "cl_dice", ignore_index=255)


for group in (bce, weighted_bce, mse, l1, smooth_l1, focal, cross_entropy, poly_cross_entropy, dice, iou, tversky, mcc,
              generalized_dice, wasserstein_dice, unified_focal, sums, selection, lovasz_hinge, lovasz_sigmoid,
              lovasz_softmax, boundary, hausdorff_dt, sobel_boundary, cl_dice, sums_of_kinds):
    FOLDER = group.__name__
    group()
