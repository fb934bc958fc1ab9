// Catch2 2.x with its main, where the system's library of it is for another processor.
#define CATCH_CONFIG_MAIN
#include "support/catch.hpp"
