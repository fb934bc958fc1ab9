// error: the mask loss of mask_rcnn runs in binary
#include <xloss/xloss.hpp>

auto refused(const xt::xtensor<float, 2>& x, const xt::xtensor<float, 4>& masks,
             const xt::xtensor<int, 1>& labels, const xt::xtensor<float, 3>& true_masks) {
    return xloss::value(xloss::mask_rcnn{.mask = xloss::cross_entropy{}},
                        xloss::mask_rcnn_output{x, x, masks}, xloss::mask_rcnn_target{labels, x, true_masks});
}
