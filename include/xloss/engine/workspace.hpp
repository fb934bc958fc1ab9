#ifndef XLOSS_ENGINE_WORKSPACE_HPP
#define XLOSS_ENGINE_WORKSPACE_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <iterator>
#include <list>
#include <memory>
#include <new>
#include <type_traits>

namespace xloss {

namespace engine {

/// What the engine keeps scratch memory for.
enum class scratch {
    class_sums,       // per class: valid, weight, target
    survey_sums,      // per piece in flight
    partial_sums,     // per piece in flight
    region_sums,      // per sample and class
    call_sums,        // per class
    variances,        // per element of the samples that are in the cache together, a fixed number at most
    pull_backs,       // per sample and class
    entry_pull_backs, // per loss of a sum, sample and class, where each gradient is asked for by itself
    tiles,            // per piece in flight: the channels of a block of pixels
    costs,            // per pair of classes
    losses_classes,   // per class: the sums of one sample, with derivatives
    whole_survey,     // per class: the survey of all elements, while another is made of those that are kept
    keys,             // per element, where some are selected
    histograms,       // per piece in flight: keys counted by a digit
    ranked_counts,    // per piece in flight: keys counted by a digit
    ranked_segments,  // per piece in flight: where its errors are, and what is known of them
    ranked_pixels,    // per pixel of the largest region, twice: its error with its number
    ranked_weights,   // per pixel of the largest region: weight and target, where they are not 0 or 1
    probabilities,    // per element: what the softmax left, for losses that see a class as a whole
    slopes,           // per element: their slopes, where the gradient cannot hold them
    region_losses,    // per sample and class: what each region is to the mean
    region_factors,   // per sample and class: of the slopes of its elements
    planes,           // per pixel of a region: what losses that look at neighbours make of it
    spare_planes,     // per pixel of a plane: the same, of one plane at a time
    plane_sums,       // per plane of a region: its sums
    spoiled,          // per pixel of a plane: which are absent because of those next to them
    absent,           // per pixel of a region: which are absent, for losses that look at neighbours
    distance_maps,    // per element, where a loss looks at distances and the target brings none
    filter,           // per pixel of a plane: what a loss that looks at neighbours makes its maps with
    edt_rows,         // per piece in flight: a row of squared distances and what transforms it
    masks,            // per pixel of a mask whose distances are asked for
    labels,           // per pixel of a label map, likewise
    objects,          // per object of sam2: whether it is there, and whether it counts
    maps,             // per pixel: distances on their way to a tensor of another layout
    positives,        // per row that may hold an object, twice: which do
    count
};

/// Aligned memory that grows and never shrinks.
class scratch_buffer {
public:
    /// `n` values, uninitialized.
    template <class T>
    T* get(std::size_t n) {
        static_assert(std::is_trivially_destructible_v<T>);
        reserve(n * sizeof(T));
        T* first = reinterpret_cast<T*>(memory_.get());
        std::uninitialized_default_construct_n(first, n);
        return first;
    }

    /// Room for so many bytes; what is in it is lost where that is more than there was.
    void reserve(std::size_t bytes) {
        if (bytes > bytes_)
            grow(bytes);
    }

    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    static constexpr std::align_val_t alignment{64};
    struct release {
        void operator()(std::byte* p) const { ::operator delete(p, alignment); }
    };

    void grow(std::size_t bytes) {
        memory_.reset(); // before the new one, so that the peak is the larger of the two
        memory_.reset(static_cast<std::byte*>(::operator new(bytes, alignment)));
        bytes_ = bytes;
    }

    std::unique_ptr<std::byte, release> memory_{};
    std::size_t bytes_ = 0;
};

} // namespace engine

/// Scratch memory that a caller may keep between calls: with one, a call of a shape seen before allocates
/// nothing. Not to be shared by calls at the same time.
///
/// Its size grows with samples times classes (`wasserstein_dice`: and with pairs of classes), and with the
/// pixels only up to 1 MB (with an executor 2 MB), of samples that are in the cache between the sweeps of an
/// overlap loss. But a selected loss (`top_k`, `ohem`) keeps one number of the logits' type per element, and
/// distance transforms and losses of ranked errors or of neighbours keep what their documentation says under
/// Memory: up to eight times where an executor lets several regions be evaluated at a time, of which as many
/// are in use as there are threads.
class workspace {
public:
    /// `n` uninitialized values; valid until the next request of the same kind.
    template <class T>
    T* get(engine::scratch kind, std::size_t n) {
        return buffers_[static_cast<std::size_t>(kind)].template get<T>(n);
    }

    /// `n` zeros, likewise.
    double* zeros(engine::scratch kind, std::size_t n) {
        double* first = get<double>(kind, n);
        std::fill_n(first, n, 0.0);
        return first;
    }

    /// Memory apart from this for one of several workers, by its number, kept like the rest. Not to be asked
    /// for by several at the same time.
    workspace& part(std::size_t i) {
        while (parts_.size() <= i)
            parts_.emplace_back();
        return *std::next(parts_.begin(), static_cast<std::ptrdiff_t>(i));
    }

    /// Room in every part for what any of them has room for: who does which piece of work may be another one
    /// in the next call. What is in parts that grow is lost.
    void even_parts() {
        for (std::size_t kind = 0; kind < buffers_.size(); ++kind) {
            std::size_t most = 0;
            for (const workspace& one : parts_)
                most = std::max(most, one.buffers_[kind].bytes());
            for (workspace& one : parts_)
                one.buffers_[kind].reserve(most);
        }
    }

    /// Bytes held.
    [[nodiscard]] std::size_t bytes() const {
        std::size_t sum = 0;
        for (const auto& b : buffers_)
            sum += b.bytes();
        for (const workspace& one : parts_)
            sum += one.bytes();
        return sum;
    }

private:
    std::list<workspace> parts_{}; // which stay where they are
    std::array<engine::scratch_buffer, static_cast<std::size_t>(engine::scratch::count)> buffers_{};
};

} // namespace xloss

#endif
