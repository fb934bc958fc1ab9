#ifndef XLOSS_CRITERION_COMPONENTS_HPP
#define XLOSS_CRITERION_COMPONENTS_HPP

#include <xloss/criterion/call.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/per_class.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/alias.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <cmath>
#include <cstddef>
#include <initializer_list>

namespace xloss::engine {

// Recipes of several losses on tensors of their own: everything is checked before anything is written.

/// Everything that with_stages and the stages check, and nothing else.
struct check_run {
    template <class Stages>
    int operator()(const Stages& stages) const {
        stages.check();
        return 0;
    }
};

/// One loss of a recipe. Refers to all it is given but the options.
template <class Loss, class X, class Y>
class component {
public:
    using T = typename request<Loss, X>::T;

    /// `factor`: of the gradient, besides the upstream one. `name`: for messages.
    component(const char* name, const Loss& loss, const X& x, const Y& y, double factor,
              const call_options& options)
        : name_(name), loss_(loss), x_(x), y_(y), options_(options) {
        options_.upstream = factor * options.upstream.factor();
    }

    /// Throws what a call would throw, and computes nothing.
    void check() const {
        named([&] { asked().run(check_run{}); });
    }

    /// The value, before its factor.
    [[nodiscard]] double value() const {
        return named([&] { return asked().run(forward_run<size>{}).value; });
    }

    /// The value, before its factor, and the gradient.
    double gradient_into(const tensor::sink<T>& to) const {
        return named([&] {
            auto r = asked();
            check_sink(to, r.x, r.targets, options_);
            return r.run(gradient_run<T, size>{sink_ref<T>{&to, options_.accumulate}}).value;
        });
    }

private:
    static constexpr std::size_t size = request<Loss, X>::size;

    auto asked() const { return request<Loss, X>(loss_, x_, y_, options_); }

    template <class F>
    auto named(F&& f) const {
        try {
            return f();
        } catch (const error&) {
            tensor::rethrow_from(name_);
        }
    }

    const char* name_;
    const Loss& loss_;
    const X& x_;
    const Y& y_;
    call_options options_;
};

/// The upstream gradient of a recipe is a number, and finite.
inline void check_recipe_upstream(loss_name recipe, const call_options& options) {
    if (options.upstream.tensor())
        tensor::raise<parameter_error>(
            {recipe, ": an upstream tensor belongs to the unreduced losses of one tensor; here it "
                     "is a number"});
    check_number("call_options", "upstream", options.upstream.factor(), -HUGE_VAL);
}

/// The options with a workspace, the recipe's own where the caller brings none.
inline call_options with_memory(call_options options, workspace& own) {
    if (!options.workspace)
        options.workspace = &own;
    return options;
}

/// A tensor of a recipe, for messages.
struct named_memory {
    const char* name;
    tensor::memory_range bytes;
};

template <class E>
named_memory memory_of(const char* name, const E& e) {
    return {name, tensor::origin_of(e).memory};
}

/// No gradient shares memory with another one, nor with anything that is read.
inline void check_apart(loss_name recipe, std::initializer_list<named_memory> gradients,
                        std::initializer_list<named_memory> inputs) {
    const auto require_apart = [&](const named_memory& g, const named_memory& other, const char* of) {
        if (tensor::overlap(g.bytes, other.bytes))
            tensor::raise<alias_error>(
                {recipe, ": the gradient buffer of the ", g.name, " shares memory with ", of, other.name});
    };
    for (const named_memory& g : gradients) {
        for (const named_memory& other : gradients)
            if (&other != &g)
                require_apart(g, other, "that of the ");
        for (const named_memory& other : inputs)
            require_apart(g, other, "the ");
    }
}

/// Nor with a target and what rides on it.
template <class T>
void check_target_apart(loss_name recipe, const named_memory& gradient, const target<T>& y) {
    if (y.overlaps(gradient.bytes))
        tensor::raise<alias_error>({recipe, ": the gradient buffer of the ", gradient.name,
                                    " shares memory with a target or its weights"});
}

/// What the shapes of the other tensors of a recipe have to go with.
struct leading_shape {
    const char* recipe;
    const char* name;
    const tensor::shape& shape;

    /// Throws where they do not; `expected` is what fits.
    void require(bool fits, const char* what, const tensor::shape& given, const char* expected) const {
        if (!fits)
            tensor::raise<shape_error>(
                {recipe, ": ", what, " ", given, " do not fit ", name, " ", shape, ": ", expected});
    }
};

/// A gradient buffer has the shape of its tensor.
inline void check_gradient_shape(loss_name recipe, const char* name, const tensor::shape& gradient,
                                 const tensor::shape& x) {
    if (gradient != x)
        tensor::raise<shape_error>({recipe, ": gradient buffer ", gradient, " does not fit ", name, " ", x});
}

} // namespace xloss::engine

#endif
