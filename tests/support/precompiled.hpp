#ifndef XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP
#define XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP

// What nearly every test reads and nobody here changes: of xloss only the header that includes xtensor, or
// each change of one would compile everything anew. A test still includes all it uses.
#include "support/catch.hpp"

#include <xloss/tensor/xtensor.hpp>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

#endif
