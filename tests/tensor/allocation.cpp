// Reading, writing and classifying allocate nothing: this replaces the program's operator new to count.

#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include "support/catch.hpp"
#include "tensor/kinds.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace {

std::atomic<std::size_t> allocations{0};

} // namespace

// Not inlined: g++ would see std::free of what an allocator made, and warn. The form without exceptions is
// replaced too, since a sanitizer brings one of its own.
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    ++allocations;
    return std::malloc(size > 0 ? size : 1);
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* memory = operator new(size, std::nothrow)) {
        return memory;
    }
    throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, const std::nothrow_t&) noexcept {
    std::free(memory);
}

namespace {

using kinds::numbered;
using xt::all;
using xt::range;

constexpr std::size_t tile = 64;

template <class E>
std::size_t allocations_of_reading(const E& e) {
    std::array<float, tile> buffer{};
    const std::size_t before = allocations;
    const xloss::tensor::source<float> x(e);
    for (std::size_t first = 0; first + tile <= x.size(); first += tile) {
        x.read(first, tile, buffer.data());
    }
    return allocations - before;
}

template <class E>
std::size_t allocations_of_classifying(const E& e) {
    std::array<float, tile> buffer{};
    const std::size_t before = allocations;
    const xloss::tensor::label_source<float> x(e, 60, 7);
    for (std::size_t first = 0; first + tile <= x.size(); first += tile) {
        x.read(first, tile, buffer.data());
    }
    return allocations - before;
}

template <class G>
std::size_t allocations_of_writing(G&& target) {
    std::array<float, tile> buffer{};
    const std::size_t before = allocations;
    const xloss::tensor::sink<float> g(target);
    for (std::size_t first = 0; first + tile <= g.size(); first += tile) {
        g.commit(first, tile, g.begin(first, tile, buffer.data(), true));
    }
    return allocations - before;
}

} // namespace

TEST_CASE("the count sees an allocation", "[tensor][allocation]") {
    const std::size_t before = allocations;
    float* volatile one = new float(1.0f); // volatile: what nobody sees may be left out
    const std::size_t after = allocations;
    delete one;
    REQUIRE(after > before);
}

TEST_CASE("reading allocates nothing", "[tensor][allocation]") {
    const auto t = numbered<float>({8, 12, 10});
    const auto d = numbered<double>({8, 12, 10});
    const xt::xarray<float> dynamic = t;
    const auto column = numbered<float, xt::layout_type::column_major>({8, 12, 10});
    REQUIRE(allocations_of_reading(t) == 0);
    REQUIRE(allocations_of_reading(d) == 0);
    REQUIRE(allocations_of_reading(dynamic) == 0);
    REQUIRE(allocations_of_reading(column) == 0);
    REQUIRE(allocations_of_reading(xt::view(t, all(), range(0, 12, 3))) == 0);
    REQUIRE(allocations_of_reading(xt::view(t, all(), xt::keep(5, 2))) == 0);
    REQUIRE(allocations_of_reading(xt::transpose(t)) == 0);
    REQUIRE(allocations_of_reading(xt::broadcast(t, {2, 8, 12, 10})) == 0);
    REQUIRE(allocations_of_reading(t * 2.0f + d) == 0);
    REQUIRE(allocations_of_reading(dynamic * 2.0f + column) == 0);
    REQUIRE(allocations_of_reading(xt::exp(-t)) == 0);
}

TEST_CASE("reading labels allocates nothing", "[tensor][allocation]") {
    const auto map = numbered<std::int64_t>({8, 12, 10});
    REQUIRE(allocations_of_classifying(map) == 0);
    REQUIRE(allocations_of_classifying(xt::transpose(map)) == 0);
    REQUIRE(allocations_of_classifying(map + 1) == 0);
}

TEST_CASE("writing allocates nothing", "[tensor][allocation]") {
    auto t = numbered<float>({8, 12, 10});
    auto column = numbered<double, xt::layout_type::column_major>({8, 12, 10});
    REQUIRE(allocations_of_writing(t) == 0);
    REQUIRE(allocations_of_writing(column) == 0);
    REQUIRE(allocations_of_writing(xt::view(t, all(), range(0, 12, 3))) == 0);
    REQUIRE(allocations_of_writing(xt::view(t, all(), xt::keep(5, 2))) == 0);
}
