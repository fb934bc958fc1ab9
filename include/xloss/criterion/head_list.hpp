#ifndef XLOSS_CRITERION_HEAD_LIST_HPP
#define XLOSS_CRITERION_HEAD_LIST_HPP

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// \file
/// Lists of one thing for each head of a network: tuples, whose length the compiler knows, and ranges.

namespace xloss::engine {

template <class List>
inline constexpr std::size_t fixed_length = 0; // known to the compiler
template <class... E>
inline constexpr std::size_t fixed_length<std::tuple<E...>> = sizeof...(E);
template <class A, class B>
inline constexpr std::size_t fixed_length<std::pair<A, B>> = 2;

template <class List>
inline constexpr bool is_range = false;
template <class E, class A>
inline constexpr bool is_range<std::vector<E, A>> = true;
template <class E, std::size_t N>
inline constexpr bool is_range<std::array<E, N>> = true;
template <class E, std::size_t N>
inline constexpr bool is_range<std::span<E, N>> = true;

template <class List>
inline constexpr bool is_list = is_range<List> || (fixed_length<List> != 0);

/// What head i has of a list, or what all heads share. `Index` is a number, or a type with one.
template <class List, class Index>
auto& at_head(List& list, Index i) {
    if constexpr (fixed_length<std::remove_const_t<List>> != 0)
        return std::get<Index::value>(list);
    else if constexpr (is_range<std::remove_const_t<List>>)
        return list[i];
    else
        return list;
}

template <class List, class Index>
using type_at_head = std::remove_cvref_t<decltype(at_head(std::declval<const List&>(), Index{}))>;

/// The number of heads, if one of the lists tells the compiler; 0 if none does.
template <class... Lists>
constexpr std::size_t fixed_heads() {
    std::size_t n = 0;
    for (const std::size_t length : {fixed_length<std::remove_cvref_t<Lists>>...})
        n = length > 0 && (n == 0 || length < n) ? length : n;
    return n;
}

} // namespace xloss::engine

#endif
