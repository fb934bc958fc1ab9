// sam/spatial_relevance.hpp.

#include "sam/contract.hpp"
#include "sam/stored.hpp"

#include <xloss/losses/bce.hpp>
#include <xloss/sam/spatial_relevance.hpp>

using namespace cases;
using masks::array;
using masks::byte_array;
using masks::extents;
using masks::same;
using xloss::iou_target;
using xloss::sam;
using xloss::sam_output;
using xloss::spatial_output;
using xloss::spatial_relevance;
using xloss::spatial_target;

namespace {

const extents shape{2, 3, 4, 5}, iou_shape{2, 3}, text_shape{2, 7};
const array x = masks::logits(shape), iou = masks::scores(iou_shape), text = masks::logits(text_shape, 3);
const byte_array y = masks::target(shape);
const array fits = masks::scores(text_shape, 9) * 0.5 + 0.2; // in (0, 1)

spatial_relevance soft() {
    spatial_relevance loss{.sam = {.focal_weight = 3.0, .iou_weight = 0.5}, .alignment_weight = 2.0};
    loss.sam.target = iou_target::soft;
    return loss;
}

/// The call throws an Error with all the parts and leaves the three gradients alone.
template <class Error, class Y>
void refuses(const spatial_relevance& loss, const array& i, const array& a, const Y& t, const array& f,
             std::initializer_list<const char*> parts, const xloss::call_options& options = {}) {
    array ga = masks::untouched(text_shape);
    masks::refuses<Error>(
        [&](array& gm, array& gi) {
            value_and_grad_into(spatial_output{gm, gi, ga}, loss, spatial_output{x, i, a},
                                spatial_target{t, f}, options);
        },
        shape, iou_shape, parts);
    CHECK(masks::is_untouched(ga));
}

} // namespace

TEST_CASE("spatial_relevance is sam + alignment_weight bce", "[sam][spatial_relevance]") {
    const auto loss = soft();
    const auto r = value_and_grad(loss, spatial_output{x, iou, text}, spatial_target{y, fits});
    const auto a = value_and_grad(loss.sam, sam_output{x, iou}, y);
    const auto b = value_and_grad(xloss::bce{}, text, fits);
    CHECK(error(r.value, a.value + 2.0 * b.value) <= 1e-15);
    CHECK(r.mask == a.mask);
    CHECK(r.focal == a.focal);
    CHECK(r.dice == a.dice);
    CHECK(r.iou == a.iou);
    CHECK(r.alignment == b.value);
    CHECK(error(r.value, r.mask + 0.5 * r.iou + 2.0 * r.alignment) <= 1e-15);
    CHECK(r.valid == y.size());
    CHECK(same(r.grads.masks, a.grads.masks));
    CHECK(same(r.grads.iou, a.grads.iou));
    CHECK(largest_error(r.grads.alignment, array(2.0 * b.grad)) <= 1e-15);
    CHECK(loss(spatial_output{x, iou, text}, spatial_target{y, fits}) == r.value);
    // One alignment logit of 0 that should be 1: log 2.
    const array one = masks::tensor({1}, {0.0}), yes = masks::tensor({1}, {1.0});
    const auto by_hand =
        value_and_grad(spatial_relevance{}, spatial_output{x, iou, one}, spatial_target{y, yes});
    CHECK(error(by_hand.alignment, std::log(2.0)) <= 1e-15);
    CHECK(by_hand.grads.alignment(0) == -0.5);
}

TEST_CASE("golden spatial_relevance: the document's SpatialRelevanceLoss", "[sam][golden]") {
    const sam_golden::stored expected("relevance");
    const auto m = sam_golden::input<double>("relevance", "masks"),
               i = sam_golden::input<double>("relevance", "iou"),
               a = sam_golden::input<double>("relevance", "alignment"),
               f = sam_golden::input<double>("relevance", "alignment_target");
    const auto t = sam_golden::mask_of("relevance");
    const spatial_relevance loss{.sam = {.over = xloss::region::batch}};
    const auto r = value_and_grad(loss, spatial_output{m, i, a}, spatial_target{t, f});
    expected.check_values<double>({r.value, r.mask, r.iou, r.alignment});
    expected.check_grad("masks", r.grads.masks);
    expected.check_grad("iou", r.grads.iou);
    expected.check_grad("alignment", r.grads.alignment);
}

TEST_CASE("spatial_relevance: central differences, upstream and accumulation", "[sam][spatial_relevance]") {
    array m = x, i = iou, a = text;
    const auto loss = soft();
    const auto value = [&] { return xloss::value(loss, spatial_output{m, i, a}, spatial_target{y, fits}); };
    const auto r = value_and_grad(loss, spatial_output{x, iou, text}, spatial_target{y, fits});
    CHECK(r.value == value());
    CHECK(masks::difference_error(m, r.grads.masks, value) <= masks::closely);
    CHECK(masks::difference_error(i, r.grads.iou, value) <= masks::closely);
    CHECK(masks::difference_error(a, r.grads.alignment, value) <= masks::closely);

    array gm(shape, 1.0), gi(iou_shape, 1.0), ga(text_shape, 1.0);
    xloss::workspace memory;
    const auto into = value_and_grad_into(spatial_output{gm, gi, ga}, loss, spatial_output{x, iou, text},
                                          spatial_target{y, fits},
                                          {.upstream = -2.5, .accumulate = true, .workspace = &memory});
    CHECK(into.value == r.value);
    CHECK(largest_error(gm, array(1.0 - 2.5 * r.grads.masks)) <= 1e-14);
    CHECK(largest_error(gi, array(1.0 - 2.5 * r.grads.iou)) <= 1e-14);
    CHECK(largest_error(ga, array(1.0 - 2.5 * r.grads.alignment)) <= 1e-14);
    value_and_grad_into(spatial_output{gm, gi, ga}, loss, spatial_output{x, iou, text},
                        spatial_target{y, fits});
    CHECK(same(gm, r.grads.masks));
    CHECK(same(ga, r.grads.alignment));
}

TEST_CASE("spatial_relevance: riders, shared targets, storage", "[sam][spatial_relevance]") {
    const byte_array shared = masks::target({2, 4, 5}), valid = masks::target({2, 4, 5}, false, 5);
    const auto loss = soft();
    const auto r =
        value_and_grad(loss, spatial_output{x, iou, text},
                       spatial_target{xloss::masked(shared, valid), xloss::weighted(fits, 0.5 + fits)});
    const auto a = value_and_grad(loss.sam, sam_output{x, iou}, xloss::masked(shared, valid));
    CHECK(same(r.grads.masks, a.grads.masks));
    CHECK(r.alignment == xloss::bce{}(text, xloss::weighted(fits, 0.5 + fits)));
    CHECK(r.valid == a.valid);
    const xt::xarray<double, xt::layout_type::column_major> columns = text;
    const auto stored = value_and_grad(loss, spatial_output{-(-x), iou, columns},
                                       spatial_target{xloss::masked(shared, valid), fits});
    const auto plain = value_and_grad(loss, spatial_output{x, iou, text},
                                      spatial_target{xloss::masked(shared, valid), fits});
    CHECK(stored.value == plain.value);
    CHECK(made_up::same_elements(stored.grads.masks, plain.grads.masks));
    CHECK(made_up::same_elements(stored.grads.alignment, plain.grads.alignment));
}

TEST_CASE("spatial_relevance: what does not fit is named, and no gradient is touched",
          "[sam][spatial_relevance]") {
    using shape_error = xloss::shape_error;
    refuses<shape_error>({}, masks::scores({3, 2}), text, y, fits, {"predicted IoU", "[3, 2]"});
    refuses<shape_error>({}, iou, masks::logits({2, 8}), y, fits, {"[2, 8]"});
    refuses<shape_error>({}, iou, text, y, masks::scores({7, 2}), {"[2, 7]", "[7, 2]"});
    refuses<shape_error>({}, iou, text, masks::target({2, 3, 5, 4}), fits, {"[2, 3, 4, 5]"});
    using wrong = xloss::parameter_error;
    for (const double w : {-1.0, not_a_number, infinity})
        refuses<wrong>({.alignment_weight = w}, iou, text, y, fits,
                       {"xloss::spatial_relevance", "alignment_weight is"});
    refuses<wrong>({.sam = {.iou_weight = -1.0}}, iou, text, y, fits, {"iou_weight is -1"});
    refuses<wrong>({.sam = {.smooth = -1.0}}, iou, text, y, fits, {"smooth is -1"});
    refuses<wrong>({}, iou, text, y, fits, {"upstream"}, {.upstream = infinity});
    refuses<wrong>({}, iou, text, y, fits, {"upstream"}, {.upstream = fits});
    refuses<wrong>({.alignment_weight = 1e300}, iou, text, y, fits, {"upstream"}, {.upstream = 1e300});

    array m = x, i = iou, a = text, f = fits;
    array gm = masks::untouched(shape), gi = masks::untouched(iou_shape), ga = masks::untouched(text_shape);
    const auto into = [&](array& to_masks, array& to_iou, array& to_alignment) {
        return [&] {
            value_and_grad_into(spatial_output{to_masks, to_iou, to_alignment}, spatial_relevance{},
                                spatial_output{m, i, a}, spatial_target{y, f});
        };
    };
    CHECK(throws<xloss::alias_error>(into(m, gi, ga), {"of the masks", "with the masks"}));
    CHECK(throws<xloss::alias_error>(into(gm, i, ga), {"predicted IoU"}));
    CHECK(throws<xloss::alias_error>(into(gm, gi, a), {"logits"}));
    CHECK(throws<xloss::alias_error>(into(gm, gi, f), {"target"}));
    array short_text = masks::untouched({2, 6});
    CHECK(throws<shape_error>(into(gm, gi, short_text), {"gradient buffer [2, 6]", "[2, 7]"}));
    CHECK(masks::is_untouched(gm));
    CHECK(masks::is_untouched(gi));
    CHECK(masks::is_untouched(ga));
}
