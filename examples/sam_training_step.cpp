// One training step with the loss of SAM 2: value, components, choices and gradients, then several prediction
// steps that add into the same gradients.
#include <cstdint>
#include <iostream>

#include <xloss/xloss.hpp>

int main() {
    std::cout.precision(4);

    // One object, three candidate masks of 2 x 3 pixels, and what the network predicts of their IoU.
    const xt::xtensor<float, 4> masks{{{{2.0F, -1.0F, 0.5F}, {-3.0F, 1.5F, 0.0F}},
                                       {{1.0F, 1.0F, 2.0F}, {1.0F, 2.0F, 1.0F}},
                                       {{-2.0F, 1.0F, -1.0F}, {2.0F, -1.0F, 1.0F}}}}; // [N, M, H, W]
    const xt::xtensor<float, 2> iou{{0.8F, 0.6F, 0.3F}};                              // [N, M]
    const xt::xtensor<std::uint8_t, 3> target{{{1, 0, 1}, {0, 1, 0}}};                // [N, H, W]

    // The candidate where 20 focal + Dice is least is trained; of the others only the predicted IoU is.
    const xloss::sam2 loss{.supervise_all_iou = true};
    const auto r = xloss::value_and_grad(loss, xloss::sam_output{masks, iou}, target);
    std::cout << "value " << r.value << " = 20 focal " << r.focal << " + dice " << r.dice << " + iou "
              << r.iou << "\ncandidate " << r.chosen[0] << " was chosen; gradient of its first pixel "
              << r.grads.masks(0, r.chosen[0], 0, 0) << ", of another candidate's "
              << r.grads.masks(0, 1, 0, 0) << "\ngradient of the predicted IoU";
    for (const float slope : r.grads.iou)
        std::cout << ' ' << slope;

    // Without a target, masks are ranked by their predicted IoU.
    std::cout << "\nbest by predicted IoU: candidate " << xloss::rank_masks(iou)(0, 0) << ", stability "
              << xloss::stability_score(masks)(0, 0) << '\n';

    // Prediction steps, or the frames of a video: their values are added and so are their gradients, in
    // buffers of your own. After the first call of a shape nothing is allocated.
    xloss::workspace memory;
    auto grad_masks = xt::xtensor<float, 4>::from_shape({1, 3, 2, 3});
    auto grad_iou = xt::xtensor<float, 2>::from_shape({1, 3});
    float value = 0.0F;
    for (int step = 0; step < 3; ++step)
        value += xloss::value_and_grad_into(xloss::sam_output{grad_masks, grad_iou}, loss,
                                            xloss::sam_output{masks, iou}, target,
                                            {.accumulate = step > 0, .workspace = &memory})
                     .value;
    std::cout << "three prediction steps: " << value << ", first gradient " << grad_masks(0, 0, 0, 0) << '\n';
}
