#ifndef XLOSS_EXAMPLES_BORDERS_SCORES_HPP
#define XLOSS_EXAMPLES_BORDERS_SCORES_HPP

// How well predicted regions cover the true ones, and how far their borders are apart.

#include "../brain/volume.hpp"

#include <xloss/training/confusion_matrix.hpp>
#include <xloss/training/surface_quality.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace example {

/// Millimetres between the voxels of a coronal slice, along each of its axes.
inline const std::vector<double> pixel_spacing{2.0, 2.0};

/// One class of a label map, or the foreground of a mask, on all slices of a set.
struct border_score {
    double iou = 0.0;
    double hausdorff = 0.0; // its 95th percentile in mm, mean over the slices that hold the class and where
                            // some of it was found; not a number where no slice has both
    double average = 0.0;   // the average symmetric surface distance in mm, of the same slices
    std::size_t slices = 0, missed = 0; // that hold the class; of them, those where none of it was found
};

/// Of every class; a mask has two.
inline std::vector<border_score> border_scores(const volume& prediction, const volume& truth,
                                               std::size_t classes,
                                               std::optional<std::int64_t> ignore_index = {}) {
    std::vector<border_score> scores(classes);
    const auto iou = xloss::confusion_matrix(classes, ignore_index).add(prediction, truth).iou();
    for (std::size_t c = 0; c < classes; ++c)
        scores[c].iou = iou[c];
    for (std::size_t b = 0; b < truth.shape(0); ++b) {
        const auto slice_truth = xt::view(truth, b, xt::all(), xt::all());
        const auto of_classes =
            xloss::surface_qualities(xt::view(prediction, b, xt::all(), xt::all()), slice_truth, classes,
                                     {.spacing = pixel_spacing, .ignore_index = ignore_index});
        for (std::size_t c = 0; c < classes; ++c) {
            if (std::find(slice_truth.begin(), slice_truth.end(), c) == slice_truth.end())
                continue;
            ++scores[c].slices;
            if (of_classes[c].one_is_empty()) {
                ++scores[c].missed;
                continue;
            }
            scores[c].hausdorff += of_classes[c].hausdorff(95);
            scores[c].average += of_classes[c].average();
        }
    }
    for (border_score& score : scores) {
        const auto found = static_cast<double>(score.slices - score.missed);
        score.hausdorff /= found;
        score.average /= found;
    }
    return scores;
}

} // namespace example

#endif
