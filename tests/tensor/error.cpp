#include <xloss/tensor/error.hpp>

#include "support/catch.hpp"

#include <stdexcept>
#include <string>

TEMPLATE_TEST_CASE("every error is an xloss::error, is a std::invalid_argument and keeps its message",
                   "[tensor][error]", xloss::shape_error, xloss::label_error, xloss::target_error,
                   xloss::parameter_error, xloss::finite_error, xloss::alias_error) {
    const std::string message = "logits [2, 1, 5, 7], target [2, 5, 7]";
    REQUIRE_THROWS_AS(throw TestType(message), xloss::error);
    REQUIRE_THROWS_AS(throw TestType(message), std::invalid_argument);
    REQUIRE(TestType(message).what() == message);
}
