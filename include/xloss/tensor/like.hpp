#ifndef XLOSS_TENSOR_LIKE_HPP
#define XLOSS_TENSOR_LIKE_HPP

#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/xtensor.hpp>

#include <array>
#include <cstddef>
#include <type_traits>
#include <vector>

namespace xloss::tensor {

namespace detail {

/// The row-major container of T that has the rank, static or not, of a shape type.
template <class T, class Shape>
struct container {
    using type = xt::xarray<T, xt::layout_type::row_major>;
};

template <class T, class I, std::size_t N>
struct container<T, std::array<I, N>> {
    using type = xt::xtensor<T, N, xt::layout_type::row_major>;
};

template <class T, std::size_t... Extents>
struct container<T, xt::fixed_shape<Extents...>> {
    using type = xt::xtensor_fixed<T, xt::fixed_shape<Extents...>, xt::layout_type::row_major>;
};

template <class>
inline constexpr bool is_fixed = false;

template <std::size_t... Extents>
inline constexpr bool is_fixed<xt::fixed_shape<Extents...>> = true;

} // namespace detail

/// The container that make_like gives for an expression of type E.
template <class T, class E>
using container_like =
    typename detail::container<T, std::remove_cv_t<typename std::remove_cvref_t<E>::shape_type>>::type;

/// A row-major container of T with the shape and the kind of rank of e: fixed shape, static rank or
/// dynamic. Its elements are not initialised.
template <class T, class E>
auto make_like(const E& e) {
    using result = container_like<T, E>;
    if constexpr (detail::is_fixed<std::remove_cv_t<typename E::shape_type>>) {
        return result();
    } else {
        const auto& extents = e.shape();
        typename result::shape_type like{};
        if constexpr (requires { like.resize(extents.size()); }) {
            like.resize(extents.size());
        }
        for (std::size_t axis = 0; axis < extents.size(); ++axis) {
            like[axis] = static_cast<std::size_t>(extents[axis]);
        }
        return result::from_shape(like);
    }
}

} // namespace xloss::tensor

#endif
