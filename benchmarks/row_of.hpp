#ifndef XLOSS_BENCHMARKS_ROW_OF_HPP
#define XLOSS_BENCHMARKS_ROW_OF_HPP

// Builds a row from one loss of the library: its tensors, the call under test, and the peers beside it.

#include "data.hpp"
#include "harness.hpp"
#include "peers_torch.hpp"
#include "peers_xtensor.hpp"
#include "problem.hpp"
#include "roofline.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace bench {

/// Images of a row, all of one shape.
struct images {
    std::size_t batch, classes, height, width;
    extent where;
};

template <class Y>
constexpr target_kind kind_of() {
    if constexpr (std::is_same_v<Y, float>)
        return target_kind::float32;
    else if constexpr (std::is_same_v<Y, std::uint8_t>)
        return target_kind::uint8;
    else {
        static_assert(std::is_same_v<Y, std::int64_t>, "no contender reads a target of this type");
        return target_kind::int64;
    }
}

template <class Y>
problem problem_of(const images& size, const float* logits, const Y* target) {
    const auto length = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    return {length(size.batch), length(size.classes), length(size.height), length(size.width), logits, target,
            kind_of<Y>()};
}

/// Logits and gradient [B, C, H, W]; target [B, 1, H, W] (Rank 4) or label map [B, H, W] (Rank 3).
template <class Y, std::size_t Rank>
struct tensors {
    xt::xtensor<float, 4> logits, gradient;
    xt::xtensor<Y, Rank> target;

    explicit tensors(const images& size)
        : logits(xt::xtensor<float, 4>::from_shape({size.batch, size.classes, size.height, size.width})),
          gradient(xt::xtensor<float, 4>::from_shape(logits.shape())) {
        if constexpr (Rank == 4)
            target = decltype(target)::from_shape(logits.shape());
        else
            target = decltype(target)::from_shape({size.batch, size.height, size.width});
        fill(size);
    }

private:
    void fill(const images& size) {
        const auto pixels = size.height * size.width;
        for (std::size_t sample = 0; sample < size.batch; ++sample)
            for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
                const auto row = pixel / size.width, column = pixel % size.width;
                const auto is = size.classes == 1
                                    ? std::size_t{in_disc(sample, row, column, size.height, size.width)}
                                    : class_at(sample, row, column, size.height, size.width, size.classes);
                target.data()[sample * pixels + pixel] = static_cast<Y>(is);
                for (std::size_t c = 0; c < size.classes; ++c) {
                    const auto i = (sample * size.classes + c) * pixels + pixel;
                    const auto lean = size.classes == 1 ? (is == 1 ? 1.5f : -1.5f) : (is == c ? 2.0f : 0.0f);
                    logits.data()[i] = lean + 2.0f * noise(i);
                    gradient.data()[i] = 0.0f;
                }
            }
    }
};

/// The call under test: kept gradient, kept workspace, tensors read in place.
template <class Loss, class Tensors>
class xloss_contender final : public contender {
public:
    xloss_contender(Loss loss, std::shared_ptr<Tensors> on) : loss_(std::move(loss)), on_(std::move(on)) {}

    double step() override {
        const auto r = xloss::value_and_grad_into(on_->gradient, loss_, on_->logits, on_->target,
                                                  {.workspace = &workspace_});
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override { return on_->gradient.data(); }

private:
    Loss loss_;
    std::shared_ptr<Tensors> on_;
    xloss::workspace workspace_;
};

template <class Y>
constexpr const char* type_name() {
    if constexpr (std::is_same_v<Y, float>)
        return "float";
    else if constexpr (std::is_same_v<Y, std::uint8_t>)
        return "uint8";
    else
        return "int64";
}

inline std::string shape_name(const images& size) {
    const auto tail = std::to_string(size.height) + "x" + std::to_string(size.width);
    const auto head = std::to_string(size.batch) + "x";
    return size.classes == 1 ? head + tail : head + std::to_string(size.classes) + "x" + tail;
}

/// A row for `loss`, whose peers write it as `same`. No value for `same`: no peer has it.
template <class Y, std::size_t Rank, class Loss>
row row_of(std::string name, Loss loss, std::optional<formula> same, const images& size,
           std::optional<double> goal = std::nullopt) {
    const auto shape = problem_of<Y>(size, nullptr, nullptr);
    row line{std::move(name),
             type_name<Y>(),
             shape_name(size),
             size.where,
             static_cast<double>(shape.elements()),
             least_bytes(shape),
             goal,
             {}};
    line.prepare = [loss, same, size] {
        using memory = tensors<Y, Rank>;
        const auto on = std::make_shared<memory>(size);
        const auto at = problem_of<Y>(size, on->logits.data(), on->target.data());
        lineup all;
        all.tensors = on;
        all[who::xloss] = std::make_unique<xloss_contender<Loss, memory>>(loss, on);
        all[who::roofline] = std::make_unique<roofline<Y>>(at, on->gradient.data());
        if (same)
            all[who::xtensor] = make_xtensor(*same, at);
        if (same)
            all[who::torch] = make_torch(*same, at);
        return all;
    };
    return line;
}

} // namespace bench

#endif
