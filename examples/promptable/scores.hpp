#ifndef XLOSS_EXAMPLES_PROMPTABLE_SCORES_HPP
#define XLOSS_EXAMPLES_PROMPTABLE_SCORES_HPP

// How good the candidates of held-out prompts are, and how well a number that needs no truth ranks them.

#include "prompts.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

namespace example {

/// What a model answered to held-out prompts.
struct answers {
    xt::xtensor<std::uint8_t, 4> masks;         // [prompt, candidate, row, column]
    xt::xtensor<float, 2> predicted, stability; // [prompt, candidate]
    xt::xtensor<double, 3> iou;                 // [prompt, meaning, candidate]
};

inline double iou_of(const std::uint8_t* mask, const std::uint8_t* truth) {
    std::size_t both = 0, either = 0;
    for (std::size_t n = 0; n < patch_pixels; ++n) {
        both += mask[n] != 0 && truth[n] != 0;
        either += mask[n] != 0 || truth[n] != 0;
    }
    return either == 0 ? 1.0 : static_cast<double>(both) / static_cast<double>(either);
}

/// Places in sorted order, from 0; equal values share the mean of theirs.
inline std::vector<double> ranks_of(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    std::vector<double> ranks(values.size());
    for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
        while (end < order.size() && values[order[end]] == values[order[begin]])
            ++end;
        for (std::size_t k = begin; k < end; ++k)
            ranks[order[k]] = 0.5 * static_cast<double>(begin + end - 1);
    }
    return ranks;
}

/// Spearman's correlation: Pearson's, of the ranks.
inline double spearman(std::span<const double> x, std::span<const double> y) {
    const auto a = ranks_of(x), b = ranks_of(y);
    const double middle = 0.5 * static_cast<double>(x.size() - 1);
    double ab = 0.0, aa = 0.0, bb = 0.0;
    for (std::size_t k = 0; k < a.size(); ++k) {
        ab += (a[k] - middle) * (b[k] - middle);
        aa += (a[k] - middle) * (a[k] - middle);
        bb += (b[k] - middle) * (b[k] - middle);
    }
    return ab / std::sqrt(aa * bb);
}

/// Kendall's correlation: the share of pairs in the same order minus that of pairs in the other; a tie is
/// neither.
template <class X, class Y>
double kendall(std::size_t count, const X& x, const Y& y) {
    double agree = 0.0;
    for (std::size_t a = 0; a < count; ++a)
        for (std::size_t b = 0; b < a; ++b) {
            const double product = (x(a) - x(b)) * (y(a) - y(b));
            agree += product > 0.0 ? 1.0 : product < 0.0 ? -1.0 : 0.0;
        }
    return agree / (0.5 * static_cast<double>(count * (count - 1)));
}

inline double expected_iou(const answers& given, std::size_t prompt, std::size_t candidate) {
    return mean_over_meanings([&](std::size_t g) { return given.iou(prompt, g, candidate); });
}

/// How well a number ranks candidates by their actual IoU. No number can know what was meant by a click, so
/// it is compared with the mean IoU over the meanings as well.
struct ranking_score {
    double first = 0.0;        // IoU of the candidate that it ranks first
    double within = 0.0;       // Kendall's correlation over the candidates of a click, for each meaning
    double within_mean = 0.0;  // the same with the mean IoU
    double overall = 0.0;      // Spearman's correlation over all candidates of all clicks and meanings
    double overall_mean = 0.0; // the same with the mean IoU
};

/// `key`: [prompt, candidate].
inline ranking_score score_ranking(const answers& given, const xt::xtensor<float, 2>& key) {
    const std::size_t prompts = key.shape(0), candidates = key.shape(1);
    const auto count = static_cast<double>(prompts);
    const auto order = xloss::rank_masks(key);
    ranking_score score;
    std::vector<double> keys, actual, keys_once, expected;
    for (std::size_t n = 0; n < prompts; ++n) {
        const auto key_of = [&](std::size_t m) { return static_cast<double>(key(n, m)); };
        const auto mean_of = [&](std::size_t m) { return expected_iou(given, n, m); };
        score.first += mean_of(order(n, 0)) / count;
        score.within_mean += kendall(candidates, key_of, mean_of) / count;
        score.within +=
            mean_over_meanings([&](std::size_t g) {
                return kendall(candidates, key_of, [&](std::size_t m) { return given.iou(n, g, m); });
            }) /
            count;
        for (std::size_t m = 0; m < candidates; ++m) {
            keys_once.push_back(key_of(m));
            expected.push_back(mean_of(m));
            for (std::size_t g = 0; g < meanings.size(); ++g) {
                keys.insert(keys.end(), meanings[g].times, key_of(m));
                actual.insert(actual.end(), meanings[g].times, given.iou(n, g, m));
            }
        }
    }
    score.overall = spearman(keys, actual);
    score.overall_mean = spearman(keys_once, expected);
    return score;
}

/// IoU of held-out candidates, means over prompts and over what clicks mean.
struct candidate_score {
    double oracle = 0.0;                         // of the best candidate for what was meant
    std::array<double, meanings.size()> meant{}; // the same for each meaning
    double best = 0.0; // of the best candidate in the mean over the meanings: the most that ranking can reach
    double fixed = 0.0;  // of the best candidate if it is the same for all clicks: what ranking should beat
    double random = 0.0; // of any candidate
};

inline candidate_score score_candidates(const answers& given) {
    const std::size_t prompts = given.iou.shape(0), candidates = given.iou.shape(2);
    const auto count = static_cast<double>(prompts);
    candidate_score score;
    std::vector<double> of_candidate(candidates, 0.0);
    for (std::size_t n = 0; n < prompts; ++n) {
        double best = 0.0;
        for (std::size_t m = 0; m < candidates; ++m) {
            best = std::max(best, expected_iou(given, n, m));
            of_candidate[m] += expected_iou(given, n, m) / count;
        }
        score.best += best / count;
        for (std::size_t g = 0; g < meanings.size(); ++g) {
            const double* row = &given.iou(n, g, 0);
            score.meant[g] += *std::max_element(row, row + candidates) / count;
        }
    }
    score.oracle = mean_over_meanings([&](std::size_t g) { return score.meant[g]; });
    score.fixed = *std::max_element(of_candidate.begin(), of_candidate.end());
    score.random =
        std::accumulate(of_candidate.begin(), of_candidate.end(), 0.0) / static_cast<double>(candidates);
    return score;
}

} // namespace example

#endif
