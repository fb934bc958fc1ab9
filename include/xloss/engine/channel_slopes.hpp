#ifndef XLOSS_ENGINE_CHANNEL_SLOPES_HPP
#define XLOSS_ENGINE_CHANNEL_SLOPES_HPP

#include <xloss/config.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/channel_reader.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/simd/number.hpp>

#include <algorithm>
#include <cstddef>

/// \file
/// What the gradient of a class needs of its whole pixel. All of these refer to rows of a block.

namespace xloss::engine {

/// sum_k p_k a_k over the classes of a pixel. The a of a class with p > 1/2 enters it by -q and stands beside
/// it: what that class is beyond the mean is then exact where all the rest is next to nothing.
template <class T>
class class_mean {
    using V = simd::number<T>;

public:
    explicit class_mean(channel_block<T>& k) : rest_(k.rest.data()), major_(k.major.data()) {}

    /// Of no class yet.
    void clear(std::size_t n) const {
        std::fill_n(rest_, channel_reader<T>::padded(n), T(0));
        std::fill_n(major_, channel_reader<T>::padded(n), T(0));
    }

    /// Adds a class by the `smaller_of` its p and q.
    XLOSS_INLINE void add(std::size_t j, const V& smaller, const V& a) const {
        add(j, [&](auto&& one) XLOSS_INLINE_LAMBDA { one(smaller, a); });
    }

    /// Calls f(add) to add classes of the pixels from j on: add(the `smaller_of` its p and q, a).
    template <class F>
    XLOSS_INLINE void add(std::size_t j, F&& f) const {
        V rest = V::load(rest_ + j), major = V::load(major_ + j);
        f([&](const V& smaller, const V& a) XLOSS_INLINE_LAMBDA {
            rest = fma(smaller, a, rest);
            major = select(signbit(smaller), a, major);
        });
        rest.store(rest_ + j);
        major.store(major_ + j);
    }

    /// a - sum_k p_k a_k.
    XLOSS_INLINE V beyond(std::size_t j, const V& a) const {
        return (a - V::load(major_ + j)) - V::load(rest_ + j);
    }

private:
    T *rest_, *major_;
};

/// The slope of the pointwise terms that see the class of the label alone, as the rows `own_slope` and
/// `others_slope` have it.
template <class T>
class label_slopes {
    using V = simd::number<T>;

public:
    explicit label_slopes(const channel_block<T>& k)
        : label_(k.label.data()), own_(k.own_slope.data()), others_(k.others_slope.data()) {}

    /// Whether the label names this class.
    XLOSS_INLINE auto own(std::size_t j, const V& cls) const { return V::load(label_ + j) == cls; }

    /// The slope by the logit of a class of this p.
    XLOSS_INLINE V at(std::size_t j, const auto& is_own, const V& p) const {
        return select(is_own, V::load(own_ + j), V::load(others_ + j) * p);
    }

private:
    const T *label_, *own_, *others_;
};

/// What W, the cost of a prediction, adds to the slopes by the probabilities of a pixel of a label map.
template <class T>
class cost_slopes {
    using V = simd::number<T>;

public:
    cost_slopes(channel_block<T>& k, std::size_t n, const pull_back* pulls)
        : label_(k.label.data()), by_cost_(k.cost.data()) {
        for (std::size_t j = 0; j < channel_reader<T>::padded(n); ++j)
            k.cost[j] = k.label[j] < T(0)
                            ? T(0)
                            : static_cast<T>(pulls[static_cast<std::size_t>(k.label[j])].by_cost);
    }

    /// For the class with these costs.
    XLOSS_INLINE V at(std::size_t j, const T* costs) const {
        return lookup(costs, greater(V(0.0), V::load(label_ + j))) * V::load(by_cost_ + j);
    }

private:
    const T *label_, *by_cost_;
};

} // namespace xloss::engine

#endif
