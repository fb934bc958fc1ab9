// Trains a small model to name ten structures of a real brain MRI, with five losses on label maps, and shows
// which structures the loss alone gains or loses.
//
//   xloss_example_structures [data folder [output folder]]
//
// Writes charts, a picture and a table to the output folder. Fails unless, on held-out slices, every loss
// reaches a mean IoU of one half, and class weights or an overlap term are ahead of cross entropy alone early
// on.

#include "brain/chart.hpp"
#include "brain/runs.hpp"
#include "structures/overlay.hpp"
#include "structures/train.hpp"

#include <xloss/xloss.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

namespace {

using namespace example;

/// The table of runs: a line here is a run. Overlap losses take the whole batch as one region, because no
/// slice holds every structure.
auto losses_for(const std::vector<double>& weights) {
    constexpr auto whole = xloss::region::batch;
    const auto named_loss = [](const char* name, const auto& loss) {
        return named{name, xloss::multiclass(loss, {.ignore_index = outside})};
    };
    return std::tuple{
        named_loss("CE", xloss::cross_entropy{}),
        named_loss("weighted CE", xloss::cross_entropy{.class_weights = weights}),
        named_loss("focal", xloss::focal{}),
        named_loss("CE + Dice", xloss::cross_entropy{} + xloss::dice{.over = whole}),
        named_loss("CE + GDL", xloss::cross_entropy{} + xloss::generalized_dice{.over = whole}),
    };
}

std::vector<structure_history> train_all(const task& job, const settings& how) {
    const auto losses = losses_for(
        xloss::class_weights_from(labels_of(job, job.parts.train), classes, {.ignore_index = outside}));
    std::vector<structure_history> results(std::tuple_size_v<decltype(losses)>);
    progress report(how.steps);
    const auto tell = [&](const structure_history& run) {
        report(run, "held-out mean IoU", run.held_out.back().mean_iou());
    };
    std::vector<std::function<void()>> runs;
    std::apply(
        [&](const auto&... entry) {
            std::size_t k = 0;
            (runs.push_back([&, place = k++] {
                results[place] = train_structures(entry.name, entry.loss, job, how, tell);
            }),
             ...);
        },
        losses);
    run_all(runs);
    return results;
}

/// When the small structures are being found.
constexpr std::size_t early = 50;

const xloss::confusion_matrix& early_scores(const structure_history& run) {
    const auto place = std::find(run.scored_steps.begin(), run.scored_steps.end(), early);
    if (place == run.scored_steps.end())
        throw std::runtime_error("no scores after " + std::to_string(early) + " steps");
    return run.held_out[static_cast<std::size_t>(place - run.scored_steps.begin())];
}

/// A row per structure, a column per loss.
void print_table(const task& job, const std::vector<structure_history>& runs) {
    const auto row = [&](const char* name, const auto& of, int digits = 3) {
        std::printf("%-24s", name);
        for (const structure_history& run : runs)
            std::printf("%13.*f", digits, of(run));
    };
    const xloss::class_counts counts(labels_of(job, job.parts.test), classes, outside);
    const auto constant = constant_classes(job);
    std::printf("\n%-24s", "held-out IoU");
    for (const structure_history& run : runs)
        std::printf("%13s", run.loss.c_str());
    std::printf("%13s\n", "% of pixels");
    for (std::size_t c = 0; c < classes; ++c) {
        row(structures[c].name, [&](const auto& run) { return run.held_out.back().iou()[c]; });
        std::printf("%13.1f\n", 100.0 * counts.pixels()[c] / constant.total());
    }
    row("mean IoU", [](const auto& run) { return run.held_out.back().mean_iou(); });
    std::printf("%13s  (constant prediction %.3f)\n", "", constant.mean_iou());
    row(("mean IoU, " + std::to_string(early) + " steps").c_str(),
        [](const auto& run) { return early_scores(run).mean_iou(); });
    std::printf("\n");
    row("accuracy", [](const auto& run) { return run.held_out.back().overall_accuracy(); });
    std::printf("%13s  (constant prediction %.3f)\n", "", constant.overall_accuracy());
    row("loss, ms per step", [](const auto& run) { return run.loss_ms(); });
    std::printf("\n");
    row(
        "loss, % of the training", [](const auto& run) { return 100.0 * run.loss_seconds / run.seconds; }, 1);
    std::printf("\n\n");
}

void write_table(const std::filesystem::path& file, const std::vector<structure_history>& runs) {
    std::ofstream out(file);
    out << "loss,step,training_loss,held_out_accuracy,held_out_mean_iou";
    for (const structure& s : structures)
        out << ',' << s.name;
    out << '\n';
    for (const structure_history& run : runs)
        for (std::size_t k = 0; k < run.scored_steps.size(); ++k) {
            const xloss::confusion_matrix& now = run.held_out[k];
            out << run.loss << ',' << run.scored_steps[k] << ',' << run.training_loss[run.scored_steps[k] - 1]
                << ',' << now.overall_accuracy() << ',' << now.mean_iou();
            for (const double iou : now.iou())
                out << ',' << iou;
            out << '\n';
        }
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
}

/// Held-out IoU while training: the mean on the left, the rarest structure on the right.
void plot_progress(const std::filesystem::path& file, const std::vector<structure_history>& runs) {
    constexpr std::size_t rare = 7;
    std::ostringstream script;
    script << chart_style(file, 1200, 480);
    for (std::size_t k = 0; k < runs.size(); ++k) {
        script << "$iou" << k << " << END\n";
        for (std::size_t s = 0; s < runs[k].scored_steps.size(); ++s)
            script << runs[k].scored_steps[s] << ' ' << runs[k].held_out[s].mean_iou() << ' '
                   << runs[k].held_out[s].iou()[rare] << '\n';
        script << "END\n";
    }
    script << "set multiplot layout 1,2\nset xlabel 'step'\nset ylabel 'IoU'\nset yrange [0:0.8]\n"
           << "set key bottom right\n";
    for (const int side : {0, 1}) {
        script << "set title '" << (side == 0 ? "mean over the structures" : structures[rare].name)
               << ": IoU on held-out slices'\nplot ";
        for (std::size_t k = 0; k < runs.size(); ++k)
            script << "$iou" << k << " using 1:" << side + 2 << " with linespoints lt " << k + 1
                   << " pt 7 ps 0.6 title '" << runs[k].loss << "', ";
        script << "\nunset key\n";
    }
    plot(script.str());
}

void plot_iou(const std::filesystem::path& file, const std::vector<structure_history>& runs) {
    std::vector<std::string> groups, bars;
    for (const structure& s : structures) {
        std::string name = s.name; // in two lines, where it has two words
        if (const auto gap = name.find(' '); gap != std::string::npos)
            name.replace(gap, 1, "\\n");
        groups.push_back(name);
    }
    groups.push_back("mean");
    for (const structure_history& run : runs)
        bars.push_back(run.loss);
    plot_bars(file, "IoU of every structure on held-out slices", groups, bars,
              [&](std::size_t c, std::size_t k) {
                  const xloss::confusion_matrix& last = runs[k].held_out.back();
                  return c < classes ? last.iou()[c] : last.mean_iou();
              });
}

/// What the example promises. All losses come to about the same in the end; what class weights or an overlap
/// term change is how soon the small structures are found. (Said after a look at the test slices, and at the
/// other split, shift 6, which shows the same.)
bool check_results(const std::vector<structure_history>& runs) {
    const double plain = early_scores(runs[0]).mean_iou();
    bool good = true;
    for (const structure_history& run : runs)
        good &= check(run.held_out.back().mean_iou() > 0.5, run.loss + " reaches a mean IoU of one half");
    for (const structure_history& run : runs)
        if (run.loss != runs[0].loss && run.loss != "focal")
            good &= check(early_scores(run).mean_iou() > plain,
                          run.loss + " is ahead of CE after " + std::to_string(early) + " steps");
    return good;
}

bool run(const std::filesystem::path& data, const std::filesystem::path& out) {
    const head h = crop_to_brain(load_head(data));
    const auto features = features_of(h.t1);
    const task job{"structures", features, merge_regions(h), split_slices(h.t1.shape(0))};
    const settings how; // those of the masks: nothing was chosen for this task but the width of the model
    std::printf("%zu structures on coronal slices of %zu x %zu: %zu to train on, %zu to test on\n",
                classes - 1, h.t1.shape(1), h.t1.shape(2), job.parts.train.size(), job.parts.test.size());

    const auto runs = train_all(job, how);

    print_table(job, runs);
    std::filesystem::create_directories(out);
    write_table(out / "structures.csv", runs);
    plot_iou(out / "structures_iou.png", runs);
    plot_progress(out / "structures_curves.png", runs);
    write_structures(out / "structures.png", h.t1, job, runs);
    std::printf("charts, the picture and their numbers are in %s\n", out.string().c_str());
    return check_results(runs);
}

} // namespace

int main(int argc, char** argv) {
    return example::run_in_folders(argc, argv, run);
}
