#ifndef XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP
#define XLOSS_TESTS_SUPPORT_PRECOMPILED_HPP

// What nearly every test reads, once for all: half of the time of a narrow test. A test still includes all it
// uses, since a project may build it without this.
#include "support/catch.hpp"

#include <xloss/xloss.hpp>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

#endif
