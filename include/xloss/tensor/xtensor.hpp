#ifndef XLOSS_TENSOR_XTENSOR_HPP
#define XLOSS_TENSOR_XTENSOR_HPP

// The xtensor headers the library needs, under either of their layouts: they moved into folders in
// xtensor 0.26. Views, random numbers and files are the user's to include.

#include <cstddef>
#include <memory>

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xfixed.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xexpression.hpp>
#else
#include <xtensor/xstorage.hpp>

#if defined(__clang__) && __clang_major__ >= 19
// clang 19 matches template template parameters as C++17 says and then finds two partial
// specialisations of xtensor 0.24 equally good for a shape of run-time rank. A full one decides it;
// it has to stand before anything that has such a shape.
namespace xt {

template <>
struct rebind_container<std::ptrdiff_t, svector<std::ptrdiff_t>> {
    using type = svector<std::ptrdiff_t>;
};

template <>
struct rebind_container<std::ptrdiff_t, svector<std::size_t>> {
    using type = svector<std::ptrdiff_t>;
};

template <>
struct rebind_container<std::size_t, svector<std::ptrdiff_t>> {
    using type = svector<std::size_t>;
};

template <>
struct rebind_container<std::size_t, svector<std::size_t>> {
    using type = svector<std::size_t>;
};

} // namespace xt
#endif

#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xexpression.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xtensor.hpp>
#endif

#endif
