#ifndef XLOSS_BENCHMARKS_ROW_OF_HPP
#define XLOSS_BENCHMARKS_ROW_OF_HPP

// Builds a row from one loss of the library: its tensors, the call under test, and the peers beside it.

#include "harness.hpp"
#include "peers_torch.hpp"
#include "peers_xtensor.hpp"
#include "problem.hpp"
#include "roofline.hpp"
#include "tensors.hpp"
#include "threads.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace bench {

/// What calls of the library share: a kept workspace, and threads.
class library_contender : public contender {
public:
    bool use_threads(std::size_t n) final { return threads_.use_threads(n); }

protected:
    xloss::call_options options() { return {.workspace = &workspace_, .executor = threads_.executor()}; }

private:
    xloss::workspace workspace_;
    pool threads_;
};

/// The call under test: kept gradient, kept workspace, tensors read in place.
template <class Loss, class Tensors>
class xloss_contender final : public library_contender {
public:
    xloss_contender(Loss loss, std::shared_ptr<Tensors> on) : loss_(std::move(loss)), on_(std::move(on)) {}

    double step() override {
        const auto r = xloss::value_and_grad_into(on_->gradient, loss_, on_->logits, on_->target, options());
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override { return on_->gradient.data(); }

private:
    Loss loss_;
    std::shared_ptr<Tensors> on_;
};

/// The same, with the kept map.
template <class Loss, class Tensors>
class map_contender final : public library_contender {
public:
    map_contender(Loss loss, std::shared_ptr<Tensors> on) : loss_(std::move(loss)), on_(std::move(on)) {}

    double step() override {
        const auto r = xloss::value_and_grad_into(
            on_->gradient, loss_, on_->logits, xloss::with_distance(on_->target, on_->distance), options());
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override { return on_->gradient.data(); }

private:
    Loss loss_;
    std::shared_ptr<Tensors> on_;
};

/// The same on volumes: five axes over the same memory.
template <class Loss, class Tensors>
class volume_contender final : public library_contender {
public:
    volume_contender(Loss loss, std::shared_ptr<Tensors> on, const images& size)
        : loss_(std::move(loss)),
          on_(std::move(on)), shape_{size.batch, size.classes, size.depth, size.height, size.width} {
        if constexpr (masks)
            target_shape_ = shape_;
        else
            target_shape_ = {size.batch, size.depth, size.height, size.width};
    }

    double step() override {
        auto gradient = xt::adapt(on_->gradient.data(), on_->gradient.size(), xt::no_ownership(), shape_);
        const auto logits = xt::adapt(on_->logits.data(), on_->logits.size(), xt::no_ownership(), shape_);
        const auto target =
            xt::adapt(on_->target.data(), on_->target.size(), xt::no_ownership(), target_shape_);
        const auto r = xloss::value_and_grad_into(gradient, loss_, logits, target, options());
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override { return on_->gradient.data(); }

private:
    // Masks have the axes of the logits, label maps one less.
    static constexpr bool masks = std::tuple_size_v<typename decltype(Tensors::target)::shape_type> == 4;

    Loss loss_;
    std::shared_ptr<Tensors> on_;
    std::array<std::size_t, 5> shape_;
    std::array<std::size_t, masks ? 5 : 4> target_shape_{};
};

/// The same on scores whose classes lie beside each other, as transposed views.
template <class Loss, class Tensors>
class channels_last_contender final : public library_contender {
public:
    channels_last_contender(Loss loss, std::shared_ptr<Tensors> on)
        : loss_(std::move(loss)), on_(std::move(on)), logits_(xt::transpose(on_->logits, {0, 2, 3, 1})),
          gradient_(xt::zeros<float>(logits_.shape())) {}

    double step() override {
        const auto r =
            xloss::value_and_grad_into(xt::transpose(gradient_, {0, 3, 1, 2}), loss_,
                                       xt::transpose(logits_, {0, 3, 1, 2}), on_->target, options());
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override {
        on_->gradient = xt::transpose(gradient_, {0, 3, 1, 2});
        return on_->gradient.data();
    }

private:
    Loss loss_;
    std::shared_ptr<Tensors> on_;
    xt::xtensor<float, 4> logits_, gradient_;
};

/// The shape as it is stored.
inline std::string shape_name(const images& size, storage stored = storage::planes) {
    std::string name = std::to_string(size.batch);
    const auto append = [&name](std::size_t n) {
        name += 'x';
        name += std::to_string(n);
    };
    if (size.classes > 1 && stored != storage::channels_last)
        append(size.classes);
    if (stored == storage::volume)
        append(size.depth);
    append(size.height);
    append(size.width);
    if (stored == storage::channels_last)
        append(size.classes);
    return name;
}

template <storage Stored, class Loss, class Tensors>
std::unique_ptr<contender> make_xloss(const Loss& loss, std::shared_ptr<Tensors> on, const images& size) {
    if constexpr (Stored == storage::volume)
        return std::make_unique<volume_contender<Loss, Tensors>>(loss, std::move(on), size);
    else if constexpr (Stored == storage::with_map)
        return std::make_unique<map_contender<Loss, Tensors>>(loss, std::move(on));
    else if constexpr (Stored == storage::channels_last)
        return std::make_unique<channels_last_contender<Loss, Tensors>>(loss, std::move(on));
    else
        return std::make_unique<xloss_contender<Loss, Tensors>>(loss, std::move(on));
}

/// A row for `loss`, whose peers write it as `same`. No value for `same`: no peer has it.
template <class Y, std::size_t Rank, storage Stored = storage::planes, class Loss>
row row_of(std::string name, Loss loss, std::optional<formula> same, const images& size,
           const budget& goal = {}) {
    auto shape = problem_of<Y>(size, nullptr, nullptr);
    shape.has_map = Stored == storage::with_map;
    row line{std::move(name),
             type_name<Y>(),
             shape_name(size, Stored),
             size.where,
             static_cast<double>(shape.elements()),
             least_bytes(shape),
             goal,
             {},
             {},
             {}};
    line.prepare = [loss, same, size] {
        using memory = tensors<Y, Rank>;
        const auto on = std::make_shared<memory>(size);
        auto at = problem_of<Y>(size, on->logits.data(), on->target.data());
        at.channels_last = Stored == storage::channels_last;
        if constexpr (Stored == storage::with_map) {
            on->make_map();
            at.has_map = true;
            at.distance = on->distance.data();
        }
        lineup all;
        all.tensors = on;
        all[who::xloss] = make_xloss<Stored>(loss, on, size);
        all[who::roofline] = std::make_unique<roofline<Y>>(at, on->gradient.data());
        if (same && !at.channels_last)
            all[who::xtensor] = make_xtensor(*same, at);
        if (same)
            all[who::torch] = make_torch(*same, at);
        return all;
    };
    return line;
}

} // namespace bench

#endif
