#ifndef XLOSS_ENGINE_TALLY_HPP
#define XLOSS_ENGINE_TALLY_HPP

#include <xloss/config.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/survey.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <vector>

namespace xloss::engine {

/// What a tally keeps of a tile of pixels.
template <class T>
struct tally_rows {
    alignas(64) std::array<T, tile_size> label, m, spare, staging, best, predicted;
};

/// Adds the weight of every pixel that counts to `sums[cell(j)]`. Equal labels come in runs, and the sum of a
/// run stays in a register: added pixel by pixel, each addition would wait for the one before to reach
/// memory.
template <class T, class Cell>
void add_up(std::size_t n, const T* m, double* sums, Cell&& cell) {
    std::size_t current = 0;
    double run = 0.0;
    for (std::size_t j = 0; j < n; ++j) {
        if (m && m[j] == T(0))
            continue;
        const std::size_t at = cell(j);
        if (at != current) {
            sums[current] += run;
            run = 0.0;
            current = at;
        }
        run += m ? static_cast<double>(m[j]) : 1.0;
    }
    sums[current] += run;
}

/// The samples joined to one, so that a list of single labels is not walked tile by tile. For what lies in
/// memory as label maps do, without a class axis.
inline geometry joined(geometry g) {
    g.pixels *= g.samples;
    g.samples = 1;
    return g;
}

/// Tiles of some pixels, cut into pieces of which none holds pixels of two samples.
struct tile_pieces {
    geometry g;
    std::size_t pixels; // of a piece, whole tiles

    /// `sums`: how many numbers every piece is to add up. It has so many pixels that these do not show, in
    /// time or in memory.
    tile_pieces(const geometry& where, std::size_t sums)
        : g(where), pixels(std::max<std::size_t>(64, 4 * sums / tile_size + 1) * tile_size) {}

    [[nodiscard]] std::size_t per_sample() const { return (g.pixels + pixels - 1) / pixels; }
    [[nodiscard]] std::size_t count() const { return g.samples * per_sample(); }
    [[nodiscard]] std::size_t sample_of(std::size_t piece) const { return piece / per_sample(); }
    [[nodiscard]] bool ends_sample(std::size_t piece) const { return (piece + 1) % per_sample() == 0; }

    /// Calls f(sample, first pixel, number of pixels) for the tiles of a piece.
    template <class F>
    void each_tile(std::size_t piece, F&& f) const {
        const std::size_t first = piece % per_sample() * pixels, end = std::min(g.pixels, first + pixels);
        for (std::size_t i = first; i < end; i += tile_size)
            f(sample_of(piece), i, std::min(tile_size, end - i));
    }
};

/// Calls run(piece, its sums, which are 0) for every piece, and then merge(piece, its sums) in their order.
/// What a piece throws waits for those before it, so that the first error is the one that is reported.
template <class Run, class Merge>
void tally_pieces(const executor_ref& executor, const tile_pieces& pieces, std::size_t sums, Run&& run,
                  Merge&& merge) {
    std::vector<double> numbers(slots(executor, pieces.count()) * sums);
    std::array<std::exception_ptr, pieces_in_flight> failures{};
    for_pieces(
        executor, pieces.count(),
        [&](std::size_t piece, std::size_t slot) {
            double* own = numbers.data() + slot * sums;
            std::fill_n(own, sums, 0.0);
            try {
                run(piece, own);
            } catch (...) {
                failures[slot] = std::current_exception();
            }
        },
        [&](std::size_t piece, std::size_t slot) {
            if (failures[slot])
                std::rethrow_exception(failures[slot]);
            merge(piece, numbers.data() + slot * sums);
        });
}

template <class T>
bool are_labels(const target<T>& y, const executor_ref& executor) {
    const tile_pieces pieces(joined(y.geometry()), 0);
    double bad = 0.0;
    tally_pieces(
        executor, pieces, 1,
        [&](std::size_t piece, double* found) {
            alignas(64) std::array<T, tile_size> buffer;
            pieces.each_tile(piece, [&](std::size_t b, std::size_t i, std::size_t n) {
                if (!in_range(y.labels(b, i, n, buffer.data()), n, -1.0, std::numeric_limits<T>::max()))
                    *found = 1.0;
            });
        },
        [&](std::size_t, const double* found) { bad += *found; });
    return bad == 0.0;
}

/// Throws what is wrong with labels and weights, before anything is counted.
template <class T>
void check_targets_alone(const target<T>& y, const std::optional<std::int64_t>& ignore,
                         const executor_ref& executor = {}) {
    if (y.is_label_map() && !y.has_riders() && are_labels(y, executor))
        return;
    mode_options options;
    options.ignore_index = ignore;
    workspace memory;
    surveyor<T>(y, options, executor, memory).run(false);
}

// --- what was predicted, as rows of class numbers; below 0 where there is none ---

/// Label maps of the shape of the true ones.
template <class T>
class predicted_labels {
public:
    static constexpr bool has_classes = false; // an axis of them, between samples and pixels

    template <class P>
    predicted_labels(const P& predicted, std::size_t classes) : source_(predicted, classes, {}) {}

    const T* read(const geometry& g, std::size_t b, std::size_t i, std::size_t n, tally_rows<T>& r) const {
        return source_.read(b * g.pixels + i, n, r.predicted.data());
    }

    [[noreturn]] void refuse(const target<T>& y, std::size_t b, std::size_t i) const {
        const std::size_t flat = b * y.geometry().pixels + i;
        tensor::raise<label_error>({y.loss(), ": the predicted label ", source_.value_at(flat), " at ",
                                    tensor::index_string(source_.shape(), flat), " is outside [0, ",
                                    y.geometry().classes, ")"});
    }

private:
    tensor::label_source<T> source_;
};

/// The class of the largest score, the first of equals. A pixel with a NaN has none.
template <class T>
class largest_score {
    using V = simd::number<T>;

public:
    static constexpr bool has_classes = true;

    explicit largest_score(const tensor::source<T>& scores) : scores_(scores) {}

    const T* read(const geometry& g, std::size_t b, std::size_t i, std::size_t n, tally_rows<T>& r) const {
        const std::size_t padded = (n + V::width - 1) / V::width * V::width;
        std::fill_n(r.best.begin(), padded, -std::numeric_limits<T>::infinity());
        std::fill_n(r.predicted.begin(), padded, T(0));
        bool clean = true;
        for (std::size_t c = 0; c < g.classes; ++c)
            clean &= add_class(scores_.read(g.first(b, c) + i, n, r.staging.data()), c, n, r);
        if (!clean)
            drop_nan(g, b, i, n, r);
        return r.predicted.data();
    }

    [[noreturn]] void refuse(const target<T>& y, std::size_t b, std::size_t i) const {
        std::size_t at = y.geometry().first(b, 0) + i;
        for (T x{}; !is_nan(*scores_.read(at, 1, &x));)
            at += y.geometry().pixels;
        tensor::raise<finite_error>(
            {y.loss(), ": the score at ", tensor::index_string(scores_.shape(), at), " is NaN"});
    }

private:
    static bool is_nan(T x) { return !(x == x); }

    /// Whether there was no NaN.
    static bool add_class(const T* x, std::size_t c, std::size_t n, tally_rows<T>& r) {
        const V cls(static_cast<double>(c));
        typename V::mask_type numbers(true);
        const auto add = [&](std::size_t j, const V& score) XLOSS_INLINE_LAMBDA {
            numbers &= score == score;
            T* best = r.best.data() + j;
            T* predicted = r.predicted.data() + j;
            const V so_far = V::load(best);
            const auto larger = score > so_far;
            select(larger, score, so_far).store(best);
            select(larger, cls, V::load(predicted)).store(predicted);
        };
        std::size_t j = 0;
        for (; j + V::width <= n; j += V::width)
            add(j, V::load(x + j));
        if (j < n)
            add(j, V::load_partial(x + j, n - j));
        return all(numbers);
    }

    void drop_nan(const geometry& g, std::size_t b, std::size_t i, std::size_t n, tally_rows<T>& r) const {
        for (std::size_t c = 0; c < g.classes; ++c) {
            const T* x = scores_.read(g.first(b, c) + i, n, r.staging.data());
            for (std::size_t j = 0; j < n; ++j)
                if (is_nan(x[j]))
                    r.predicted[j] = T(-1);
        }
    }

    const tensor::source<T>& scores_;
};

/// Foreground, class 1, where a logit is above the threshold. A NaN is neither.
template <class T>
class above_threshold {
    using V = simd::number<T>;

public:
    static constexpr bool has_classes = false;

    above_threshold(const tensor::source<T>& logits, double threshold)
        : logits_(logits), threshold_(threshold) {}

    const T* read(const geometry& g, std::size_t b, std::size_t i, std::size_t n, tally_rows<T>& r) const {
        const T* x = logits_.read(g.first(b, 0) + i, n, r.staging.data());
        for (std::size_t j = 0; j < n; j += V::width) {
            const V logit = j + V::width <= n ? V::load(x + j) : V::load_partial(x + j, n - j);
            const V cls = select(logit > threshold_, V(1.0));
            select(logit == logit, cls, V(-1.0)).store(r.predicted.data() + j);
        }
        return r.predicted.data();
    }

    [[noreturn]] void refuse(const target<T>& y, std::size_t b, std::size_t i) const {
        tensor::raise<finite_error>({y.loss(), ": the logit at ", y.index_of(b, 0, i), " is NaN"});
    }

private:
    const tensor::source<T>& logits_;
    V threshold_;
};

// --- the tallies ---

/// True classes of n pixels; masks are checked here, because only here they have to be 0 or 1.
template <class T>
const T* true_classes(const target<T>& y, std::size_t b, std::size_t i, std::size_t n, T* buffer) {
    return y.is_label_map() ? y.labels(b, i, n, buffer) : y.soft(b, 0, i, n, buffer);
}

template <class T>
void check_mask(const target<T>& y, std::size_t b, std::size_t i, std::size_t n, const T* mask, const T* m) {
    for (std::size_t j = 0; j < n; ++j)
        if (!(mask[j] == T(0) || mask[j] == T(1)) && !(m && m[j] == T(0)))
            tensor::raise<target_error>(
                {y.loss(), ": the mask at ", y.index_of(b, 0, i + j), " is ", mask[j], ", neither 0 nor 1"});
}

/// Adds a tile of pixels to sums[true class * classes + predicted class].
template <class T, class Prediction>
void tally_tile(const target<T>& y, const Prediction& prediction, const geometry& g, std::size_t b,
                std::size_t i, std::size_t n, std::size_t classes, tally_rows<T>& r, double* sums) {
    const T* labels = true_classes(y, b, i, n, r.label.data());
    const T* m = y.masked() ? y.weights(b, 0, i, n, labels, r.m.data(), r.spare.data()) : nullptr;
    if (!y.is_label_map())
        check_mask(y, b, i, n, labels, m);
    const T* predicted = prediction.read(g, b, i, n, r);
    if (!in_range(predicted, n, 0.0, std::numeric_limits<T>::max()))
        for (std::size_t j = 0; j < n; ++j)
            if (predicted[j] < T(0) && !(m && m[j] == T(0)))
                prediction.refuse(y, b, i + j);
    add_up(n, m, sums, [=](std::size_t j) {
        return tensor::class_number(labels[j]) * classes + tensor::class_number(predicted[j]);
    });
}

/// Adds every pixel that counts to sums[true class * classes + predicted class]. On an error they are left
/// half added up. The labels of `y` have been checked, a mask has not.
template <class T, class Prediction>
void tally_pairs(const target<T>& y, const Prediction& prediction, std::size_t classes, double* sums,
                 const executor_ref& executor = {}) {
    const bool apart = Prediction::has_classes || y.has_riders();
    const std::size_t cells = classes * classes;
    const tile_pieces pieces(apart ? y.geometry() : joined(y.geometry()), cells);
    tally_pieces(
        executor, pieces, cells,
        [&](std::size_t piece, double* own) {
            tally_rows<T> r;
            pieces.each_tile(piece, [&](std::size_t b, std::size_t i, std::size_t n) {
                tally_tile(y, prediction, pieces.g, b, i, n, classes, r, own);
            });
        },
        [&](std::size_t, const double* own) {
            for (std::size_t k = 0; k < cells; ++k)
                sums[k] += own[k];
        });
}

/// For every class of a label map: adds its pixels to sums[class], and the pixels of the samples that have
/// any of it to sums[classes + class].
template <class T>
void tally_labels(const target<T>& y, double* sums, const executor_ref& executor = {}) {
    const std::size_t classes = y.geometry().classes;
    const tile_pieces pieces(y.geometry(), classes);
    std::vector<double> sample(classes);
    const auto finish_sample = [&] {
        double pixels = 0.0;
        for (double n : sample)
            pixels += n;
        for (std::size_t c = 0; c < classes; ++c) {
            sums[c] += sample[c];
            sums[classes + c] += sample[c] > 0.0 ? pixels : 0.0;
            sample[c] = 0.0;
        }
    };
    tally_pieces(
        executor, pieces, classes,
        [&](std::size_t piece, double* own) {
            tally_rows<T> r;
            pieces.each_tile(piece, [&](std::size_t b, std::size_t i, std::size_t n) {
                const T* labels = y.labels(b, i, n, r.label.data());
                const T* m = y.masked() ? y.weights(b, 0, i, n, labels, r.m.data(), r.spare.data()) : nullptr;
                add_up(n, m, own, [=](std::size_t j) { return tensor::class_number(labels[j]); });
            });
        },
        [&](std::size_t piece, const double* own) {
            for (std::size_t c = 0; c < classes; ++c)
                sample[c] += own[c];
            if (pieces.ends_sample(piece))
                finish_sample();
        });
}

} // namespace xloss::engine

#endif
