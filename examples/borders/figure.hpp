#ifndef XLOSS_EXAMPLES_BORDERS_FIGURE_HPP
#define XLOSS_EXAMPLES_BORDERS_FIGURE_HPP

// What the losses of borders see of held-out slices: signed distances, a gradient, and what was learnt.

#include "../brain/overlay.hpp"
#include "../brain/sheet.hpp"
#include "train.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace example {

// Apart for any kind of colour vision (Okabe and Ito).
inline constexpr colour below_zero{0, 114, 178}, above_zero{213, 94, 0}, true_border{250, 230, 60};

/// White at 0, to full colour at -1 and 1.
inline colour diverging(double value) {
    return blend(value < 0.0 ? below_zero : above_zero, white, std::min(1.0, std::abs(value)));
}

/// The gradient of a Lovász loss by the logits of the test slices.
using slope_map = xt::xtensor<float, 3>;

/// The slope at which a colour is full: a tenth of a percent of the pixels have a larger one.
inline double full_slope(const slope_map& slopes) {
    std::vector<double> sizes;
    sizes.reserve(slopes.size());
    for (const float slope : slopes)
        sizes.push_back(std::abs(static_cast<double>(slope)));
    const auto place = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() - sizes.size() / 1000 - 1);
    std::nth_element(sizes.begin(), place, sizes.end());
    return *place;
}

/// One row per slice. The true border is drawn on every tile, and that of a prediction on its own.
class border_figure {
public:
    /// Some of the test slices, within a window around the target, and columns for `runs` predictions.
    border_figure(const volume& t1, const task& job, std::size_t runs)
        : mri(t1), subject(job), places(slices_to_show(job.target, job.parts.test)),
          page(window_around(job.target, job.parts.test, 5), runs + 3, places.size(), 2) {
        page.title(job.name + " on held-out coronal slices");
        page.legend(8, 1,
                    {{"true border", true_border},
                     {"inside - gradient raises the logit", below_zero},
                     {"outside - gradient lowers it", above_zero}});
        column("MRI + true border", "", [&](std::size_t, std::size_t slice, std::size_t y, std::size_t x) {
            return mri_colour(mri(slice, y, x));
        });
        for (std::size_t row = 0; row < places.size(); ++row)
            page.place(row, slice_of_row(row));
    }

    /// Distances of all slices; the colour is full at `reach` mm.
    void distances(const xt::xtensor<float, 3>& maps, double reach) {
        char scale[32];
        std::snprintf(scale, sizeof scale, "-%.0f to +%.0f mm", reach, reach);
        column("signed distance", scale, [&](std::size_t, std::size_t slice, std::size_t y, std::size_t x) {
            return diverging(static_cast<double>(maps(slice, y, x)) / reach);
        });
    }

    /// A gradient by the logits of the test slices; a step goes against it.
    void gradient(const slope_map& slopes, const std::string& when) {
        const double full = full_slope(slopes);
        column("Lovasz gradient", when, [&](std::size_t place, std::size_t, std::size_t y, std::size_t x) {
            return diverging(static_cast<double>(slopes(place, y, x)) / full);
        });
    }

    /// What a model found, in the colour of hits of the other overlays.
    void prediction(const std::string& loss, const std::string& score, const volume& found) {
        column(loss, score, [&](std::size_t place, std::size_t slice, std::size_t y, std::size_t x) {
            return blend(hit, mri_colour(mri(slice, y, x)), found(place, y, x) != 0 ? 0.5 : 0.0);
        });
    }

    void save(const std::filesystem::path& file) const { page.save(file); }

private:
    /// `of(place, slice, y, x)`: the colour of a pixel, place among the test slices.
    template <class Of>
    void column(const std::string& text, const std::string& score, const Of& of) {
        page.heading(used, text, score);
        for (std::size_t row = 0; row < places.size(); ++row) {
            const std::size_t slice = slice_of_row(row);
            page.tile(used, row, [&](std::size_t y, std::size_t x) { return of(places[row], slice, y, x); });
            page.outline(
                used, row, [&](std::size_t y, std::size_t x) { return subject.target(slice, y, x) != 0; },
                true_border);
        }
        ++used;
    }

    std::size_t slice_of_row(std::size_t row) const { return subject.parts.test[places[row]]; }

    const volume& mri;
    const task& subject;
    std::vector<std::size_t> places;
    sheet page;
    std::size_t used = 0;
};

} // namespace example

#endif
