#ifndef XLOSS_DISTANCE_DISTANCE_TRANSFORM_HPP
#define XLOSS_DISTANCE_DISTANCE_TRANSFORM_HPP

#include <xloss/distance/edt.hpp>
#include <xloss/distance/image.hpp>
#include <xloss/engine/executor.hpp>
#include <xloss/engine/filter_place.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/grid.hpp>
#include <xloss/tensor/like.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>
#include <vector>

namespace xloss {

/// The options of distances of masks and label maps.
struct distance_options {
    std::vector<double> spacing{};              ///< between neighbours along each spatial axis, > 0; empty: 1
    bool squared = false;                       ///< the squares, exact in float up to 2^24 with spacing 1
    std::optional<std::int64_t> ignore_index{}; ///< pixels of this value are background, of every class
    bool batch = false;                         ///< axis 0 counts images, each transformed for itself
    xloss::workspace* workspace = nullptr;      ///< scratch memory that the caller keeps
    executor_ref executor{};                    ///< runs the pieces; the results do not depend on it
};

/// The options of signed distances.
struct signed_distance_options {
    std::vector<double> spacing{}; ///< between neighbours along each spatial axis, > 0; empty: 1
    distance_convention convention = distance_convention::pixel; ///< what the inner border is
    std::optional<std::int64_t> ignore_index{}; ///< pixels of this value are background, of every class
    bool batch = false;                         ///< axis 0 counts images, each transformed for itself
    xloss::workspace* workspace = nullptr;      ///< scratch memory that the caller keeps
    executor_ref executor{};                    ///< runs the pieces; the results do not depend on it
};

namespace distance::detail {

/// Where whole maps are written: the tensor itself where it is dense and of T, else scratch memory that is
/// copied to it in the end.
template <class T>
class map_writer {
public:
    template <class Out>
    map_writer(Out& out, workspace& memory)
        : to_(out),
          first_(to_.begin(0, to_.size(),
                           to_.in_place() ? nullptr : memory.get<T>(engine::scratch::maps, to_.size()),
                           false)) {}

    [[nodiscard]] T* at(std::size_t i) const { return first_ + i; }
    void commit() const { to_.commit(0, to_.size(), first_); }

private:
    tensor::sink<T> to_;
    T* first_;
};

template <class Out, class In>
void check_output(std::string_view name, const Out& out, const In& in, const tensor::shape& expected) {
    const tensor::shape given = tensor::shape_of(out);
    if (given != expected)
        tensor::raise<shape_error>({name, ": distances of ", tensor::shape_of(in), " have shape ", expected,
                                    ", and the output has ", given});
    if (tensor::overlap(tensor::origin_of(out).memory, tensor::origin_of(in).memory))
        tensor::raise<alias_error>({name, ": the output shares memory with the mask or label map"});
}

/// Writes `maps` maps of every image to `out`, which has the shape `expected`: read(memory) gives the pixels
/// of all images, write(place, pixels of an image, number of the map, distances) makes one map.
template <class Out, class In, class Options, class Read, class Write>
void write_maps(std::string_view name, Out& out, const In& in, const Options& options,
                const tensor::shape& expected, std::size_t maps, const Read& read, const Write& write) {
    const images all(name, tensor::shape_of(in), options.spacing, options.batch);
    check_output(name, out, in, expected);
    workspace own;
    workspace& memory = options.workspace ? *options.workspace : own;
    const auto* pixels = read(memory);
    const map_writer<tensor::value_type_of<Out>> to(out, memory);
    const std::size_t size = all.each.size();
    engine::each_map({all.each, options.executor, memory}, all.count * maps,
                     [&](const engine::filter_place& place, std::size_t k) {
                         write(place, pixels + k / maps * size, k % maps, to.at(k * size));
                     });
    to.commit();
}

/// [C, ...], or [B, C, ...] with `batch`.
inline tensor::shape with_classes(std::string_view name, const tensor::shape& labels, std::size_t classes,
                                  bool batch) {
    if (labels.rank == tensor::max_rank)
        tensor::raise<shape_error>({name, ": a label map ", labels, " has too many axes"});
    tensor::shape maps;
    for (std::size_t axis = 0; axis < labels.rank; ++axis) {
        if (axis == (batch ? 1U : 0U))
            maps.extent[maps.rank++] = classes;
        maps.extent[maps.rank++] = labels.extent[axis];
    }
    return maps;
}

/// A container with one axis more than that of an expression, of its kind.
template <class T, class Shape>
struct one_axis_more {
    using type = xt::xarray<T, xt::layout_type::row_major>;
};

template <class T, class I, std::size_t N>
struct one_axis_more<T, std::array<I, N>> {
    using type = xt::xtensor<T, N + 1, xt::layout_type::row_major>;
};

template <class Maps>
Maps maps_of_shape(const tensor::shape& s) {
    typename Maps::shape_type extents{};
    if constexpr (requires { extents.resize(s.rank); })
        extents.resize(s.rank);
    std::copy_n(s.extent.begin(), s.rank, extents.begin());
    return Maps::from_shape(extents);
}

} // namespace distance::detail

/// Writes `distance_transform` to a tensor of float or double with the mask's shape.
/// @throws as `distance_transform`; shape_error for an output of another shape, alias_error where it shares
/// memory with the mask.
template <class Out, class M>
void distance_transform_into(Out& out, const M& mask, const distance_options& options = {}) {
    constexpr std::string_view name = "xloss::distance_transform";
    distance::detail::write_maps(
        name, out, mask, options, tensor::shape_of(mask), 1,
        [&](workspace& memory) { return distance::mask_bytes(mask, options.ignore_index, memory); },
        [&](const engine::filter_place& place, const std::uint8_t* inside, std::size_t, auto* to) {
            if (options.squared)
                distance::squared_distances(place, inside, to);
            else
                distance::distances(place, inside, to);
        });
}

/// Exact Euclidean distance transform: for each pixel of the mask the distance to the nearest pixel that is
/// 0, and 0 at those; with `squared` the square of it.
///
///     const auto d = xloss::distance_transform(mask, {.spacing = {2.5, 0.7, 0.7}});
///     const auto exact = xloss::distance_transform<double>(mask, {.squared = true});
///
/// **Shapes.** A mask of one to three axes is one image; with `batch`, `[B, ...]` are B of them. The result
/// has its shape, and its kind of container.
///
/// **Inside** is what is not 0, of any number type (NaN too), and not `ignore_index`. Threshold soft masks
/// first: `mask > 0.5F`.
///
/// **No background.** Without a pixel that is 0 all distances are infinite. Without foreground they are 0.
///
/// **Numbers.** With spacing 1, in float with any that is the same along all axes, squares are summed as
/// integers: exact, also where float cannot hold them, and rounded once. Otherwise they are sums of rounded
/// squares, as SciPy's: within 1 unit in the last place of them. Time is linear in the number of pixels;
/// memory beside the result: one byte per pixel of a mask that is not bytes in row-major order, and some rows
/// for each piece in flight.
///
/// **Source.** Felzenszwalb and Huttenlocher 2012, Theory of Computing 8(19), for the envelope of parabolas;
/// Meijster, Roerdink and Hesselink 2000 for two sweeps along the first axis and integer positions. That a
/// run of one region is transformed between its two ends, so that labels need no pass each, is from W.
/// Silversmith's multi-label transform (2018).
///
/// **Elsewhere.** SciPy's `distance_transform_edt(mask, sampling=spacing)`, which gives double, and for a
/// mask without background the distance to a pixel outside of the image. OpenCV's `distanceTransform(mask,
/// DIST_L2, DIST_MASK_PRECISE)` is 2-D and float throughout. MONAI's `distance_transform_edt` is SciPy's,
/// channel by channel: `batch`.
///
/// @throws shape_error for other than one to three spatial axes or an axis longer than 2^24, parameter_error
/// for a spacing that is not positive or of another length.
template <class T = float, class M>
auto distance_transform(const M& mask, const distance_options& options = {}) {
    auto out = tensor::make_like<T>(mask);
    distance_transform_into(out, mask, options);
    return out;
}

/// Writes `label_distance_transform` to a tensor of float or double with the shape of the label map.
/// @throws as `label_distance_transform`; shape_error for an output of another shape, alias_error where it
/// shares memory with the labels.
template <class Out, class Y>
void label_distance_transform_into(Out& out, const Y& labels, const distance_options& options = {}) {
    constexpr std::string_view name = "xloss::label_distance_transform";
    constexpr std::size_t any = std::size_t{1} << 31;
    distance::detail::write_maps(
        name, out, labels, options, tensor::shape_of(labels), 1,
        [&](workspace& memory) {
            return distance::label_numbers(name, labels, any, options.ignore_index, memory);
        },
        [&](const engine::filter_place& place, const std::int32_t* numbers, std::size_t, auto* to) {
            distance::label_distances(place, numbers, options.squared, to);
        });
}

/// The distance of each pixel of a label map to the nearest pixel of another label: the distance transforms
/// of all classes, each inside its own, in one transform whatever the number of classes.
///
/// **Shapes.** Labels of any integer type, of one to three axes, with `batch` `[B, ...]`. Background is a
/// label like any other. At an ignored pixel the distance is 0, and it ends the regions beside it.
///
/// **One label alone** gives infinity everywhere.
///
/// Otherwise as `distance_transform`.
///
/// @throws as `distance_transform`; label_error for a negative label that is not the ignored one, or one of
/// 2^31 or more.
template <class T = float, class Y>
auto label_distance_transform(const Y& labels, const distance_options& options = {}) {
    auto out = tensor::make_like<T>(labels);
    label_distance_transform_into(out, labels, options);
    return out;
}

/// Writes `signed_distance` to a tensor of float or double with the mask's shape.
/// @throws as `signed_distance`; shape_error for an output of another shape, alias_error where it shares
/// memory with the mask.
template <class Out, class M>
void signed_distance_into(Out& out, const M& mask, const signed_distance_options& options = {}) {
    constexpr std::string_view name = "xloss::signed_distance";
    distance::detail::write_maps(
        name, out, mask, options, tensor::shape_of(mask), 1,
        [&](workspace& memory) { return distance::mask_bytes(mask, options.ignore_index, memory); },
        [&](const engine::filter_place& place, const std::uint8_t* inside, std::size_t, auto* to) {
            distance::signed_distances(place, inside, options.convention, to);
        });
}

/// Signed distance to the border of a mask, positive outside and negative inside: outside the distance to the
/// nearest pixel inside, and inside minus the distance to the nearest pixel outside. No pixel has distance 0,
/// but with `distance_convention::kervadec` those of the inner border.
///
///     const auto d = xloss::signed_distance(mask);
///     loss(logits, xloss::with_distance(mask, d)); // kept, where one image is seen in many epochs
///
/// **Shapes** and what is inside: as `distance_transform`.
///
/// **Empty or full masks** have distance 0 everywhere: no border, and nothing to learn from it.
///
/// **Elsewhere.** With SciPy's edt: `pixel` is edt(1 - m) - edt(m); `kervadec`, as in LIViAETS/boundary-loss'
/// `one_hot2dist`, is edt(1 - m) (1 - m) - (edt(m) - 1) m, the 1 being 1 with any spacing, too. Called on an
/// integer array his function truncates to integers; this one never does. Signs are those of level sets: the
/// opposite of distance maps that are positive inside.
///
/// **Source.** Kervadec et al. 2019, arXiv 1812.07032. Both sides are made by one transform.
///
/// @throws as `distance_transform`.
template <class T = float, class M>
auto signed_distance(const M& mask, const signed_distance_options& options = {}) {
    auto out = tensor::make_like<T>(mask);
    signed_distance_into(out, mask, options);
    return out;
}

/// Writes `signed_distances` to a tensor of float or double of its shape.
/// @throws as `signed_distances`; shape_error for an output of another shape, alias_error where it shares
/// memory with the labels.
template <class Out, class Y>
void signed_distances_into(Out& out, const Y& labels, std::size_t classes,
                           const signed_distance_options& options = {}) {
    constexpr std::string_view name = "xloss::signed_distances";
    distance::detail::write_maps(
        name, out, labels, options,
        distance::detail::with_classes(name, tensor::shape_of(labels), classes, options.batch), classes,
        [&](workspace& memory) {
            return distance::label_numbers(name, labels, classes, options.ignore_index, memory);
        },
        [&](const engine::filter_place& place, const std::int32_t* numbers, std::size_t c, auto* to) {
            distance::class_distances(place, numbers, static_cast<std::int32_t>(c), options.convention, to);
        });
}

/// The signed distances of all classes of a label map: of each class `signed_distance` of the mask of its
/// pixels. `[...]` gives `[C, ...]`, and with `batch` `[B, ...]` gives `[B, C, ...]`, the shape of the
/// logits: what `with_distance` takes in multiclass losses.
///
/// **Ignored** pixels are background of every class. A class without a pixel, or with all, has distance 0
/// everywhere.
///
/// One transform for each class, which makes what is inside and outside of it, read from the label map as it
/// is: no mask in memory.
///
/// @throws as `distance_transform`; label_error for a label that is neither a class nor ignored,
/// parameter_error for no class.
template <class T = float, class Y>
auto signed_distances(const Y& labels, std::size_t classes, const signed_distance_options& options = {}) {
    using maps = typename distance::detail::one_axis_more<T, std::remove_cv_t<typename Y::shape_type>>::type;
    auto out = distance::detail::maps_of_shape<maps>(distance::detail::with_classes(
        "xloss::signed_distances", tensor::shape_of(labels), classes, options.batch));
    signed_distances_into(out, labels, classes, options);
    return out;
}

} // namespace xloss

#endif
