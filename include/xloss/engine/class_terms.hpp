#ifndef XLOSS_ENGINE_CLASS_TERMS_HPP
#define XLOSS_ENGINE_CLASS_TERMS_HPP

#include <xloss/config.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/program.hpp>

#include <array>
#include <cstddef>
#include <type_traits>

namespace xloss::engine {

/// The slope of pointwise terms at a pixel of a class, weights and factors included.
template <class V>
struct class_slope {
    V by_log{0.0}, by_p{0.0};
};

/// The pointwise terms of a softmax that see every class, at pixels of one of them. A copy of all they need:
/// a compiler sees that no store of the loop over the pixels changes it.
template <class V, class Program>
class class_terms {
    using factors = std::array<double, Program::points>;

public:
    /// `point`: d(loss)/d(point sum). `soft`: the target is no label map, so that all terms see every class.
    /// `any`: whether any does.
    class_terms(const Program& program, std::size_t c, const factors& point, bool soft, bool any)
        : program_(program), weights_(class_weights_of_points(program, c)), slopes_(point), soft_(soft),
          any_(any ? 1.0 : 0.0) {
        for (std::size_t q = 0; q < Program::points; ++q)
            slopes_[q] *= weights_[q];
    }

    /// Their slope at a pixel of weight m; 0 where m is. Calls f(number of the first point, points, weight of
    /// the class) for each term.
    template <class F>
    XLOSS_INLINE class_slope<V> slope(const pixel<V>& s, const V& m, F&& f) const {
        class_slope<V> result;
        each(s, [&](std::size_t first, const auto& points, auto by_p) XLOSS_INLINE_LAMBDA {
            f(first, points, weights_[first]);
            for (std::size_t q = 0; q < points.size(); ++q) {
                V& to = by_p ? result.by_p : result.by_log;
                to = fma(V(slopes_[first + q]), points[q].slope, to);
            }
        });
        const auto counts = m * any_ != V(0.0);
        result.by_log = select(counts, result.by_log * m);
        result.by_p = select(counts, result.by_p * m);
        return result;
    }

    [[nodiscard]] XLOSS_INLINE class_slope<V> slope(const pixel<V>& s, const V& m) const {
        return slope(s, m, [](std::size_t, const auto&, double) {});
    }

private:
    /// Calls f(number of the first point, points, are the slopes by p?).
    template <class F>
    XLOSS_INLINE void each(const pixel<V>& s, F&& f) const {
        program_.each_pointwise([&]<std::size_t I>(const auto& one) XLOSS_INLINE_LAMBDA {
            using term = typename Program::template term<I>;
            const bool every = wants_every_class(one.term);
            // Not asked where it is known: what follows a branch is not moved out of a loop by g++.
            if constexpr (Program::pointwise_terms > 1)
                if (!every && !soft_)
                    return;
            if constexpr (has_at_class<term>) {
                auto points = as_points(one.term.at_class(s));
                if (!every)
                    for (auto& at : points) {
                        at.value = select(s.y > V(0.0), at.value);
                        at.slope = select(s.y > V(0.0), at.slope);
                    }
                f(Program::point_offsets[I], points, std::false_type{});
            } else {
                f(Program::point_offsets[I], as_points(one.term.at_probability(s)), std::true_type{});
            }
        });
    }

    Program program_;
    factors weights_; // of the class
    factors slopes_;  // factors of the slopes
    bool soft_;
    V any_; // 0: no term sees any element
};

} // namespace xloss::engine

#endif
