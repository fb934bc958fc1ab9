#ifndef XLOSS_TESTS_SUPPORT_CATCH_HPP
#define XLOSS_TESTS_SUPPORT_CATCH_HPP

// One include for Catch2 2.13 and 3: the test sources are the same for both.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_all.hpp>
#include <catch2/matchers/catch_matchers_all.hpp>

using Catch::Approx; // where 2.13 has it

/// A text with this in it.
inline auto contains_text(const char* part) {
    return Catch::Matchers::ContainsSubstring(part);
}
#else
#include <catch2/catch.hpp>

inline auto contains_text(const char* part) {
    return Catch::Contains(part);
}
#endif

#endif
