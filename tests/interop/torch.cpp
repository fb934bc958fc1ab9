// Losses in torch's graph, against torch's own losses and its autograd.
//
// Torch has a macro CHECK of its own, and which of the two survives depends on the order of the headers: here
// is REQUIRE alone.

#include <xloss/interop/torch.hpp>
#include <xloss/xloss.hpp>

#include <torch/nn/functional.h>
#include <torch/nn/modules.h>
#include <torch/optim/sgd.h>

#include "support/catch.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace {

namespace F = torch::nn::functional;
using torch::Tensor;
using xloss::interop::torch_evaluate, xloss::interop::torch_loss, xloss::interop::torch_options,
    xloss::interop::torch_unreduced;

// --- losses as they are written with torch ---

Tensor bce(const Tensor& x, const Tensor& y) {
    return F::binary_cross_entropy_with_logits(x, y);
}

Tensor focal(const Tensor& x, const Tensor& y, double alpha, double gamma) {
    const auto none = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone);
    const auto p = torch::sigmoid(x);
    const auto p_t = p * y + (1 - p) * (1 - y);
    const auto alpha_t = alpha * y + (1 - alpha) * (1 - y);
    return (alpha_t * torch::pow(1 - p_t, gamma) * F::binary_cross_entropy_with_logits(x, y, none)).mean();
}

/// Of every sample.
Tensor dice_of_samples(const Tensor& x, const Tensor& y) {
    const auto p = torch::sigmoid(x).flatten(1), t = y.flatten(1);
    return 1 - (2 * (p * t).sum(1) + 1) / (p.sum(1) + t.sum(1) + 1);
}

Tensor dice(const Tensor& x, const Tensor& y) {
    return dice_of_samples(x, y).mean();
}

// --- data ---

/// What float and double can promise, relative to the largest entry: the references lose as much themselves.
double tolerance(torch::ScalarType type) {
    return type == torch::kFloat ? 4e-6 : 1e-12;
}

Tensor logits_of(at::IntArrayRef shape, torch::ScalarType type, std::uint64_t seed = 7) {
    torch::manual_seed(seed);
    return (3 * torch::randn(shape, torch::kDouble)).to(type);
}

Tensor mask_of(at::IntArrayRef shape, std::uint64_t seed = 11) {
    torch::manual_seed(seed);
    return torch::rand(shape, torch::kDouble) > 0.6;
}

/// Logits [2, 5, 6, 7], labels with some of 255.
struct labelled {
    Tensor x = logits_of({2, 5, 6, 7}, torch::kDouble), y;

    labelled() {
        torch::manual_seed(3);
        y = torch::randint(0, 5, {2, 6, 7}, torch::kLong);
        y = torch::where(torch::rand({2, 6, 7}) > 0.8, torch::full_like(y, 255), y);
    }
};

/// A leaf of its own with the same numbers.
Tensor leaf(const Tensor& x) {
    return x.detach().clone().requires_grad_(true);
}

Tensor gradient_of(const Tensor& value, const Tensor& x) {
    return torch::autograd::grad({value}, {x})[0];
}

bool close(const Tensor& a, const Tensor& b, double bound) {
    const auto scale = b.abs().max().item<double>();
    const auto error = (a.to(torch::kDouble) - b.to(torch::kDouble)).abs().max().item<double>();
    INFO("error " << error << " of " << scale);
    return a.sizes() == b.sizes() && error <= bound * scale;
}

/// Value and gradient of ours against those of a loss in torch.
template <class Theirs>
void require_same(const Tensor& ours, const Tensor& x, const Tensor& same_x, Theirs&& theirs) {
    const Tensor reference = theirs(same_x);
    REQUIRE(ours.dim() == 0);
    REQUIRE(ours.scalar_type() == x.scalar_type());
    REQUIRE(close(ours.detach(), reference.detach(), tolerance(x.scalar_type())));
    REQUIRE(close(gradient_of(ours, x), gradient_of(reference, same_x), tolerance(x.scalar_type())));
}

template <class Call>
std::string message_of(Call&& call) {
    try {
        call();
    } catch (const xloss::error& problem) {
        return problem.what();
    }
    return "";
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

const auto combo = 20.0 * xloss::focal{.alpha = 0.25, .gamma = 2.0} + xloss::dice{};

} // namespace

TEST_CASE("bce is torch's, with targets of every type", "[interop][torch]") {
    const auto type = GENERATE(torch::kFloat, torch::kDouble);
    const auto stored = GENERATE(torch::kBool, torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32,
                                 torch::kInt64, torch::kFloat, torch::kDouble);
    const Tensor x = logits_of({3, 1, 9, 11}, type).requires_grad_(true), same = leaf(x);
    const Tensor y = mask_of({3, 1, 9, 11});
    INFO(c10::toString(type) << " logits, " << c10::toString(stored) << " target");
    require_same(torch_loss(xloss::bce{}, x, y.to(stored)), x, same,
                 [&](const Tensor& s) { return bce(s, y.to(type)); });
}

TEST_CASE("tensors have any rank from 1 to 6", "[interop][torch]") {
    const std::vector<std::int64_t> extents{2, 3, 4, 2, 3, 2};
    for (std::size_t rank = 1; rank <= extents.size(); ++rank) {
        const at::IntArrayRef shape(extents.data(), rank);
        const Tensor x = logits_of(shape, torch::kDouble).requires_grad_(true), same = leaf(x);
        const Tensor y = mask_of(shape);
        require_same(torch_loss(xloss::bce{}, x, y), x, same,
                     [&](const Tensor& s) { return bce(s, y.to(torch::kDouble)); });
    }
}

TEST_CASE("a sum of losses is the sum written in torch, and reports its terms", "[interop][torch]") {
    const auto type = GENERATE(torch::kFloat, torch::kDouble);
    const Tensor x = logits_of({3, 1, 13, 17}, type).requires_grad_(true), same = leaf(x);
    const Tensor mask = mask_of({3, 1, 13, 17}), y = mask.to(type);
    const auto e = torch_evaluate(combo, x, mask);
    require_same(e.value, x, same, [&](const Tensor& s) { return 20 * focal(s, y, 0.25, 2.0) + dice(s, y); });

    const double bound = tolerance(type);
    const std::vector theirs{focal(same, y, 0.25, 2.0).item<double>(), dice(same, y).item<double>()};
    for (std::size_t i = 0; i < theirs.size(); ++i)
        REQUIRE(std::abs(e.terms[i].value - theirs[i]) <= bound * theirs[i]);
    REQUIRE(e.terms[1].normalizer == 3.0);
    REQUIRE(e.normalizer == 3.0 * 13.0 * 17.0);
    REQUIRE(e.valid == 3 * 13 * 17);
}

TEST_CASE("cross entropy with ignored labels and class weights is torch's", "[interop][torch]") {
    const labelled data;
    const Tensor weights = torch::tensor({0.5, 2.0, 1.0, 0.25, 3.0}, torch::kDouble);
    const auto loss = xloss::multiclass(
        xloss::cross_entropy{.class_weights = std::vector{0.5, 2.0, 1.0, 0.25, 3.0}}, {.ignore_index = 255});
    for (const auto type : {torch::kFloat, torch::kDouble})
        for (const auto stored : {torch::kInt64, torch::kInt32, torch::kInt16, torch::kUInt8}) {
            const Tensor x = leaf(data.x.to(type)), same = leaf(x);
            require_same(torch_loss(loss, x, data.y.to(stored)), x, same, [&](const Tensor& s) {
                return F::cross_entropy(
                    s, data.y, F::CrossEntropyFuncOptions().weight(weights.to(type)).ignore_index(255));
            });
        }
}

TEST_CASE("weights and validity count as in the library", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 8, 9}, torch::kDouble).requires_grad_(true), same = leaf(x);
    const Tensor y = mask_of({2, 1, 8, 9}), valid = mask_of({2, 1, 8, 9}, 5);
    torch::manual_seed(2);
    const Tensor w = torch::rand({2, 8, 9}); // float on double logits, without the channel
    const Tensor m = w.to(torch::kDouble).unsqueeze(1) * valid.to(torch::kDouble);
    const auto e = torch_evaluate(xloss::bce{}, x, y, {.weights = w, .valid = valid});
    require_same(e.value, x, same, [&](const Tensor& s) {
        const auto none = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone);
        return (m * F::binary_cross_entropy_with_logits(s, y.to(torch::kDouble), none)).sum() / m.sum();
    });
    REQUIRE(e.valid == static_cast<std::size_t>(valid.sum().item<std::int64_t>()));
}

TEST_CASE("the gradient from above is honoured", "[interop][torch]") {
    const auto type = GENERATE(torch::kFloat, torch::kDouble);
    const Tensor x = logits_of({2, 1, 6, 7}, type).requires_grad_(true), same = leaf(x);
    const Tensor mask = mask_of({2, 1, 6, 7}), y = mask.to(type);
    const auto theirs = [&](const Tensor& s) { return 20 * focal(s, y, 0.25, 2.0) + dice(s, y); };

    SECTION("a factor") {
        require_same(2.5 * torch_loss(combo, x, mask), x, same,
                     [&](const Tensor& s) { return 2.5 * theirs(s); });
        require_same(-torch_loss(combo, x, mask), x, same, [&](const Tensor& s) { return -theirs(s); });
    }
    SECTION("a factor of 0") {
        REQUIRE((gradient_of(0.0 * torch_loss(combo, x, mask), x) == 0).all().item<bool>());
    }
    SECTION("a function of the loss, beside another graph on the same logits") {
        const auto around = [](const Tensor& loss, const Tensor& s) {
            return loss * loss + torch::exp(loss) + 0.01 * (s * s).sum();
        };
        require_same(around(torch_loss(combo, x, mask), x), x, same,
                     [&](const Tensor& s) { return around(theirs(s), s); });
    }
    SECTION("a learned weight of the loss gets its gradient too") {
        const Tensor log_variance = torch::zeros({}, torch::dtype(type).requires_grad(true));
        const Tensor value = torch_loss(combo, x, mask);
        (torch::exp(-log_variance) * value + log_variance).backward();
        REQUIRE(close(log_variance.grad(), 1 - value.detach(), 1e-6));
    }
}

TEST_CASE("a graph that is kept gives the gradient as often as asked", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 6, 7}, torch::kDouble).requires_grad_(true), y = mask_of({2, 1, 6, 7});
    const Tensor value = torch_loss(combo, x, y), expected = gradient_of(torch_loss(combo, x, y), x);
    value.backward({}, /*retain_graph=*/true);
    REQUIRE(x.grad().equal(expected));
    x.mutable_grad().mul_(0); // what torch handed out is the user's: the kept gradient must not feel it
    value.backward({}, true);
    REQUIRE(x.grad().equal(expected));
    value.backward();
    REQUIRE(x.grad().equal(2 * expected));
    REQUIRE_THROWS_AS(value.backward(), c10::Error); // nothing is kept any more
}

TEST_CASE("logits may change between the two passes", "[interop][torch]") {
    const Tensor x = logits_of({1, 1, 5, 5}, torch::kFloat).requires_grad_(true), y = mask_of({1, 1, 5, 5});
    const Tensor expected = gradient_of(torch_loss(xloss::bce{}, x, y), x);
    const Tensor scores = x * 1, target = y.clone();
    const Tensor value = torch_loss(xloss::bce{}, scores, target);
    {
        const torch::NoGradGuard guard;
        scores.detach().fill_(100);
        target.fill_(true);
    }
    REQUIRE(gradient_of(value, x).equal(expected));
}

TEST_CASE("no gradient is computed for nobody", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 6, 7}, torch::kFloat), y = mask_of({2, 1, 6, 7});
    const Tensor wanted = torch_loss(combo, leaf(x), y);
    REQUIRE(wanted.requires_grad());
    const auto plain = torch_evaluate(combo, x, y);
    REQUIRE_FALSE(plain.value.requires_grad());
    REQUIRE(plain.value.equal(wanted.detach()));
    REQUIRE(plain.valid == 2 * 6 * 7);
    {
        const torch::NoGradGuard guard;
        const Tensor quiet = torch_loss(combo, leaf(x), y);
        REQUIRE_FALSE(quiet.requires_grad());
        REQUIRE(quiet.equal(plain.value));
        REQUIRE_FALSE(torch_unreduced(xloss::bce{}, leaf(x), y).requires_grad());
    }
    const torch::InferenceMode guard;
    REQUIRE(torch_loss(combo, x, y).equal(plain.value));
}

TEST_CASE("tensors are read where they are", "[interop][torch]") {
    const Tensor x = logits_of({2, 3, 4, 5}, torch::kFloat);
    const auto view = xloss::interop::torch_detail::view_of<float>(x);
    REQUIRE(view.data() == x.data_ptr<float>());
    REQUIRE(xloss::tensor::source<float>(view).in_place());

    const Tensor part = x.narrow(2, 1, 2).transpose(1, 3);
    const auto strided = xloss::interop::torch_detail::view_of<float>(part);
    const xloss::tensor::source<float> source(strided);
    REQUIRE(strided.data() == part.data_ptr<float>());
    REQUIRE(source.shape() == xloss::tensor::shape{{2, 5, 2, 3}, 4});
    std::vector<float> read(60);
    REQUIRE(source.read(0, read.size(), read.data()) == read.data());
    REQUIRE(torch::from_blob(read.data(), {2, 5, 2, 3}).equal(part));
}

TEST_CASE("strides change no bit", "[interop][torch]") {
    const auto loss = xloss::multilabel(xloss::bce{} + xloss::dice{});
    const Tensor x = logits_of({2, 3, 6, 7}, torch::kFloat), y = mask_of({2, 3, 6, 7});
    const Tensor plain = leaf(x);
    const Tensor value = torch_loss(loss, plain, y), gradient = gradient_of(value, plain);
    const auto same = [&](const Tensor& logits, const Tensor& target) {
        const Tensor here = torch_loss(loss, logits, target);
        REQUIRE(here.detach().equal(value.detach()));
        REQUIRE(gradient_of(here, logits).equal(gradient));
    };

    SECTION("channels last, and so is the gradient") {
        const Tensor last = x.contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_(true);
        REQUIRE_FALSE(last.is_contiguous());
        same(last, y);
        same(plain, y.contiguous(torch::MemoryFormat::ChannelsLast));
        REQUIRE(gradient_of(torch_loss(loss, last, y), last).strides() == last.strides());
    }
    SECTION("transposed") {
        same(x.transpose(2, 3).contiguous().transpose(2, 3).detach().requires_grad_(true), y);
    }
    SECTION("a part of a larger tensor") {
        const Tensor large = torch::full({2, 5, 6, 9}, NAN);
        large.narrow(1, 1, 3).narrow(3, 2, 7).copy_(x);
        same(large.narrow(1, 1, 3).narrow(3, 2, 7).detach().requires_grad_(true), y);
    }
    SECTION("expanded") {
        const Tensor one = leaf(x.narrow(0, 0, 1)), both = y.narrow(0, 0, 1).repeat({2, 1, 1, 1});
        const Tensor repeated = leaf(one.repeat({2, 1, 1, 1}));
        const Tensor expected = gradient_of(torch_loss(loss, repeated, both), repeated).sum(0, true);
        REQUIRE(close(gradient_of(torch_loss(loss, one.expand({2, 3, 6, 7}), both), one), expected, 1e-6));
    }
    SECTION("threads and a workspace of the user") {
        xloss::workspace memory;
        for (int round = 0; round < 2; ++round) {
            const Tensor here =
                torch_loss(loss, plain, y, {.workspace = &memory, .executor = xloss::interop::torch_threads});
            REQUIRE(here.detach().equal(value.detach()));
            REQUIRE(gradient_of(here, plain).equal(gradient));
        }
        REQUIRE(memory.bytes() > 0);
    }
}

TEST_CASE("unreduced losses take a tensor from above", "[interop][torch]") {
    const auto type = GENERATE(torch::kFloat, torch::kDouble);
    const Tensor x = logits_of({2, 1, 6, 7}, type).requires_grad_(true), same = leaf(x);
    const Tensor mask = mask_of({2, 1, 6, 7}), y = mask.to(type);
    const double bound = tolerance(type);

    SECTION("pixels") {
        const auto none = F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone);
        const Tensor ours = torch_unreduced(xloss::bce{}, x, mask);
        const Tensor theirs = F::binary_cross_entropy_with_logits(same, y, none);
        REQUIRE(close(ours.detach(), theirs.detach(), bound));
        torch::manual_seed(4);
        const Tensor factors = torch::randn({2, 1, 6, 7}, type);
        REQUIRE(close(torch::autograd::grad({ours}, {x}, {factors}, /*retain_graph=*/true)[0],
                      torch::autograd::grad({theirs}, {same}, {factors}, true)[0], bound));
        // the sum sends one number, spread out with strides of 0
        REQUIRE(close(gradient_of(ours.sum(), x), gradient_of(theirs.sum(), same), bound));
    }
    SECTION("regions") {
        const Tensor ours = torch_unreduced(xloss::dice{}, x, mask), theirs = dice_of_samples(same, y);
        REQUIRE(close(ours.detach(), theirs.detach(), bound));
        const Tensor factors = torch::tensor({-1.5, 0.5}).to(type);
        REQUIRE(close(gradient_of((factors * ours).sum(), x), gradient_of((factors * theirs).sum(), same),
                      bound));
    }
    SECTION("with weights and validity") {
        const Tensor w = torch::rand({2, 1, 6, 7}).to(type), valid = mask_of({2, 1, 6, 7}, 5);
        const auto ours = torch_unreduced(xloss::bce{}, x, mask, {.weights = w, .valid = valid});
        const auto options =
            F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone).weight(w * valid.to(type));
        const Tensor theirs = F::binary_cross_entropy_with_logits(same, y, options);
        REQUIRE(close(ours.detach(), theirs.detach(), bound));
        REQUIRE(
            close(gradient_of((ours * ours).sum(), x), gradient_of((theirs * theirs).sum(), same), bound));
    }
    SECTION("what is read again must be as it was") {
        const Tensor target = mask.clone(), ours = torch_unreduced(xloss::bce{}, x, target);
        target.fill_(true);
        REQUIRE_THROWS_AS(gradient_of(ours.sum(), x), c10::Error);
    }
}

TEST_CASE("second derivatives are refused, not wrong", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 4, 5}, torch::kDouble).requires_grad_(true), y = mask_of({2, 1, 4, 5});
    const Tensor expected = gradient_of(torch_loss(combo, x, y), x);
    const auto twice = [&](const Tensor& value) {
        return torch::autograd::grad({value}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true)[0];
    };
    const Tensor value = torch_loss(combo, x, y), gradient = twice(value);
    REQUIRE(gradient.requires_grad());
    REQUIRE(gradient.detach().equal(expected));
    const std::string sentence = "xloss::focal + xloss::dice: there is no second derivative";
    REQUIRE(has(message_of([&] { gradient_of(gradient.pow(2).sum(), x); }), sentence));
    REQUIRE(has(message_of([&] { (value + gradient.pow(2).sum()).backward({}, true); }), sentence));
    REQUIRE(has(message_of([&] { gradient_of(twice(2 * value).sum(), x); }), sentence));
    // the kept gradient is as it was
    const Tensor again = torch::autograd::grad({value}, {x}, {}, /*retain_graph=*/true)[0];
    REQUIRE(again.equal(expected));
    REQUIRE_FALSE(again.requires_grad());

    const Tensor pixels = twice(torch_unreduced(xloss::bce{}, x, y).sum());
    REQUIRE(
        has(message_of([&] { gradient_of(pixels.sum(), x); }), "xloss::bce: there is no second derivative"));
}

TEST_CASE("what xloss does not take is refused by name", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 4, 5}, torch::kFloat).requires_grad_(true), y = mask_of({2, 1, 4, 5});
    const auto refused = [](const Tensor& logits, const Tensor& target, const torch_options& options = {}) {
        const auto message = message_of([&] { torch_loss(combo, logits, target, options); });
        REQUIRE(message == message_of([&] { torch_evaluate(combo, logits, target, options); }));
        REQUIRE(has(message, "xloss::focal + xloss::dice: "));
        return message;
    };
    REQUIRE(message_of([&] { torch_loss(combo, x, y); }).empty());

    REQUIRE(has(refused(x.to(torch::kHalf), y), "logits: of type Half"));
    REQUIRE(has(refused(x.to(torch::kBFloat16), y), "logits: of type BFloat16"));
    REQUIRE(has(refused(y, y), "logits: of type Bool"));
    REQUIRE(has(refused(x, y.to(torch::kHalf)), "target: of type Half"));
    REQUIRE(has(refused(x, y, {.weights = y.to(torch::kHalf)}), "weights: of type Half"));
    REQUIRE(has(refused(x, leaf(x)), "target: the tensor requires a gradient"));
    REQUIRE(has(refused(x, y, {.weights = leaf(x)}), "weights: the tensor requires a gradient"));
    REQUIRE(has(refused(x.detach().to_sparse(), y), "logits: the tensor is sparse"));
    REQUIRE(has(refused(x, y.to_sparse()), "target: the tensor is sparse"));
    REQUIRE(has(refused(torch::empty_like(x, torch::kMeta), y), "logits: the tensor is on meta"));
    REQUIRE(
        has(refused(x, y, {.valid = torch::empty_like(y, torch::kMeta)}), "valid pixels: the tensor is on"));
    REQUIRE(has(refused({}, y), "logits: the tensor is undefined"));
    REQUIRE(has(refused(x, {}), "target: the tensor is undefined"));
    REQUIRE(has(refused(x, y.transpose(2, 3)), "target [2, 1, 5, 4] does not fit logits [2, 1, 4, 5]"));
    REQUIRE(has(refused(x.select(0, 0).select(0, 0).select(0, 0).select(0, 0), y),
                "logits [] need a sample axis"));
    REQUIRE_THROWS_AS(torch_loss(combo, x, y.transpose(2, 3)), xloss::shape_error);

    // under no_grad nothing is lost
    const torch::NoGradGuard guard;
    REQUIRE(message_of([&] { torch_loss(combo, x, leaf(x)); }).empty());
}

TEST_CASE("a label outside the classes is named", "[interop][torch]") {
    labelled data;
    data.y[1][3][4] = 7;
    const auto loss = xloss::multiclass(
        xloss::cross_entropy{.class_weights = std::vector{0.5, 2.0, 1.0, 0.25, 3.0}}, {.ignore_index = 255});
    REQUIRE(message_of([&] { torch_loss(loss, leaf(data.x), data.y); }) ==
            "xloss::cross_entropy: label 7 at [1, 3, 4] is outside [0, 5) and not the ignored 255");
}

TEST_CASE("nothing to learn from: value 0, gradient 0", "[interop][torch]") {
    const Tensor x = logits_of({2, 1, 4, 5}, torch::kFloat).requires_grad_(true), y = mask_of({2, 1, 4, 5});
    const auto e = torch_evaluate(combo, x, y, {.valid = torch::zeros_like(y)});
    REQUIRE(e.valid == 0);
    REQUIRE(e.value.item<float>() == 0.0F);
    REQUIRE((gradient_of(e.value, x) == 0).all().item<bool>());
    const Tensor empty = torch::empty({0, 1, 4, 5}).requires_grad_(true);
    const Tensor value = torch_loss(combo, empty, torch::empty({0, 1, 4, 5}));
    REQUIRE(value.item<float>() == 0.0F);
    REQUIRE(gradient_of(value, empty).sizes() == empty.sizes());
}

TEST_CASE("a network takes the same steps as with torch's loss", "[interop][torch]") {
    const Tensor images = logits_of({4, 1, 8, 8}, torch::kDouble), mask = mask_of({4, 1, 8, 8});
    const auto trained = [&](const auto& loss) {
        torch::manual_seed(1);
        torch::nn::Sequential model(torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 3, 3).padding(1)),
                                    torch::nn::ReLU(), torch::nn::Conv2d(3, 1, 1));
        model->to(torch::kDouble);
        torch::optim::SGD optimiser(model->parameters(), 0.1);
        for (int step = 0; step < 2; ++step) {
            optimiser.zero_grad();
            loss(model->forward(images)).backward();
            optimiser.step();
        }
        std::vector<Tensor> all;
        for (const Tensor& p : model->parameters())
            all.push_back(p.detach().flatten());
        return torch::cat(all);
    };
    const Tensor start = trained([](const Tensor& x) { return 0 * x.sum(); });
    const Tensor theirs = trained([&](const Tensor& x) { return bce(x, mask.to(torch::kDouble)); });
    REQUIRE_FALSE(close(start, theirs, 1e-3)); // the steps go somewhere
    REQUIRE(
        close(trained([&](const Tensor& x) { return torch_loss(xloss::bce{}, x, mask); }), theirs, 1e-13));
}
