// The boundary loss looks at signed distances. They depend on the masks alone, so they are made once for a
// data set, kept, and ride on the target.
#include <cstdint>
#include <cstdio>

#include <xloss/xloss.hpp>

#if __has_include(<xtensor/views/xview.hpp>)
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xview.hpp>
#endif

int main() {
    // Two masks of 5 x 5 pixels, [B, H, W]; those of one data set.
    const xt::xtensor<std::uint8_t, 3> masks{
        {{0, 0, 0, 0, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 1, 1, 1, 0}, {0, 0, 0, 0, 0}},
        {{0, 0, 0, 0, 0}, {0, 0, 0, 0, 0}, {0, 0, 0, 1, 1}, {0, 0, 0, 1, 1}, {0, 0, 0, 1, 1}}};

    // Once: outside minus inside, here in mm, with pixels of 2 x 2 mm. Each mask is an image for itself.
    const auto maps = xloss::signed_distance(masks, {.spacing = {2.0, 2.0}, .batch = true});
    std::printf("signed distance, mm\n");
    for (std::size_t row = 0; row < 5; ++row) {
        for (std::size_t column = 0; column < 5; ++column)
            std::printf("%7.2f", static_cast<double>(maps(0, row, column)));
        std::printf("\n");
    }

    // In every step: the map beside the mask. Losses that look at no map, such as Dice, pass it over. The
    // boundary loss collapses alone, and is negative at its optimum: a small share beside a region loss.
    const auto loss = xloss::dice{} + 0.01 * xloss::boundary{};
    xt::xtensor<float, 3> logits = xt::zeros<float>(masks.shape());
    xloss::workspace memory;
    xt::xtensor<float, 3> gradient = xt::zeros<float>(masks.shape());
    float first = 0.0F, last = 0.0F;
    for (int step = 0; step < 200; ++step) {
        const auto now = xloss::value_and_grad_into(gradient, loss, logits, xloss::with_distance(masks, maps),
                                                    {.workspace = &memory});
        logits -= 20.0F * gradient;
        first = step == 0 ? now.value : first;
        last = now.value;
    }
    std::printf("Dice + 0.01 boundary falls from %.4f to %.4f\n", static_cast<double>(first),
                static_cast<double>(last));

    // Without a map it is made in every call, and says the same.
    const xloss::boundary in_mm{.spacing = {2.0, 2.0}};
    const float kept = in_mm(logits, xloss::with_distance(masks, maps)), made = in_mm(logits, masks);
    std::printf("boundary %.4f with the maps kept, %.4f with maps made in the call\n",
                static_cast<double>(kept), static_cast<double>(made));

    // How far the borders of masks and predictions are apart in the end.
    const xloss::surface_quality quality(xt::view(logits, 0) > 0.0F, xt::view(masks, 0),
                                         {.spacing = {2.0, 2.0}});
    std::printf("Hausdorff distance %.2f mm\n", quality.hausdorff());
    return kept == made && last < first && quality.hausdorff() == 0.0 ? 0 : 1;
}
