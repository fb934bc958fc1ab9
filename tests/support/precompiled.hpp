#ifndef XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP
#define XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP

// What nearly every test reads and nobody here changes: no header of xloss, or each change of one would
// compile everything anew. A test still includes all it uses.
#include "support/catch.hpp"

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#endif
