// The losses of Segment Anything: 16 images or objects with three masks each.

#include "data.hpp"
#include "harness.hpp"
#include "peers_torch.hpp"
#include "problem.hpp"
#include "roofline.hpp"
#include "row_of.hpp"
#include "rows.hpp"

#include <xloss/xloss.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace bench {
namespace {

constexpr std::size_t images_of_row = 16, masks_of_image = 3;

/// The same for every mask: its loss is in the value, and its gradient is no mask's.
constexpr float predicted = static_cast<float>(predicted_iou);

/// The call under test: kept gradients, kept workspace, tensors read in place. Masks are seen as [B, 3, H,
/// W].
template <class Loss, class Tensors>
class sam_contender final : public contender {
public:
    sam_contender(Loss loss, std::shared_ptr<Tensors> on, std::size_t side)
        : loss_(loss), on_(std::move(on)), shape_{images_of_row, masks_of_image, side, side},
          iou_(xt::xtensor<float, 2>::from_shape({images_of_row, masks_of_image})), iou_gradient_(iou_) {
        iou_.fill(predicted);
    }

    double step() override {
        auto gradient = xt::adapt(on_->gradient.data(), on_->gradient.size(), xt::no_ownership(), shape_);
        const auto masks = xt::adapt(on_->logits.data(), on_->logits.size(), xt::no_ownership(), shape_);
        const auto r =
            xloss::value_and_grad_into(xloss::sam_output{gradient, iou_gradient_}, loss_,
                                       xloss::sam_output{masks, iou_}, target(), {.workspace = &workspace_});
        return static_cast<double>(r.value);
    }
    [[nodiscard]] const float* gradient() const override { return on_->gradient.data(); }

private:
    [[nodiscard]] decltype(auto) target() const {
        if constexpr (std::is_same_v<Loss, xloss::sam>)
            return xt::adapt(on_->target.data(), on_->target.size(), xt::no_ownership(), shape_);
        else
            return (on_->target);
    }

    Loss loss_;
    std::shared_ptr<Tensors> on_;
    std::array<std::size_t, 4> shape_;
    xt::xtensor<float, 2> iou_, iou_gradient_;
    xloss::workspace workspace_;
};

/// Masks [B, 3, H, W] with targets of the same shape, which peers see as [3 B, 1, H, W]; or with one target
/// [B, H, W] for the three candidates of an object.
template <class Y, std::size_t Rank, class Loss>
row sam_row(std::string name, Loss loss, formula same, std::size_t side, extent where,
            const budget& goal = {}) {
    const images size = Rank == 4 ? images{images_of_row * masks_of_image, 1, side, side, where}
                                  : images{images_of_row, masks_of_image, side, side, where};
    const auto shape = problem_of<Y>(size, nullptr, nullptr);
    row line{std::move(name),
             type_name<Y>(),
             shape_name({images_of_row, masks_of_image, side, side, where}),
             where,
             static_cast<double>(shape.elements()),
             least_bytes(shape),
             goal,
             {},
             {},
             {}};
    line.prepare = [loss, same, size, side] {
        using memory = tensors<Y, Rank>;
        const auto on = std::make_shared<memory>(size);
        if constexpr (Rank == 3) // of the classes of the made-up labels one is the object
            for (Y& y : on->target)
                y = static_cast<Y>(y == Y(1));
        const auto at = problem_of<Y>(size, on->logits.data(), on->target.data());
        lineup all;
        all.tensors = on;
        all[who::xloss] = std::make_unique<sam_contender<Loss, memory>>(loss, on, side);
        all[who::roofline] = std::make_unique<roofline<Y>>(at, on->gradient.data());
        all[who::torch] = make_torch(same, at);
        return all;
    };
    return line;
}

} // namespace

void add_sam_rows(std::vector<row>& rows) {
    for (const auto& [side, where] :
         {std::pair{std::size_t{64}, extent::cache}, {256, extent::power_of_two}}) {
        const auto goal = side == 256 ? budget{.torch = 20.0} : budget{};
        rows.push_back(sam_row<float, 4>("SAM", xloss::sam{}, formula::sam, side, where, goal));
        rows.push_back(sam_row<std::uint8_t, 4>("SAM", xloss::sam{}, formula::sam, side, where, goal));
        rows.push_back(sam_row<std::uint8_t, 3>("SAM 2", xloss::sam2{}, formula::sam2, side, where));
    }
}

} // namespace bench
