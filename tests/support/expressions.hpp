#ifndef XLOSS_TESTS_SUPPORT_EXPRESSIONS_HPP
#define XLOSS_TESTS_SUPPORT_EXPRESSIONS_HPP

// The headers of xtensor that the tests of whole calls use, under either layout, and tensors with made-up
// numbers.

#if __has_include(<xtensor/containers/xtensor.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/generators/xbuilder.hpp>
#include <xtensor/misc/xmanipulation.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#include <xtensor/xbuilder.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace made_up {

/// Pseudo-random, the same everywhere: bits 8 to 31 of a linear congruence.
class sequence {
public:
    explicit sequence(std::uint32_t seed = 1) : state_(seed) {}

    std::uint32_t next() { return (state_ = state_ * 1664525U + 1013904223U) >> 8; }
    double uniform() { return static_cast<double>(next()) / static_cast<double>(1U << 24); }

private:
    std::uint32_t state_;
};

template <class T, std::size_t N>
xt::xtensor<T, N> logits(const std::array<std::size_t, N>& shape, double width = 8.0) {
    auto x = xt::xtensor<T, N>::from_shape(shape);
    sequence numbers(7);
    for (T& v : x.storage())
        v = static_cast<T>(width * (numbers.uniform() - 0.5));
    return x;
}

/// Integers in [0, below): masks with 2, label maps with the number of classes.
template <class T, std::size_t N>
xt::xtensor<T, N> labels(const std::array<std::size_t, N>& shape, std::uint32_t below = 2) {
    auto y = xt::xtensor<T, N>::from_shape(shape);
    sequence numbers(11);
    for (auto&& v : y.storage())
        v = static_cast<T>(numbers.next() % below);
    return y;
}

/// Multiples of 1/8 in [0, 2): weights, some of them 0.
template <class T, std::size_t N>
xt::xtensor<T, N> weights(const std::array<std::size_t, N>& shape) {
    auto w = xt::xtensor<T, N>::from_shape(shape);
    sequence numbers(13);
    for (T& v : w.storage())
        v = static_cast<T>(static_cast<double>(numbers.next() % 16) / 8.0);
    return w;
}

/// Whether two numbers have the same bits: -0 is not 0, and NaN is itself.
template <class T>
bool same_bits(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0;
}

/// The same for tensors of one shape, element by element in row-major order.
template <class A, class B>
bool same_elements(const A& a, const B& b) {
    if (a.size() != b.size())
        return false;
    auto at = b.template begin<xt::layout_type::row_major>();
    for (auto it = a.template begin<xt::layout_type::row_major>();
         it != a.template end<xt::layout_type::row_major>(); ++it, ++at)
        if (!same_bits(*it, *at))
            return false;
    return true;
}

/// Value, terms, normalizer and count of two evaluations, bit for bit.
template <class A, class B>
bool same_evaluation(const A& a, const B& b) {
    bool same = same_bits(a.value, b.value) && same_bits(a.normalizer, b.normalizer) && a.valid == b.valid &&
                a.terms.size() == b.terms.size();
    for (std::size_t i = 0; same && i < a.terms.size(); ++i)
        same = same_bits(a.terms[i].value, b.terms[i].value) &&
               same_bits(a.terms[i].normalizer, b.terms[i].normalizer);
    return same;
}

} // namespace made_up

#endif
