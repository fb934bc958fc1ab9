// Trains a small U-Net with libtorch on a brain MRI, with BCE + Dice: once written in torch's operators, once
// by xloss. The curves are the same; the time spent in the loss is not.
//
//   xloss_example_unet [data folder [output folder]]
//
// Writes unet.png and unet.csv to the output folder. Fails unless loss and gradient agree at every step, the
// curves are the same but for rounding, and the network beats the constant prediction.

#include "brain/chart.hpp"
#include "brain/runs.hpp"
#include "unet/train.hpp"

#include <xloss/interop/torch.hpp>
#include <xloss/xloss.hpp>

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace example;
using torch::Tensor;

/// BCE + Dice, the whole batch as one region, as one writes it with torch.
Tensor torch_bce_dice(const Tensor& logits, const Tensor& mask) {
    const auto p = torch::sigmoid(logits);
    const auto dice = 1 - (2 * (p * mask).sum() + 1) / (p.sum() + mask.sum() + 1);
    return torch::binary_cross_entropy_with_logits(logits, mask) + dice;
}

/// The runs. The third is the second's twin in double precision: how far two right computations of one loss
/// drift apart in training by rounding alone.
const auto with_xloss = [](const Tensor& logits, const batch& now) {
    static const auto loss = xloss::bce{} + xloss::dice{.over = xloss::region::batch};
    return xloss::interop::torch_loss(loss, logits, now.mask);
};
const auto with_torch = [](const Tensor& logits, const batch& now) {
    return torch_bce_dice(logits, now.soft);
};
const auto with_torch_in_double = [](const Tensor& logits, const batch& now) {
    return torch_bce_dice(logits.to(torch::kDouble), now.soft.to(torch::kDouble));
};

/// Difference of two curves, step by step.
std::vector<double> differences(const unet_run& a, const unet_run& b) {
    std::vector<double> d;
    for (std::size_t k = 0; k < a.training_loss.size(); ++k)
        d.push_back(std::abs(a.training_loss[k] - b.training_loss[k]));
    return d;
}

double largest(const std::vector<double>& values) {
    return *std::max_element(values.begin(), values.end());
}

/// How far a run's losses and gradients were from torch's in double on the same logits, at worst.
struct agreement {
    double value = 0.0;    // relative
    double gradient = 0.0; // relative to the largest entry

    void operator()(const Tensor& logits, const batch& now, double ours, const Tensor& our_gradient) {
        double unused = 0.0;
        const auto [right, right_gradient] =
            evaluate(with_torch_in_double, logits.to(torch::kDouble), now, unused);
        value = std::max(value, std::abs(ours - right) / right);
        const auto error = (our_gradient.to(torch::kDouble) - right_gradient).abs().max();
        gradient = std::max(gradient, (error / right_gradient.abs().max()).item<double>());
    }
};

void write_table(const std::filesystem::path& file, const std::vector<unet_run>& runs) {
    std::ofstream out(file);
    out.precision(9);
    out << "step,loss,training_loss,held_out_iou\n";
    for (const unet_run& run : runs)
        for (std::size_t step = 1, score = 0; step <= run.training_loss.size(); ++step) {
            out << step << ',' << run.loss << ',' << run.training_loss[step - 1] << ',';
            if (score < run.scored_steps.size() && run.scored_steps[score] == step)
                out << run.held_out_iou[score++];
            out << '\n';
        }
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
}

/// Training loss on the left, with the differences below it; held-out IoU on the right.
void plot_runs(const std::filesystem::path& file, const std::vector<unet_run>& runs, double constant) {
    const unet_run &ours = runs[0], &theirs = runs[1];
    const auto ours_apart = differences(ours, theirs), rounding = differences(runs[2], theirs);
    std::ostringstream script;
    script << chart_style(file, 1200, 480) << "$loss << END\n";
    for (std::size_t k = 0; k < ours_apart.size(); ++k)
        script << k + 1 << ' ' << ours.training_loss[k] << ' ' << theirs.training_loss[k] << ' '
               << ours_apart[k] << ' ' << rounding[k] << '\n';
    script << "END\n$iou << END\n";
    for (std::size_t k = 0; k < ours.scored_steps.size(); ++k)
        script << ours.scored_steps[k] << ' ' << ours.held_out_iou[k] << ' ' << theirs.held_out_iou[k]
               << '\n';
    script << "END\nset multiplot layout 1,2\nset xlabel 'step'\nset xrange [0:" << ours_apart.size()
           << "]\nset logscale y\nset format y '%.0e'\nset yrange [1e-9:10]\nset key at graph 0.98,0.78\n"
           << "set title 'U-Net, BCE + Dice: training loss, and how far two of them are apart'\nplot "
           << "$loss using 1:3 with lines lc rgb '#e69f00' lw 7 title 'torch', "
           << "$loss using 1:2 with lines lt 1 lw 1.5 title 'xloss', "
           << "$loss using 1:4 with lines lt 3 lw 1 title '|xloss - torch|', "
           << "$loss using 1:5 with lines lc rgb '#999999' lw 1 title '|torch in double - torch|'\n"
           << "unset logscale y\nset format y '%g'\nset yrange [0:1]\nset key bottom right\n"
           << "set title 'IoU on held-out slices'\nplot "
           << "$iou using 1:3 with lines lc rgb '#e69f00' lw 7 title 'torch', "
           << "$iou using 1:2 with linespoints lt 1 lw 1.5 pt 7 ps 0.6 title 'xloss', " << constant
           << " with lines lc rgb 'black' dt 2 title 'constant prediction'\n";
    plot(script.str());
}

void print_summary(const std::vector<unet_run>& runs, double constant) {
    std::printf("\n%-22s%14s%14s%18s%12s\n", "processor time:", "last loss", "held-out IoU",
                "in the loss, ms", "all, s");
    for (const unet_run& run : runs)
        std::printf("%-22s%14.6f%14.4f%18.1f%12.1f\n", run.loss.c_str(), run.training_loss.back(),
                    run.held_out_iou.back(), 1e3 * run.loss_seconds, run.all_seconds);
    std::printf("%-22s%14s%14.4f\n\n", "constant", "", constant);
    std::printf("the loss, forward and backward, took torch %.1f times as long as xloss\n",
                runs[1].loss_seconds / runs[0].loss_seconds);
}

/// What the example promises.
bool check_results(const std::vector<unet_run>& runs, const agreement& same, double constant) {
    const unet_run &ours = runs[0], &theirs = runs[1];
    const double first = theirs.training_loss.front(), drift = largest(differences(ours, theirs));
    std::printf(
        "at every step, on the same logits: value within %.1g, gradient within %.1g of torch's in double\n"
        "largest difference of the curves: xloss and torch %.2g, torch and torch in double %.2g\n",
        same.value, same.gradient, drift, largest(differences(runs[2], theirs)));
    // Every pixel is computed in float: some units of 2^-24 = 6e-8.
    bool good =
        check(same.value <= 2e-6 && same.gradient <= 2e-6, "xloss computes torch's loss and gradient");
    // Training magnifies how the steps were rounded, by a factor that is chance: torch's own loss drifts from
    // itself as far when it is computed in double. A hundredth of the first value is far beyond what was
    // seen.
    good &= check(drift <= 0.01 * first, "the training curves are the same but for rounding");
    for (const unet_run* one : {&ours, &theirs})
        good &= check(one->held_out_iou.back() > constant, one->loss + " beats the constant prediction");
    return good;
}

bool run(const std::filesystem::path& data, const std::filesystem::path& out) {
    torch::set_num_threads(1); // the same bits in every run, and a fair clock
    const head h = load_head(data);
    const split parts = split_slices(h.t1.shape(0));
    const slices all(h.t1, h.brain);
    const unet_settings how;
    std::printf("U-Net on %zu coronal slices of %zu x %zu, %zu to train on, %zu to test on\n", h.t1.shape(0),
                h.t1.shape(1), h.t1.shape(2), parts.train.size(), parts.test.size());

    // "Everything is brain": the best that a prediction without looking can reach.
    const double constant = all.take(parts.test).mask.to(torch::kDouble).mean().item<double>();
    agreement same;
    std::vector<unet_run> runs;
    runs.push_back(train_unet("xloss", with_xloss, all, parts, how, std::ref(same)));
    runs.push_back(train_unet("torch", with_torch, all, parts, how));
    runs.push_back(train_unet("torch, loss in double", with_torch_in_double, all, parts, how));

    print_summary(runs, constant);
    std::filesystem::create_directories(out);
    write_table(out / "unet.csv", runs);
    plot_runs(out / "unet.png", runs, constant);
    std::printf("the chart and its numbers are in %s\n", out.string().c_str());
    return check_results(runs, same, constant);
}

} // namespace

int main(int argc, char** argv) {
    return example::run_in_folders(argc, argv, run);
}
