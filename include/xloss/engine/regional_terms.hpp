#ifndef XLOSS_ENGINE_REGIONAL_TERMS_HPP
#define XLOSS_ENGINE_REGIONAL_TERMS_HPP

#include <xloss/config.hpp>
#include <xloss/engine/options.hpp>
#include <xloss/engine/program.hpp>
#include <xloss/engine/regional.hpp>
#include <xloss/engine/sweep.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>
#include <xloss/tensor/shape.hpp>
#include <xloss/tensor/sink.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace xloss::engine {

/// A regional term of a sum of losses.
struct regional_part {
    region_means mean;
    double coefficient; // its factor in the sum
    std::size_t entry;  // the number of its loss
    std::size_t index;  // its own number among all terms
};

/// The numbers of the regional terms of a program.
template <class Program>
inline constexpr auto regional_indices = []<std::size_t... I>(std::index_sequence<I...>) {
    std::array<std::size_t, (std::size_t{Program::template is_regional<I>} + ... + 0)> found{};
    [[maybe_unused]] std::size_t n = 0;
    ((Program::template is_regional<I> ? (void)(found[n++] = I) : (void)0), ...);
    return found;
}
(std::make_index_sequence<Program::size>{});

/// The regional terms of a program; all that is done with them is compiled once.
template <class Program>
auto regional_parts(const Program& program, const geometry& g, const known_sums& sums, workspace& memory) {
    constexpr const auto& at = regional_indices<Program>;
    return [&]<std::size_t... K>(std::index_sequence<K...>) {
        return std::array<regional_part, sizeof...(K)>{[&] {
            const auto& one = std::get<at[K]>(program.parts);
            using term = typename Program::template term<at[K]>;
            return regional_part{region_means_of<Program, term>(one.term, g, sums, memory), one.coefficient(),
                                 one.entry, at[K]};
        }()...};
    }
    (std::make_index_sequence<at.size()>{});
}

/// What the regional terms of a sum are together, once the sums of their regions are known.
class regional_terms {
public:
    /// `above`: where it is a tensor, every loss counts for itself, by its number there.
    regional_terms(std::span<const regional_part> parts, reduction how, const upstream& above)
        : parts_(parts), how_(how), upstream_(above) {}

    /// Whether the classes that are to count are there. Once, before anything else is asked.
    void check() const {
        for (const regional_part& one : parts_)
            one.mean.check();
    }

    [[nodiscard]] std::span<const regional_part> parts() const { return parts_; }

    [[nodiscard]] bool any_per_sample() const {
        return std::any_of(parts_.begin(), parts_.end(),
                           [](const regional_part& one) { return one.mean.regions().per_sample(); });
    }

    /// Whether the share of every sample in the means is known before all of them are.
    [[nodiscard]] XLOSS_PER_CALL bool shares_are_certain() const {
        return std::all_of(parts_.begin(), parts_.end(), [this](const regional_part& one) {
            return one.mean.regions().certain_share(how_, 1.0).has_value();
        });
    }

    /// Adds the tallies of terms with a region per sample to those of the call, two numbers for every term.
    XLOSS_PER_CALL void add_tallies(double* tallies) const {
        for (const regional_part& one : parts_) {
            if (!one.mean.regions().per_sample())
                continue;
            const tally t = one.mean.over_groups(how_);
            tallies[2 * one.index] += t.losses;
            tallies[2 * one.index + 1] += t.groups;
        }
    }

    /// The mean over the regions of a term.
    [[nodiscard]] XLOSS_PER_CALL mean_value mean_of(const regional_part& one, const double* tallies) const {
        const double* own = tallies + 2 * one.index;
        const tally t = one.mean.regions().per_sample() ? tally{own[0], own[1]} : one.mean.over_groups(how_);
        return t.mean(how_);
    }

    /// The sum of the unreduced losses of a term by what comes from above.
    [[nodiscard]] XLOSS_PER_CALL double sum_by_upstream(const regional_part& one) const {
        double sum = 0.0;
        each_region(one.mean, [&](std::size_t group, std::size_t i, std::size_t flat) {
            sum += upstream_of(flat) * one.mean.unreduced(group, i);
        });
        return sum;
    }

    /// Adds to the pull-backs of all regions those of one sample, whose share is certain.
    XLOSS_PER_CALL void pull_sample(std::size_t b, pull_back* pulls) const {
        for (const regional_part& one : parts_) {
            const double factor = one.coefficient * upstream_.factor();
            one.mean.pull_group(b, *one.mean.regions().certain_share(how_, factor), pulls);
        }
    }

    /// Adds the pull-backs of all regions, by all terms or by those of one loss of the sum.
    XLOSS_PER_CALL void pull(const double* tallies, std::optional<std::size_t> entry,
                             pull_back* pulls) const {
        for (const regional_part& one : parts_) {
            if (entry && *entry != one.entry)
                continue;
            if (upstream_.tensor())
                each_region(one.mean, [&](std::size_t group, std::size_t i, std::size_t flat) {
                    one.mean.pull_one(group, i, one.coefficient * upstream_of(flat), pulls);
                });
            else
                one.mean.pull(how_, mean_of(one, tallies).normalizer, one.coefficient * upstream_.factor(),
                              pulls);
        }
    }

    /// The shape of the unreduced losses, the same for all terms; `loss` is for the message if it is not.
    [[nodiscard]] XLOSS_PER_CALL tensor::shape unreduced_shape(loss_name loss, mode md) const {
        tensor::shape shape;
        for (const regional_part& one : parts_) {
            const tensor::shape own = one.mean.regions().unreduced_shape(md);
            if (&one != parts_.data() && own != shape)
                tensor::raise<shape_error>(
                    {loss, ": unreduced regions of the terms differ, ", shape, " and ", own});
            shape = own;
        }
        return shape;
    }

    /// Writes the unreduced losses, of this shape.
    template <class T>
    XLOSS_PER_CALL void write_unreduced(const tensor::sink<T>& out, const tensor::shape& shape) const {
        for (std::size_t flat = 0; flat < shape.size(); ++flat) {
            T buffer{};
            T* to = out.begin(flat, 1, &buffer, false);
            *to = T(0);
            out.commit(flat, 1, to);
        }
        for (const regional_part& one : parts_)
            each_region(one.mean, [&](std::size_t group, std::size_t i, std::size_t flat) {
                T buffer{};
                T* to = out.begin(flat, 1, &buffer, true);
                *to += static_cast<T>(one.coefficient * one.mean.unreduced(group, i));
                out.commit(flat, 1, to);
            });
    }

private:
    /// Calls f(group, i, number) for every unreduced loss.
    template <class F>
    static void each_region(const region_means& mean, F&& f) {
        for (std::size_t group = 0, flat = 0; group < mean.regions().groups(); ++group)
            for (std::size_t i = 0; i < mean.regions().losses_per_group(); ++i, ++flat)
                f(group, i, flat);
    }

    [[nodiscard]] double upstream_of(std::size_t flat) const {
        double buffer = 1.0;
        return *upstream_.tensor()->read(flat, 1, &buffer);
    }

    std::span<const regional_part> parts_;
    reduction how_;
    const upstream& upstream_;
};

} // namespace xloss::engine

#endif
