#ifndef XLOSS_DISTANCE_ENVELOPE_HPP
#define XLOSS_DISTANCE_ENVELOPE_HPP

#include <xloss/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

/// \file
/// One row of an exact distance transform. Along an axis the squared distance of pixel q to the border of its
/// region is the least of h_u + (s (q - u))^2 over the pixels u of its run, h_u being the square in the axes
/// that were done before, and of the two pixels that end the run, where h is 0: beyond those nothing is
/// nearer. That is the lower envelope of parabolas of one width (Felzenszwalb and Huttenlocher 2012), in time
/// linear in the length of the row. With integer positions instead of real intersections (Meijster et al.
/// 2000) each parabola that is kept is the least somewhere.

namespace xloss::distance {

/// 1/(2 d s^2) for d = 1, ..., n - 1: dividing by multiplication. With s = 1 the squares are whole numbers,
/// and a quotient off in its last bit moves no intersection across a pixel, but where both parabolas are
/// equal.
inline void fill_half_inverses(double spacing, std::size_t n, double* half_inverse) {
    for (std::size_t d = 1; d < n; ++d)
        half_inverse[d] = 1.0 / (2.0 * spacing * spacing * static_cast<double>(d));
}

/// The parabolas of a run that are the least somewhere, from left to right.
class envelope {
public:
    using index = std::int32_t;

    /// The first pixel where a parabola is the least, and where it stands.
    struct span {
        index from, place;
    };

    /// Room for n + 2 of each, for a row of n pixels.
    struct memory {
        double *height, *begin;
        span* spans;
    };

    envelope(const memory& m, std::size_t n, double spacing, const double* half_inverse)
        : height_(m.height), begin_(m.begin), spans_(m.spans), half_inverse_(half_inverse), spacing_(spacing),
          last_(static_cast<index>(n) - 1) {}

    /// Begins a run at pixel `first`.
    void start(std::size_t first) {
        count_ = 0;
        first_ = static_cast<index>(first);
    }

    /// Adds the parabola of pixel u, to the right of all before.
    XLOSS_INLINE void push(std::size_t pixel, double h) {
        const auto u = static_cast<index>(pixel);
        index from = first_;
        while (count_ > 0) {
            // Where the new one gets below the last, seen from u: positions in the image would lose digits.
            const index d = u - spans_[count_ - 1].place;
            const double crossing = (h - height_[count_ - 1]) * half_inverse_[d] - 0.5 * d;
            if (crossing >= begin_[count_ - 1] - u) {
                if (crossing >= last_ - u)
                    return; // below it nowhere in the row
                from = u + 1 + floor(crossing);
                break;
            }
            --count_; // the last one is nowhere the least
        }
        height_[count_] = h;
        begin_[count_] = from;
        spans_[count_] = {from, u};
        ++count_;
    }

    /// The least of all at each pixel of [first, last), times `sign`; infinite without a parabola.
    XLOSS_INLINE void evaluate(std::size_t last, double sign, double* to) {
        const auto end = static_cast<index>(last);
        if (count_ == 0) {
            for (index q = first_; q < end; ++q)
                to[q] = sign * std::numeric_limits<double>::infinity();
            return;
        }
        spans_[count_].from = std::numeric_limits<index>::max();
        std::size_t k = 0;
        for (index q = first_; q < end; ++q) {
            k += spans_[k + 1].from <= q ? 1 : 0; // each is the least somewhere, so the next is one on
            const double away = spacing_ * (q - spans_[k].place);
            to[q] = sign * (height_[k] + away * away);
        }
    }

private:
    static XLOSS_INLINE index floor(double x) {
        const auto whole = static_cast<index>(x);
        return whole - (x < whole ? 1 : 0);
    }

    double* height_;
    double* begin_;
    span* spans_;
    const double* half_inverse_;
    double spacing_;
    index last_;
    index first_ = 0;
    std::size_t count_ = 0;
};

/// The squares of a row after one more axis, in place, run by run of `region(q)`, which is equal for pixels
/// of one region. Sign(region) is what the squares of a run are multiplied by; runs of 0 are not looked at,
/// nor are those where is_done(first, last) says that it has made them.
template <class Region, class Sign, class IsDone>
void transform_row(envelope& parabolas, double* h, std::size_t n, const Region& region, const Sign& sign,
                   const IsDone& is_done) {
    for (std::size_t first = 0, last = 0; first < n; first = last) {
        const auto here = region(first);
        const double factor = sign(here);
        for (last = first + 1; last < n && region(last) == here;)
            ++last;
        if (is_done(first, last))
            continue;
        if (factor == 0.0) {
            std::fill(h + first, h + last, 0.0);
            continue;
        }
        parabolas.start(first);
        if (first > 0)
            parabolas.push(first - 1, 0.0);
        for (std::size_t q = first; q < last; ++q) {
            const double height = h[q] < 0.0 ? -h[q] : h[q];
            if (height < std::numeric_limits<double>::infinity())
                parabolas.push(q, height);
        }
        if (last < n)
            parabolas.push(last, 0.0);
        parabolas.evaluate(last, factor, h);
    }
}

} // namespace xloss::distance

#endif
