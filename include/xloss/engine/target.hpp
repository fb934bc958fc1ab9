#ifndef XLOSS_ENGINE_TARGET_HPP
#define XLOSS_ENGINE_TARGET_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

#include <xloss/config.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/source.hpp>

namespace xloss::engine {

/// The name of a loss or sum of losses, made only for messages.
using loss_name = std::string (*)();

/// Logits as samples, classes and pixels.
struct geometry {
    std::size_t samples = 0; // B; in multimask all masks of all samples
    std::size_t classes = 1; // C; 1 in binary and multimask
    std::size_t pixels = 0;  // N, all spatial axes of a sample
    tensor::shape sample_axes{};

    geometry() = default;

    geometry(const tensor::shape& s, mode md, loss_name name) {
        const std::size_t axes = md == mode::binary ? 1 : 2; // before those of space
        if (s.rank < axes)
            tensor::raise<shape_error>({name, ": logits ", s,
                                        md == mode::binary ? " need a sample axis, [B, ...]"
                                        : md == mode::multimask
                                            ? " need a sample and a mask axis, [B, N, ...]"
                                            : " need a sample and a class axis, [B, C, ...]"});
        sample_axes.rank = md == mode::multimask ? 2 : 1;
        std::copy_n(s.extent.begin(), sample_axes.rank, sample_axes.extent.begin());
        samples = sample_axes.size();
        if (axes > sample_axes.rank)
            classes = s[1];
        pixels = 1;
        for (std::size_t axis = axes; axis < s.rank; ++axis)
            pixels *= s[axis];
        if (classes == 0)
            tensor::raise<shape_error>({name, ": logits ", s, " have no class"});
    }

    [[nodiscard]] std::size_t size() const { return samples * classes * pixels; }
    [[nodiscard]] std::size_t first(std::size_t sample, std::size_t cls) const {
        return (sample * classes + cls) * pixels;
    }
};

/// Pixels per tile of the elementwise modes: five rows of them stay in a 48 kB first-level cache (20 kB in
/// float), and the calls per tile (reading, staging) vanish against the work on it.
inline constexpr std::size_t tile_size = 1024;

/// A target or what rides on it: a tensor of the logits' shape, or with one channel for all.
template <class T>
class rider {
public:
    rider() = default;

    template <class E>
    rider(const E& e, const tensor::shape& logits, const geometry& g, bool channels, loss_name name,
          const char* what)
        : source_(e) {
        fit(logits, g, channels, name, what);
    }

    /// What rides on the n logits from `first` in row-major order, as it stands in memory or copied to
    /// `buffer`.
    const T* read(std::size_t first, std::size_t n, T* buffer) const {
        if (period_ == per_sample_)
            return source_->read(first, n, buffer);
        for (std::size_t done = 0; done < n;) { // the channels of a sample share one plane
            const std::size_t sample = (first + done) / per_sample_;
            const std::size_t from = (first + done) % per_sample_ % period_;
            const std::size_t run = std::min(n - done, period_ - from);
            const T* part = source_->read(sample * period_ + from, run, buffer + done);
            if (run == n)
                return part;
            if (part != buffer + done)
                std::copy_n(part, run, buffer + done);
            done += run;
        }
        return buffer;
    }

    /// What `read` reads, as it stands in memory, if it is dense bytes. Else null.
    [[nodiscard]] const std::uint8_t* bytes(std::size_t first, std::size_t n) const {
        if (period_ == per_sample_)
            return source_->bytes(first);
        const std::size_t sample = first / per_sample_, from = first % per_sample_ % period_;
        return from + n <= period_ ? source_->bytes(sample * period_ + from) : nullptr;
    }

    [[nodiscard]] bool per_class() const { return per_class_; }
    [[nodiscard]] tensor::memory_range memory() const { return source_->memory(); }

private:
    XLOSS_NOINLINE void fit(const tensor::shape& logits, const geometry& g, bool channels, loss_name name,
                            const char* what) {
        const tensor::shape& s = source_->shape();
        tensor::shape one = logits; // [B, 1, ...]
        if (logits.rank >= 2)
            one[1] = 1;
        per_sample_ = logits[0] == 0 ? 0 : logits.size() / logits[0];
        if (s == logits && channels) {
            period_ = per_sample_;
            per_class_ = g.classes > 1;
        } else if (logits.rank >= 2 && (s == logits.without(1) || s == one)) {
            period_ = logits[1] == 0 ? 0 : per_sample_ / logits[1];
        } else {
            tensor::raise<shape_error>({name, ": ", what, " ", s, " do not fit logits ", logits});
        }
    }

    std::optional<tensor::source<T>> source_{};
    std::size_t per_sample_ = 1;
    std::size_t period_ = 1; // elements of this tensor per sample
    bool per_class_ = false;
};

/// Targets with all that rides on them, as rows in the computation type. Here target type, label maps,
/// ignored values, weights and strides end: a kernel sees y and m.
template <class T>
class target {
public:
    static constexpr const char* inputs = "logits"; // in messages
    static constexpr std::size_t most_riders = 4;

    XLOSS_NOINLINE target(loss_name of, const tensor::shape& logits, mode md,
                          const std::optional<std::int64_t>& ignore)
        : name_(of), logits_(logits), geometry_(logits, md, of), mode_(md), ignore_(ignore) {}

    /// Of the loss, for messages.
    [[nodiscard]] loss_name loss() const { return name_; }

    /// A target [B, ...] is one for all of axis 1, as it is in multimask.
    void share() { shared_ = true; }

    /// The target proper: of the logits' shape, or a label map.
    template <class E>
    void set(const E& y) {
        const tensor::shape s = tensor::shape_of(y);
        const bool may_be_labels = mode_ == mode::multiclass || mode_ == mode::one_vs_rest;
        if (may_be_labels && s.rank + 1 == logits_.rank) {
            set_labels(y, s);
            return;
        }
        if (mode_ == mode::one_vs_rest)
            tensor::raise<shape_error>(
                {name_, ": one_vs_rest takes a label map [B, ...]; target ", s, " for logits ", logits_});
        if (s != logits_ && !(shared_ && s == logits_.without(1)))
            refuse(s);
        soft_.emplace(y, logits_, geometry_, true, name_, "targets");
    }

    template <class E>
    void add_validity(const E& valid) {
        if (validities_ == most_riders)
            tensor::raise<shape_error>({name_, ": too many masks ride on one target"});
        validity_[validities_++] = rider<T>(valid, logits_, geometry_, !labels_, name_, "valid pixels");
    }

    template <class E>
    void add_weights(const E& w) {
        if (weights_ == most_riders)
            tensor::raise<shape_error>({name_, ": too many weights ride on one target"});
        weight_[weights_++] = rider<T>(w, logits_, geometry_, !labels_, name_, "weights");
    }

    /// A distance map, one number for every logit.
    template <class E>
    void set_distance(const E& d) {
        if (tensor::shape_of(d) != logits_)
            tensor::raise<shape_error>(
                {name_, ": distances ", tensor::shape_of(d), " do not fit logits ", logits_});
        distance_.emplace(d);
    }

    /// Distances that the engine has made, of every logit in row-major order.
    void set_distance_made(const T* d) { made_distance_ = d; }

    /// The upstream tensor of unreduced pointwise losses: multiplies after everything has been counted.
    void set_upstream(const tensor::source<double>* u) { upstream_ = u; }

    /// Of the elements, in row-major order, only those count that have `kept` != 0.
    void set_kept(const T* kept) { kept_ = kept; }

    /// What counts at all counts by 1.
    void drop_weights() { unweighted_ = true; }

    [[nodiscard]] const engine::geometry& geometry() const { return geometry_; }
    [[nodiscard]] const tensor::shape& logits_shape() const { return logits_; }
    [[nodiscard]] mode md() const { return mode_; }
    [[nodiscard]] bool is_label_map() const { return labels_.has_value(); }
    [[nodiscard]] bool has_distance() const { return distance_ || made_distance_; }
    [[nodiscard]] bool has_riders() const { return validities_ + weights_ > 0; }
    [[nodiscard]] bool masked() const { return ignore_ || has_riders() || upstream_ || kept_; }

    /// Whether the classes of a pixel may have different weights.
    [[nodiscard]] bool masked_per_class() const {
        if (ignore_ && !labels_ && geometry_.classes > 1)
            return true;
        if ((upstream_ || kept_) && mode_ != mode::multiclass)
            return true;
        for (std::size_t i = 0; i < validities_; ++i)
            if (validity_[i].per_class())
                return true;
        for (std::size_t i = 0; i < weights_; ++i)
            if (weight_[i].per_class())
                return true;
        return false;
    }

    /// Labels of n pixels from i of sample b; below 0 where ignored (-1) or out of range (-2).
    const T* labels(std::size_t b, std::size_t i, std::size_t n, T* buffer) const {
        return labels_->read(b * geometry_.pixels + i, n, buffer);
    }

    /// Soft targets of n pixels of class c from i of sample b.
    const T* soft(std::size_t b, std::size_t c, std::size_t i, std::size_t n, T* buffer) const {
        return soft_->read(geometry_.first(b, c) + i, n, buffer);
    }

    /// What `soft` reads, as it stands in memory, if it is dense bytes and all pixels count the same. Else
    /// null.
    [[nodiscard]] const std::uint8_t* bytes(std::size_t b, std::size_t c, std::size_t i,
                                            std::size_t n) const {
        return soft_ && !masked() ? soft_->bytes(geometry_.first(b, c) + i, n) : nullptr;
    }

    /// Distances of the same pixels. Only where `has_distance()`.
    const T* distance(std::size_t b, std::size_t c, std::size_t i, std::size_t n, T* buffer) const {
        const std::size_t first = geometry_.first(b, c) + i;
        return distance_ ? distance_->read(first, n, buffer) : made_distance_ + first;
    }

    /// Weights m of the same pixels; `y` are their soft targets or labels. Only where `masked()`.
    const T* weights(std::size_t b, std::size_t c, std::size_t i, std::size_t n, const T* y, T* buffer,
                     T* spare) const {
        start_with_ignored(n, y, buffer);
        const std::size_t first = geometry_.first(b, c) + i;
        for (std::size_t k = 0; k < validities_; ++k) {
            keep_where(validity_[k].read(first, n, spare), n, buffer);
        }
        for (std::size_t k = 0; k < weights_; ++k) {
            const T* w = weight_[k].read(first, n, spare);
            for (std::size_t j = 0; j < n; ++j)
                buffer[j] = buffer[j] != T(0) ? buffer[j] * w[j] : T(0);
        }
        if (unweighted_)
            for (std::size_t j = 0; j < n; ++j)
                buffer[j] = buffer[j] != T(0) ? T(1) : T(0);
        if (kept_)
            keep_where(kept_ + element(b, c, i), n, buffer);
        if (upstream_)
            times_upstream(b, c, i, n, buffer);
        return buffer;
    }

    /// Targets and weights of n pixels of one class.
    struct rows {
        const T* y; // 1 in pixels of the class itself, where the target is a label map
        const T* m; // null: 1 each
    };

    /// Both, as they stand in memory or copied to the buffers.
    rows read(std::size_t b, std::size_t c, std::size_t i, std::size_t n, T* y_buffer, T* m_buffer,
              T* spare) const {
        const T* y = labels_ ? labels(b, i, n, y_buffer) : soft(b, c, i, n, y_buffer);
        const T* m = masked() ? weights(b, c, i, n, y, m_buffer, spare) : nullptr;
        if (!labels_)
            return {y, m};
        const T own = static_cast<T>(c);
        for (std::size_t j = 0; j < n; ++j)
            y_buffer[j] = y[j] == own ? T(1) : T(0);
        return {y_buffer, m};
    }

    /// "label 7 at [0, 3, 4]", for messages.
    [[nodiscard]] XLOSS_COLD std::string label_at(std::size_t b, std::size_t i) const {
        const std::size_t flat = b * geometry_.pixels + i;
        return tensor::text_of(
            {"label ", labels_->value_at(flat), " at ", tensor::index_string(labels_shape_, flat)});
    }

    [[nodiscard]] XLOSS_COLD std::string index_of(std::size_t b, std::size_t c, std::size_t i) const {
        return tensor::index_string(logits_, geometry_.first(b, c) + i);
    }

    /// Whether writing to `range` would change what is still to be read.
    [[nodiscard]] bool overlaps(const tensor::memory_range& range) const {
        if (soft_ && tensor::overlap(soft_->memory(), range))
            return true;
        if (labels_ && tensor::overlap(labels_->memory(), range))
            return true;
        if (distance_ && tensor::overlap(distance_->memory(), range))
            return true;
        for (std::size_t i = 0; i < validities_; ++i)
            if (tensor::overlap(validity_[i].memory(), range))
                return true;
        for (std::size_t i = 0; i < weights_; ++i)
            if (tensor::overlap(weight_[i].memory(), range))
                return true;
        return false;
    }

private:
    template <class E>
    void set_labels(const E& y, const tensor::shape& s) {
        using element = tensor::value_type_of<E>;
        if constexpr (std::is_integral_v<element>) {
            for (std::size_t axis = 0; axis < s.rank; ++axis)
                if (s[axis] != logits_[axis == 0 ? 0 : axis + 1])
                    tensor::raise<shape_error>({name_, ": label map ", s, " does not fit logits ", logits_});
            labels_.emplace(y, geometry_.classes, ignore_);
            labels_shape_ = s;
        } else {
            tensor::raise<shape_error>({name_, ": target ", s, " has the shape of a label map for logits ",
                                        logits_, ", and a label map has integers: xt::cast<int>(target)"});
        }
    }

    [[noreturn]] XLOSS_COLD void refuse(const tensor::shape& s) const {
        tensor::raise<shape_error>({name_, ": target ", s, " does not fit logits ", logits_, hint_for(s)});
    }

    /// What a target was probably meant as, where it has one channel or none.
    [[nodiscard]] XLOSS_COLD std::string hint_for(const tensor::shape& s) const {
        if (logits_.rank < 2 || logits_[1] == 1)
            return {};
        tensor::shape one = logits_; // [B, 1, ...]
        one[1] = 1;
        const tensor::shape plane = logits_.without(1); // [B, ...]
        if (s == one && mode_ == mode::multimask)
            return tensor::text_of({"; a target that all masks share has no axis for them: ", plane});
        if (s == one)
            return tensor::text_of({"; a label map has no class axis: ", plane});
        if (s == plane)
            return "; for a label map wrap the loss in multiclass(...), or in one_vs_rest(...)";
        return {};
    }

    /// m where v is not 0.
    XLOSS_NOINLINE static void keep_where(const T* v, std::size_t n, T* m) {
        for (std::size_t j = 0; j < n; ++j)
            m[j] = v[j] != T(0) ? m[j] : T(0);
    }

    void start_with_ignored(std::size_t n, const T* y, T* m) const {
        if (labels_) {
            for (std::size_t j = 0; j < n; ++j)
                m[j] = y[j] < T(0) ? T(0) : T(1);
        } else if (ignore_) {
            const T ignored = static_cast<T>(*ignore_);
            for (std::size_t j = 0; j < n; ++j)
                m[j] = y[j] == ignored ? T(0) : T(1);
        } else {
            std::fill_n(m, n, T(1));
        }
    }

    /// The number of an element: a pixel in multiclass, a pixel of a class elsewhere.
    [[nodiscard]] std::size_t element(std::size_t b, std::size_t c, std::size_t i) const {
        return mode_ == mode::multiclass ? b * geometry_.pixels + i : geometry_.first(b, c) + i;
    }

    void times_upstream(std::size_t b, std::size_t c, std::size_t i, std::size_t n, T* m) const {
        const std::size_t first = element(b, c, i);
        std::array<double, 64> buffer;
        for (std::size_t done = 0; done < n;) {
            const std::size_t run = std::min(n - done, buffer.size());
            const double* u = upstream_->read(first + done, run, buffer.data());
            for (std::size_t j = 0; j < run; ++j)
                m[done + j] = m[done + j] != T(0) ? m[done + j] * static_cast<T>(u[j]) : T(0);
            done += run;
        }
    }

    loss_name name_;
    tensor::shape logits_;
    engine::geometry geometry_;
    mode mode_;
    std::optional<std::int64_t> ignore_;
    std::optional<rider<T>> soft_{};
    std::optional<tensor::label_source<T>> labels_{};
    std::optional<tensor::source<T>> distance_{};
    const T* made_distance_ = nullptr;
    tensor::shape labels_shape_{};
    std::array<rider<T>, most_riders> validity_{}, weight_{};
    std::size_t validities_ = 0, weights_ = 0;
    const tensor::source<double>* upstream_ = nullptr;
    const T* kept_ = nullptr;
    bool unweighted_ = false;
    bool shared_ = mode_ == mode::multimask;
};

} // namespace xloss::engine

#endif
