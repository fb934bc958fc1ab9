#ifndef XLOSS_TRAINING_CLIP_GRADIENT_NORM_HPP
#define XLOSS_TRAINING_CLIP_GRADIENT_NORM_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/norms.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/layout.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/sink.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace xloss {

/// What `clip_gradient_norm` does where the norm is NaN or infinite.
enum class non_finite {
    error, ///< finite_error, which names the element
    skip   ///< nothing: the gradients stay as they are, and the norm tells
};

/// The options of `clip_gradient_norm`.
struct clip_options {
    double max_norm = 1.0;  ///< the largest norm, >= 0; infinity: measure only
    double norm_type = 2.0; ///< p > 0; infinity: the largest magnitude
    xloss::non_finite non_finite = xloss::non_finite::error; ///< what a NaN or infinite norm does
    executor_ref executor{};                                 ///< runs the pieces of work

    /// Whether they ask for the same, whoever runs it.
    friend bool operator==(const clip_options& a, const clip_options& b) {
        return a.max_norm == b.max_norm && a.norm_type == b.norm_type && a.non_finite == b.non_finite;
    }
};

namespace engine {

template <class G>
concept writable_tensor = requires(const std::remove_cvref_t<G>& g) {
    g.dimension();
    g.shape();
};

/// Lists a tensor, or the tensors of a reference wrapper, of a range, of a tuple.
template <class G>
void list_sinks(sink_list& list, G& g) {
    if constexpr (writable_tensor<G>) {
        using T = tensor::value_type_of<G>;
        static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>,
                      "xloss: clip_gradient_norm scales gradients of float or double");
        list.emplace_back(std::in_place_type<tensor::sink<T>>, g);
    } else if constexpr (requires { g.get(); }) {
        list_sinks(list, g.get());
    } else if constexpr (requires {
                             std::ranges::begin(g);
                             std::ranges::end(g);
                         }) {
        static_assert(std::is_lvalue_reference_v<decltype(*std::ranges::begin(g))>,
                      "xloss: a range of gradients holds them or refers to them; it does not make them");
        for (auto&& one : g)
            list_sinks(list, one);
    } else {
        std::apply([&list](auto&... each) { (list_sinks(list, each), ...); }, g);
    }
}

inline std::string clip_name() {
    return public_name("clip_gradient_norm");
}

inline void check_clip_options(const clip_options& how) {
    if (!(how.max_norm >= 0.0))
        tensor::raise<parameter_error>(
            {clip_name(), ": max_norm is ", how.max_norm, ", and is not negative"});
    if (!(how.norm_type > 0.0))
        tensor::raise<parameter_error>({clip_name(), ": norm_type is ", how.norm_type, ", and is positive"});
}

// Templates on what is always a sink_list: compiled where gradients are clipped, and not wherever this header
// is included.

/// What would be scaled twice is refused.
template <class List>
void check_disjoint(const List& list) {
    const auto memory_of = [](const auto& one) {
        return std::visit([](const auto& g) { return g.memory(); }, one);
    };
    using place = std::pair<decltype(memory_of(list[0])), std::size_t>;
    std::vector<place> places;
    places.reserve(list.size());
    for (std::size_t i = 0; i < list.size(); ++i)
        places.emplace_back(memory_of(list[i]), i);
    std::erase_if(places, [](const place& p) { return p.first.empty(); });
    const std::less<const std::byte*> before{};
    std::sort(places.begin(), places.end(),
              [&](const place& a, const place& b) { return before(a.first.begin, b.first.begin); });
    for (auto a = places.begin(); a != places.end(); ++a)
        for (auto b = a + 1; b != places.end() && before(b->first.begin, a->first.end); ++b)
            if (tensor::overlap(a->first, b->first))
                tensor::raise<alias_error>({clip_name(), ": gradients ", std::min(a->second, b->second),
                                            " and ", std::max(a->second, b->second), " share memory"});
}

/// Throws for the first element that is not finite, or that there is none and the norm is not.
template <class List>
[[noreturn]] void refuse_norm(const List& list, double found) {
    for (std::size_t i = 0; i < list.size(); ++i)
        std::visit(
            [i](const auto& g) {
                const std::size_t at = first_not_finite(g);
                if (at < g.size())
                    tensor::raise<finite_error>({clip_name(), ": gradient ", i, ", of shape ", g.shape(),
                                                 ", is not finite at ", tensor::index_string(g.shape(), at)});
            },
            list[i]);
    tensor::raise<finite_error>({clip_name(), ": the norm is ", found, ", beyond the largest number"});
}

template <class List>
double clip_list(const List& list, const clip_options& how) {
    check_disjoint(list);
    const double found = norm_of(list, how.norm_type, how.executor);
    if (!std::isfinite(found)) {
        if (how.non_finite == non_finite::error)
            refuse_norm(list, found);
        return found;
    }
    const double factor = how.max_norm / (found + 1e-6);
    if (factor < 1.0)
        for (const auto& one : list)
            std::visit([&](const auto& g) { scale_elements(g, factor, how.executor); }, one);
    return found;
}

} // namespace engine

/// Scales gradients so that their norm, all of them taken as one vector, is at most `max_norm`. Gives the
/// norm they had.
///
///     double norm = xloss::clip_gradient_norm(1.0, grad_weights, grad_bias);
///     xloss::clip_gradient_norm({.max_norm = 5.0, .norm_type = 1.0}, grads); // a std::vector of tensors
///
/// **In and out.** Any number of tensors of float or double, of any shapes, that can be written: containers,
/// adaptors, strided views; or ranges and tuples of these or of std::reference_wrapper.
///
/// **Formula.** norm = (sum |g|^p)^(1/p) with p = `norm_type`, the largest |g| for p = infinity; the
/// gradients times max_norm/(norm + 1e-6), where that is below 1. Else no bit of them changes.
///
/// **Range.** Sums are carried in double; a norm is right wherever it is itself a finite double, however
/// large or small its elements are. Without an element it is 0. The result does not depend on the executor or
/// on how a tensor is stored, bit for bit.
///
/// **Not finite.** A gradient that is NaN or infinite makes the norm so. Then `non_finite::error` throws and
/// `non_finite::skip` gives that norm; neither writes, and the step is better left out:
///
///     if (!std::isfinite(xloss::clip_gradient_norm({.non_finite = xloss::non_finite::skip}, grads)))
///         continue;
///
/// **Elsewhere.** torch.nn.utils.clip_grad_norm_; `non_finite::error` is its `error_if_nonfinite`. By default
/// it scales by the norm that is not finite, which makes all gradients 0 or NaN.
///
/// @throws parameter_error for a max_norm that is negative or no number, a norm_type that is not positive;
/// alias_error for gradients that share memory; finite_error. Nothing has been written then.
template <class... Gradients>
double clip_gradient_norm(const clip_options& how, Gradients&&... gradients) {
    engine::check_clip_options(how);
    engine::sink_list list;
    (engine::list_sinks(list, gradients), ...);
    return engine::clip_list(list, how);
}

/// As above, with the 2-norm.
template <class... Gradients>
double clip_gradient_norm(double max_norm, Gradients&&... gradients) {
    return clip_gradient_norm(clip_options{.max_norm = max_norm}, gradients...);
}

} // namespace xloss

#endif
