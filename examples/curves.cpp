// How every loss sees a prediction: its value and slope over the probability of the right class, and how hard
// it pulls at foreground and background pixels where foreground is rare.
//
//   curves [output folder]
//
// writes curves.csv, imbalance.csv and, where gnuplot is installed, their charts.
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "curves/charts.hpp"
#include <xloss/xloss.hpp>

namespace {

using example::answer;

/// An image whose first pixels are foreground. All foreground pixels have one logit, and all background
/// pixels another.
struct image {
    std::size_t pixels, foreground;
    double foreground_logit, background_logit;
};

/// The losses with one sigmoid per pixel, as one sum with these factors.
auto elementwise(const std::array<double, 9>& f) {
    return f[0] * xloss::bce{} + f[1] * xloss::weighted_bce{} + f[2] * xloss::focal{} +
           f[3] * xloss::poly_cross_entropy{} + f[4] * xloss::unified_focal{} + f[5] * xloss::dice{} +
           f[6] * xloss::iou{} + f[7] * xloss::tversky{.alpha = 0.3, .beta = 0.7} + f[8] * xloss::mcc{};
}
const std::vector<std::string> elementwise_names{"BCE",  "weighted BCE", "focal",   "Poly-1", "unified focal",
                                                 "Dice", "IoU",          "Tversky", "MCC"};

/// The losses that need classes. Softmax over the scores 0 and x has the probability of one sigmoid.
auto channelwise(const std::array<double, 2>& f) {
    return xloss::multiclass(f[0] * xloss::cross_entropy{} + f[1] * xloss::generalized_dice{});
}
const std::vector<std::string> channelwise_names{"cross entropy", "generalized Dice"};

template <std::size_t N>
std::array<double, N> only(std::size_t k) {
    std::array<double, N> factors{};
    factors[k] = 1.0;
    return factors;
}

/// Asks every loss.
std::vector<answer> ask(const image& of) {
    xt::xtensor<double, 3> scores = xt::zeros<double>({std::size_t(1), std::size_t(2), of.pixels});
    xt::xtensor<double, 2> logits = xt::zeros<double>({std::size_t(1), of.pixels});
    xt::xtensor<std::uint8_t, 2> mask = xt::zeros<std::uint8_t>({std::size_t(1), of.pixels});
    for (std::size_t i = 0; i < of.pixels; ++i) {
        mask(0, i) = i < of.foreground;
        logits(0, i) = scores(0, 1, i) = i < of.foreground ? of.foreground_logit : of.background_logit;
    }

    std::vector<answer> answers;
    const std::size_t last = of.pixels - 1;
    const auto n = static_cast<double>(of.pixels);
    for (std::size_t k = 0; k < elementwise_names.size(); ++k) {
        const auto r = xloss::value_and_grad(elementwise(only<9>(k)), logits, mask);
        answers.push_back({elementwise_names[k], r.value, r.grad(0, 0) * n, r.grad(0, last) * n});
    }
    for (std::size_t k = 0; k < channelwise_names.size(); ++k) {
        const auto r = xloss::value_and_grad(channelwise(only<2>(k)), scores, mask);
        answers.push_back({channelwise_names[k], r.value, r.grad(0, 1, 0) * n, r.grad(0, 1, last) * n});
    }
    for (const answer& a : answers)
        if (!std::isfinite(a.value) || !(a.foreground_slope < 0.0) || !(a.background_slope > 0.0))
            throw std::runtime_error(a.loss + " does not tell foreground from background");
    return answers;
}

/// Every pixel has probability p of its right class; a tenth of the pixels is foreground.
void write_curves(const std::filesystem::path& file) {
    example::table table(file, "p");
    std::vector<answer> before;
    const double farthest = std::log(999.0); // p from 0.001 to 0.999, denser at both ends
    for (int i = -30; i <= 30; ++i) {
        const double x = farthest * i / 30.0;
        const std::vector<answer> now = ask({200, 20, x, -x});
        table.add(1.0 / (1.0 + std::exp(-x)), now);
        for (std::size_t k = 0; k < before.size(); ++k)
            if (!(now[k].value < before[k].value))
                throw std::runtime_error(now[k].loss + " does not fall towards the right class");
        before = now;
    }
}

/// A model that knows nothing yet, p = 0.5 everywhere, and rarer and rarer foreground.
void write_imbalance(const std::filesystem::path& file) {
    example::table table(file, "percent");
    for (const std::size_t per_mille : {500U, 100U, 10U, 1U})
        table.add(0.1 * static_cast<double>(per_mille), ask({1000, per_mille, 0.0, 0.0}));
}

} // namespace

int main(int argc, char** argv) {
    const std::filesystem::path folder = argc > 1 ? argv[1] : ".";
    std::filesystem::create_directories(folder);
    write_curves(folder / "curves.csv");
    write_imbalance(folder / "imbalance.csv");
    const bool drawn = example::draw_charts(
        folder,
        {{"losses of pixels", {"BCE", "weighted BCE", "cross entropy", "focal", "Poly-1"}, 1},
         {"losses of regions", {"Dice", "IoU", "Tversky", "generalized Dice", "MCC", "unified focal"}, 6}});
    std::cout << "curves.csv, imbalance.csv" << (drawn ? " and their charts" : "; no gnuplot, no charts")
              << '\n';
}
