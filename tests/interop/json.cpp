// The state of a training loop in JSON: every class there and back, numbers to the bit, what is refused, and
// a training run that is stopped and continued.

#include "support/catch.hpp"
#include "support/expressions.hpp"

#include <xloss/criterion/call.hpp>
#include <xloss/interop/json.hpp>
#include <xloss/losses/dice.hpp>
#include <xloss/losses/focal.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace {

using nlohmann::json;
using namespace xloss;

/// Through text, into an object that is not like it.
template <class T>
T there_and_back(const T& from, T to = {}) {
    json::parse(json(from).dump()).get_to(to);
    return to;
}

/// The words of the error that reading gives, and that it left the object alone.
template <class T>
std::string refusal(const T& before, const json& j) {
    T to = before;
    try {
        j.get_to(to);
    } catch (const parameter_error& e) {
        CHECK(to == before);
        return e.what();
    }
    return "";
}

bool same_bits(double a, double b) {
    return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

early_stopping some_stopping() {
    early_stopping stop{.rule = stopping_rule::less,
                        .patience = 7,
                        .min_delta = 0.1,
                        .strict = true,
                        .check_finite = false,
                        .stopping_threshold = -0.3};
    for (const double v : {3.0, 2.0, 2.5, 1.0 / 3.0, 0.4})
        stop.update(v);
    return stop;
}

} // namespace

TEST_CASE("json: every class there and back", "[interop][json]") {
    uncertainty_weighting w(3);
    w.log_vars = {0.1, -2.0 / 3.0, 1e-300};
    CHECK(there_and_back(w) == w);
    CHECK(there_and_back(uncertainty_weighting{}, w).log_vars.empty());

    gradient_norm_weighting g(2, 0.3);
    CHECK(there_and_back(g) == g);
    g.update({0.7, 3.0});
    g.update({0.3, 2.9});
    CHECK(there_and_back(g) == g);

    const loss_schedule schedule{.total = 7e4,
                                 .focal = {1, 2},
                                 .dice = {3, 4},
                                 .iou = {5, 6},
                                 .warmup = 77,
                                 .shape = ramp_shape::cosine,
                                 .stairs = 9};
    CHECK(there_and_back(schedule) == schedule);
    for (const auto shape :
         {ramp_shape::constant, ramp_shape::linear, ramp_shape::cosine, ramp_shape::step}) {
        const ramp r{.shape = shape, .from = 0.1, .to = -3, .warmup = 2, .total = 11, .stairs = 4};
        CHECK(there_and_back(r) == r);
    }
    for (const auto kind :
         {boundary_schedule::constant, boundary_schedule::falling, boundary_schedule::rebalanced}) {
        const boundary_ramp r{.schedule = kind, .epochs = 30};
        CHECK(there_and_back(r) == r);
    }

    CHECK(there_and_back(early_stopping{}, some_stopping()) == early_stopping{});
    CHECK(there_and_back(some_stopping()) == some_stopping());
    for (const auto reason : {stopping_reason::none, stopping_reason::no_improvement,
                              stopping_reason::threshold, stopping_reason::not_finite}) {
        const early_stopping stop{.reason = reason};
        CHECK(there_and_back(stop) == stop);
    }

    const clip_options clip{.max_norm = HUGE_VAL, .norm_type = 3.0, .non_finite = non_finite::skip};
    CHECK(there_and_back(clip) == clip);
    CHECK(there_and_back(clip_options{}, clip) == clip_options{});
}

TEST_CASE("json: as it is written", "[interop][json]") {
    CHECK(json(uncertainty_weighting(2)).dump() == R"({"log_vars":[0.0,0.0]})");
    CHECK(json(clip_options{.max_norm = HUGE_VAL}).dump() ==
          R"({"max_norm":"inf","non_finite":"error","norm_type":2.0})");
    CHECK(json(early_stopping{}).dump() ==
          R"({"bad_count":0,"best":null,"best_step":0,"check_finite":true,"min_delta":0.1,"patience":5,)"
          R"("reason":"none","rule":"greater","steps":0,"stopping_threshold":null,"strict":false})");
    // A checkpoint is put together as any JSON.
    const json checkpoint{{"stop", some_stopping()}, {"step", 17}};
    CHECK(checkpoint.at("stop").get<early_stopping>() == some_stopping());
}

TEST_CASE("json: numbers keep their bits", "[interop][json]") {
    using limits = std::numeric_limits<double>;
    uncertainty_weighting w;
    w.log_vars = {0.0,
                  -0.0,
                  0.1,
                  1.0 / 3.0,
                  limits::max(),
                  limits::lowest(),
                  limits::min(),
                  limits::denorm_min(),
                  -1.5e-310,
                  1e22,
                  1e23,
                  123456789012345678.0,
                  9007199254740993.0,
                  1.0 + limits::epsilon(),
                  HUGE_VAL,
                  -HUGE_VAL,
                  limits::quiet_NaN(),
                  -limits::quiet_NaN(),
                  std::bit_cast<double>(std::uint64_t{0x7ff8000000000123}),
                  std::bit_cast<double>(std::uint64_t{0xfff0000000000001})};
    made_up::sequence numbers(4);
    for (int i = 0; i < 2000; ++i) {
        const std::uint64_t high = numbers.next(), middle = numbers.next(), low = numbers.next();
        w.log_vars.push_back(std::bit_cast<double>(high << 40 ^ middle << 20 ^ low));
    }
    const auto back = there_and_back(w);
    REQUIRE(back.size() == w.size());
    std::size_t same = 0;
    for (std::size_t i = 0; i < w.size(); ++i)
        same += same_bits(back.log_vars[i], w.log_vars[i]);
    CHECK(same == w.size());

    // An integer is a number too; a count is not just any number.
    CHECK(json::parse(R"({"log_vars": [1, -2]})").get<uncertainty_weighting>().log_vars ==
          std::vector<double>{1.0, -2.0});
}

TEST_CASE("json: what is refused", "[interop][json]") {
    const auto stop = some_stopping();
    const json good = stop;
    CHECK(refusal(stop, good).empty());
    CHECK(refusal(stop, json::array()) == "xloss::early_stopping: not an object of JSON");
    for (const auto& item : good.items()) {
        json less = good;
        less.erase(item.key());
        CHECK(refusal(stop, less) == "xloss::early_stopping: the key \"" + item.key() + "\" is missing");
    }
    json more = good;
    more["paitence"] = 3;
    CHECK(refusal(stop, more) == "xloss::early_stopping: the key \"paitence\" is unknown");

    const auto with = [&](const char* key, const json& value) {
        json j = good;
        j[key] = value;
        return refusal(stop, j);
    };
    CHECK(with("patience", -1) ==
          "xloss::early_stopping: the key \"patience\" has the value -1, which is not one of its kind");
    CHECK(with("patience", 2.5) ==
          "xloss::early_stopping: the key \"patience\" has the value 2.5, which is not one of its kind");
    CHECK(with("rule", "more") ==
          "xloss::early_stopping: the key \"rule\" has the value \"more\", which is not one of its kind");
    for (const json& wrong :
         {json("nan"), json("nan:"), json("nan:7ff0000000000000"), json("nan:7ff8000000000000z"), json("1.5"),
          json("nan:3ff0000000000000"), json("Inf"), json(true), json::object()}) {
        INFO(wrong.dump());
        CHECK_FALSE(with("min_delta", wrong).empty());
        CHECK_FALSE(with("best", wrong).empty());
    }
    CHECK_FALSE(with("min_delta", nullptr).empty());
    CHECK(with("best", nullptr).empty());
    CHECK_FALSE(with("strict", 1).empty());
    CHECK_FALSE(with("rule", 0).empty());
    CHECK_FALSE(with("best_step", "3").empty());
    CHECK_FALSE(with("rule", std::string("\xff")).empty()); // no UTF-8

    const loss_schedule schedule{.total = 5};
    json inner = schedule;
    inner["dice"].erase("to");
    CHECK(refusal(schedule, inner) == "xloss::loss_schedule.dice: the key \"to\" is missing");
    inner = schedule;
    inner["iou"]["until"] = 1;
    CHECK(refusal(schedule, inner) == "xloss::loss_schedule.iou: the key \"until\" is unknown");
    inner["iou"] = 1;
    CHECK(refusal(schedule, inner) == "xloss::loss_schedule.iou: not an object of JSON");
    CHECK(
        refusal(uncertainty_weighting(1), json::parse(R"({"log_vars": [1, null]})")) ==
        "xloss::uncertainty_weighting: the key \"log_vars\" has the value [1,null], which is not one of its "
        "kind");
    CHECK_FALSE(refusal(uncertainty_weighting(1), json::parse(R"({"log_vars": 1})")).empty());
}

namespace {

constexpr std::size_t features = 3, samples = 4, pixels = 40;

/// Numbers that a mask follows from, with noise, and the mask.
struct data {
    std::array<xt::xtensor<float, 2>, features> x;
    xt::xtensor<std::uint8_t, 2> y = xt::xtensor<std::uint8_t, 2>::from_shape({samples, pixels});

    explicit data(std::uint32_t seed) {
        made_up::sequence numbers(seed);
        for (auto& one : x) {
            one = xt::xtensor<float, 2>::from_shape({samples, pixels});
            for (float& v : one)
                v = static_cast<float>(2.0 * numbers.uniform() - 1.0);
        }
        for (std::size_t i = 0; i < y.size(); ++i)
            y.data()[i] = x[0].data()[i] - 0.5F * x[1].data()[i] + 0.4F * x[2].data()[i] > 0.3F;
    }
};

/// A linear model of every pixel, trained by gradient descent with momentum and all that stands around
/// losses.
struct training_run {
    xt::xtensor<float, 1> weights = xt::zeros<float>({features}), velocity = weights;
    xt::xtensor<double, 1> bias = xt::zeros<double>({1}), bias_velocity = bias;
    uncertainty_weighting uncertainty{2};
    gradient_norm_weighting ratios{2};
    loss_schedule schedule{.total = 60, .warmup = 5, .shape = ramp_shape::cosine};
    ramp rate{.from = 0.3, .to = 0.05, .total = 60};
    clip_options clip{.max_norm = 0.1};
    early_stopping stop{.rule = stopping_rule::less, .patience = 3, .min_delta = 0.02};
    std::size_t step = 0;
    std::size_t clipped = 0; // steps, of this object

    xt::xtensor<float, 2> logits(const data& d) const {
        auto x = xt::xtensor<float, 2>::from_shape({samples, pixels});
        for (std::size_t i = 0; i < x.size(); ++i) {
            x.data()[i] = static_cast<float>(bias(0));
            for (std::size_t f = 0; f < features; ++f)
                x.data()[i] += weights(f) * d.x[f].data()[i];
        }
        return x;
    }

    void take_step(const data& train) {
        const auto now = schedule.at(static_cast<double>(step));
        const std::array<double, 2> scale{0.1 * now.focal * ratios.factor(0), now.dice * ratios.factor(1)};
        const auto loss =
            uncertainty.factor(0) * scale[0] * focal{} + uncertainty.factor(1) * scale[1] * dice{};
        const auto r = value_and_grad(loss, logits(train), train.y);
        const auto slopes = uncertainty.gradients({scale[0] * static_cast<double>(r.terms[0].value),
                                                   scale[1] * static_cast<double>(r.terms[1].value)});
        ratios.update(r.terms);
        apply(train, r.grad);
        for (std::size_t i = 0; i < 2; ++i)
            uncertainty.log_vars[i] -= 0.02 * slopes[i];
    }

    void apply(const data& train, const xt::xtensor<float, 2>& slopes) {
        xt::xtensor<float, 1> of_weights = xt::zeros<float>({features});
        xt::xtensor<double, 1> of_bias = xt::zeros<double>({1});
        for (std::size_t i = 0; i < slopes.size(); ++i) {
            of_bias(0) += static_cast<double>(slopes.data()[i]);
            for (std::size_t f = 0; f < features; ++f)
                of_weights(f) += slopes.data()[i] * train.x[f].data()[i];
        }
        clipped += clip_gradient_norm(clip, of_weights, of_bias) > clip.max_norm;
        const double now = rate.at(static_cast<double>(step));
        velocity = 0.9F * velocity + of_weights;
        bias_velocity = 0.9 * bias_velocity + of_bias;
        weights -= static_cast<float>(now) * velocity;
        bias -= now * bias_velocity;
    }

    void run(std::size_t until, const data& train, const data& held_out) {
        for (; step < until && !stop.stopped(); ++step) {
            take_step(train);
            if (step % 3 == 2)
                stop.update(dice{}(logits(held_out), held_out.y));
        }
    }

    template <class Self, class F>
    static void each_tensor(Self& self, F&& f) {
        f("weights", self.weights);
        f("velocity", self.velocity);
        f("bias", self.bias);
        f("bias_velocity", self.bias_velocity);
    }

    std::string save() const {
        json j{{"uncertainty", uncertainty},
               {"ratios", ratios},
               {"schedule", schedule},
               {"rate", rate},
               {"clip", clip},
               {"stop", stop},
               {"step", step}};
        each_tensor(
            *this, [&](const char* key, const auto& t) { j[key] = std::vector<double>(t.begin(), t.end()); });
        return j.dump();
    }

    void load(const std::string& text) {
        const json j = json::parse(text);
        j.at("uncertainty").get_to(uncertainty);
        j.at("ratios").get_to(ratios);
        j.at("schedule").get_to(schedule);
        j.at("rate").get_to(rate);
        j.at("clip").get_to(clip);
        j.at("stop").get_to(stop);
        j.at("step").get_to(step);
        each_tensor(*this, [&](const char* key, auto& t) {
            std::size_t i = 0;
            for (auto& v : t)
                v = j.at(key).at(i++).get<std::remove_reference_t<decltype(v)>>();
        });
    }
};

bool same(const training_run& a, const training_run& b) {
    return made_up::same_elements(a.weights, b.weights) && made_up::same_elements(a.velocity, b.velocity) &&
           made_up::same_elements(a.bias, b.bias) &&
           made_up::same_elements(a.bias_velocity, b.bias_velocity) && a.uncertainty == b.uncertainty &&
           a.ratios == b.ratios && a.schedule == b.schedule && a.rate == b.rate && a.clip == b.clip &&
           a.stop == b.stop && a.step == b.step && a.save() == b.save();
}

/// As unlike the run as another one may be.
training_run another() {
    training_run r;
    r.weights += 3.0F;
    r.uncertainty = uncertainty_weighting(5);
    r.ratios.alpha = 2.0;
    r.schedule = {.total = 9};
    r.rate = {.total = 2};
    r.clip = {.max_norm = 9.0, .norm_type = 1.0};
    r.stop = {.patience = 100};
    return r;
}

} // namespace

TEST_CASE("json: a training run stopped and continued", "[interop][json]") {
    const data train(1), held_out(2);
    training_run whole;
    whole.run(60, train, held_out);
    // It is a run in which all of it has something to do.
    CHECK(whole.stop.reason == stopping_reason::no_improvement);
    CHECK(whole.step > 20);
    CHECK(whole.step < 60);
    CHECK(whole.clipped > 0);
    CHECK(whole.clipped < whole.step);
    CHECK(*whole.stop.best < 0.4);
    CHECK(whole.uncertainty.log_vars[0] != 0.0);
    CHECK(whole.ratios.weights[0] != 1.0);

    for (const std::size_t k : {0U, 1U, 2U, 10U, 20U}) {
        INFO("stopped after step " << k);
        training_run first;
        first.run(k, train, held_out);
        CHECK_FALSE(same(first, whole));
        training_run second = another();
        second.load(first.save());
        CHECK(same(second, first));
        second.run(60, train, held_out);
        CHECK(same(second, whole));
        CHECK(first.clipped + second.clipped == whole.clipped);
    }
}
