#ifndef XLOSS_DISTANCE_FILTERS_HPP
#define XLOSS_DISTANCE_FILTERS_HPP

#include <xloss/distance/dilate_mask.hpp>
#include <xloss/distance/edt.hpp>
#include <xloss/distance/sobel.hpp>
#include <xloss/distance/soft_skeleton.hpp>
#include <xloss/engine/filter_place.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

/// \file
/// What a loss that looks at neighbours applies to prediction and target: `forward` makes a map of a plane,
/// `backward`, where there is one, the slopes by the plane of those by the last map, and `spoil`, where there
/// is one, says which pixels an ignored one takes with it.

namespace xloss::distance {

using engine::filter_place;

/// The soft skeleton.
template <class T>
class skeleton_filter {
public:
    skeleton_filter(const filter_place& place, std::size_t iterations)
        : skeleton_(place.where, iterations,
                    place.room<T>(soft_skeleton<T>::memory(place.where, iterations))) {}

    void forward(const T* v, T* map) { skeleton_.forward(v, map); }
    void backward(const T*, const T* slope_of_map, T* slope_of_v) {
        skeleton_.backward(slope_of_map, slope_of_v);
    }

private:
    soft_skeleton<T> skeleton_;
};

/// Sobel edges.
template <class T>
class edge_filter {
public:
    explicit edge_filter(const filter_place& place)
        : where_(place.where), scratch_(place.room<T>(sobel_scratch<T>(place.where))) {}

    /// What is next to an ignored pixel is ignored, too.
    void spoil(const std::uint8_t* absent, std::uint8_t* spoiled) const {
        dilate_mask(where_, absent, spoiled);
    }

    void forward(const T* v, T* map) { sobel_edges(where_, v, map, scratch_); }
    void backward(const T* v, const T* slope_of_map, T* slope_of_v) {
        sobel_edges_backward(where_, v, slope_of_map, slope_of_v, scratch_);
    }

private:
    const tensor::grid& where_;
    T* scratch_;
};

/// The distance of every pixel to the border of the mask v > 1/2: the absolute of its signed distance.
/// Constant: it has no backward.
template <class T>
class distance_filter {
public:
    explicit distance_filter(const filter_place& place)
        : place_(place), mask_(place.room<std::uint8_t>(place.where.size())) {}

    void forward(const T* v, T* map) {
        const std::size_t n = place_.where.size();
        for (std::size_t i = 0; i < n; ++i)
            mask_[i] = v[i] > T(0.5) ? 1 : 0;
        signed_distances(place_, mask_, distance_convention::pixel, map);
        for (std::size_t i = 0; i < n; ++i)
            map[i] = std::abs(map[i]);
    }

private:
    const filter_place& place_;
    std::uint8_t* mask_;
};

} // namespace xloss::distance

#endif
