#ifndef XLOSS_ENGINE_ELEMENT_ROWS_HPP
#define XLOSS_ENGINE_ELEMENT_ROWS_HPP

#include <xloss/config.hpp>
#include <xloss/engine/activation.hpp>
#include <xloss/engine/channel_block.hpp>
#include <xloss/engine/channel_reader.hpp>
#include <xloss/engine/pixel.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/simd/number.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xloss::engine {

/// The softmax of a call, written down for losses that see a class as a whole: of every element what
/// `smaller_of` gives.
template <class T>
class softmax_writer : channel_reader<T> {
    using reader = channel_reader<T>;
    using typename reader::block;

public:
    explicit softmax_writer(const sweep_inputs<T>& in) : reader(in, false) {}

    void write(T* to) const {
        this->each_block(
            this->plan(), [](std::size_t) {},
            [&](block& k, std::size_t, std::size_t b, std::size_t i, std::size_t n) {
                this->read_targets(k, b, i, n); // which pixels are there
                this->softmax(k, b, i, n, fetch_ahead<T>(this->in_, this->g_, b, i, n));
                this->keep_smaller(k, n);
                for (std::size_t c = 0; c < this->g_.classes; ++c)
                    std::copy_n(k.row(c), n, to + this->g_.first(b, c) + i);
            },
            [](std::size_t, std::size_t) {});
    }
};

/// The pixel of what a row of this kind holds, with its probabilities; of a logit, x as well. Its logarithms
/// are not for use.
template <row_kind Kind, class V>
XLOSS_INLINE pixel<V> element_at(const V& raw, const V& y) {
    pixel<V> s{raw, raw, 1.0 - raw, V(0.0), V(0.0), y, V(0.0), 1};
    if constexpr (Kind == row_kind::logits) {
        const auto activated = sigmoid_flushed(raw);
        s.p = activated.p;
        s.q = activated.q;
    } else if constexpr (Kind == row_kind::smaller) {
        s.p = p_of_smaller(raw);
        s.q = q_of_smaller(raw);
    }
    return s;
}

/// The elements of a call, class by class, whatever the mode: rows of their logits, their probabilities or
/// what the softmax left of these, with targets and weights.
template <class T>
class element_reader {
    using V = simd::number<T>;

public:
    /// Memory for a row of each.
    struct buffers {
        alignas(64) std::array<T, tile_size> raw, y, m, spare;
    };
    struct rows {
        const T* raw; // what `kind` says
        const T* y;
        const T* m; // null: 1 each
    };

    explicit element_reader(const sweep_inputs<T>& in)
        : in_(in), kind_(in.probabilities                ? row_kind::given
                         : in.y.md() == mode::multiclass ? row_kind::smaller
                                                         : row_kind::logits) {
        if (kind_ == row_kind::smaller)
            kept_ = in.memory.template get<T>(scratch::probabilities, in.y.geometry().size());
    }

    /// Reads the logits of a softmax; before anything else is read.
    void activate() const {
        if (kept_)
            softmax_writer<T>(in_).write(kept_);
    }

    [[nodiscard]] row_kind kind() const { return kind_; }

    /// What `smaller_of` gives of every element, where that is what rows hold.
    [[nodiscard]] const T* kept() const { return kept_; }

    /// Of n elements from pixel i of class c of sample b; n is tile_size at most.
    rows read(std::size_t b, std::size_t c, std::size_t i, std::size_t n, buffers& r) const {
        const auto [y, m] = in_.y.read(b, c, i, n, r.y.data(), r.m.data(), r.spare.data());
        return {raw(b, c, i, n, r), y, m};
    }

    /// Likewise, what they hold alone.
    const T* raw(std::size_t b, std::size_t c, std::size_t i, std::size_t n, buffers& r) const {
        const std::size_t first = in_.y.geometry().first(b, c) + i;
        return kept_ ? kept_ + first : in_.x.read(first, n, r.raw.data());
    }

    /// Calls f.template operator()<kind>(arguments...) for the kind of the rows.
    template <class F>
    void with_kind(F&& f) const {
        switch (kind_) {
        case row_kind::logits:
            return f.template operator()<row_kind::logits>();
        case row_kind::smaller:
            return f.template operator()<row_kind::smaller>();
        default:
            return f.template operator()<row_kind::given>();
        }
    }

    /// Calls f(j, pixel, weight, does it count?) for the vectors of rows; past their end nothing counts. x
    /// and y may be anything where nothing counts: they are 0.
    template <row_kind Kind, class F>
    static XLOSS_INLINE void each_element(const rows& r, std::size_t n, F&& f) {
        std::size_t j = 0;
        for (; j + V::width <= n; j += V::width)
            element<Kind>(V::load(r.raw + j), V::load(r.y + j), r.m ? V::load(r.m + j) : V(1.0), j, f);
        if (j < n)
            element<Kind>(V::load_partial(r.raw + j, n - j), V::load_partial(r.y + j, n - j),
                          r.m ? V::load_partial(r.m + j, n - j) : V::load_partial(ones.data(), n - j), j, f);
    }

private:
    static constexpr auto ones = [] {
        std::array<T, V::width> all{};
        all.fill(T(1));
        return all;
    }();

    template <row_kind Kind, class F>
    static XLOSS_INLINE void element(const V& raw, const V& y, const V& m, std::size_t j, F&& f) {
        const auto counts = m != V(0.0);
        f(j, element_at<Kind>(select(counts, raw), select(counts, y)), m, counts);
    }

    const sweep_inputs<T>& in_;
    row_kind kind_;
    T* kept_ = nullptr;
};

} // namespace xloss::engine

#endif
