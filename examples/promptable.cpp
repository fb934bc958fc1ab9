// Trains a promptable model in miniature on a real brain MRI, with the loss of SAM 2: a click and a patch in,
// three candidate masks and their predicted IoU out.
//
//   xloss_example_promptable [data folder [output folder]]
//
// Writes a picture, a chart and a table to the output folder: how good the candidates are on held-out slices,
// and how well the predicted IoU ranks them, with SAM's weights and with weights that are trained.

#include "brain/runs.hpp"
#include "promptable/figure.hpp"
#include "promptable/scores.hpp"
#include "promptable/train.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace example;

constexpr unsigned seeds = 3;
constexpr std::size_t candidates = 3;

/// One prompt in each of 16 slices of a step. All settings were chosen on another split (shift 6).
const settings base{.steps = 500, .slices_per_step = 16, .steps_between_scores = 125};

/// One run and what came of it.
struct outcome {
    prompt_history run;
    candidate_score candidates;
    ranking_score predicted, stability; // how well each ranks the candidates
};

/// The same with every seed.
using outcomes = std::vector<outcome>;

template <std::size_t Candidates>
void add_runs(std::vector<std::function<void()>>& list, progress& report, const prompt_task& job,
              const char* name, bool uncertainty, outcomes& to) {
    to.resize(seeds);
    for (unsigned k = 0; k < seeds; ++k)
        list.emplace_back([&, name, uncertainty, k] {
            settings how = base;
            how.seed = k + 1;
            outcome& one = to[k];
            one.run = train_prompts<Candidates>(name, job, how, uncertainty, [&](const auto& past) {
                report(past, "held-out IoU, best candidate", past.oracle.back());
            });
            one.candidates = score_candidates(one.run.held_out);
            one.predicted = score_ranking(one.run.held_out, one.run.held_out.predicted);
            one.stability = score_ranking(one.run.held_out, one.run.held_out.stability);
        });
}

/// SAM's weights, trained weights, one candidate.
std::vector<outcomes> train_all(const prompt_task& job) {
    std::vector<outcomes> all(3);
    progress report(base.steps);
    std::vector<std::function<void()>> runs;
    add_runs<candidates>(runs, report, job, "SAM weights", false, all[0]);
    add_runs<candidates>(runs, report, job, "trained weights", true, all[1]);
    add_runs<1>(runs, report, job, "one candidate", false, all[2]);
    run_all(runs);
    return all;
}

/// A line of the tables.
struct quantity {
    std::string name;
    std::function<double(const outcome&)> of;
    bool of_one_too = true; // whether it says anything of a model with one candidate
};

void add_ranking(std::vector<quantity>& lines, const std::string& key, ranking_score outcome::*score) {
    const auto add = [&](const char* name, double ranking_score::*number) {
        lines.push_back({key + ": " + name, [=](const outcome& o) { return o.*score.*number; }, false});
    };
    add("IoU of the first", &ranking_score::first);
    add("Kendall, within a click", &ranking_score::within);
    add("Kendall, within a click, mean IoU", &ranking_score::within_mean);
    add("Spearman, over all", &ranking_score::overall);
    add("Spearman, over all, mean IoU", &ranking_score::overall_mean);
}

std::vector<quantity> quantities() {
    std::vector<quantity> lines;
    lines.push_back({"IoU of the best candidate", [](const auto& o) { return o.candidates.oracle; }});
    for (std::size_t g = 0; g < meanings.size(); ++g)
        lines.push_back({std::string("  where the ").append(meanings[g].name).append(" is meant"),
                         [g](const outcome& o) { return o.candidates.meant[g]; }});
    lines.push_back({"IoU of the best in the mean", [](const auto& o) { return o.candidates.best; }, false});
    lines.push_back({"IoU of the best fixed one", [](const auto& o) { return o.candidates.fixed; }, false});
    lines.push_back({"IoU of any candidate", [](const auto& o) { return o.candidates.random; }, false});
    add_ranking(lines, "predicted IoU", &outcome::predicted);
    add_ranking(lines, "stability", &outcome::stability);
    const char* const parts[] = {"focal", "Dice", "IoU"};
    for (std::size_t k = 0; k < std::size(parts); ++k)
        lines.push_back(
            {std::string("weight of ").append(parts[k]), [k](const outcome& o) { return o.run.weights[k]; }});
    lines.push_back({"loss, ms per step", [](const auto& o) { return o.run.loss_ms(); }});
    lines.push_back({"training, s", [](const auto& o) { return o.run.seconds; }});
    return lines;
}

double mean(const outcomes& runs, const std::function<double(const outcome&)>& of) {
    double sum = 0.0;
    for (const outcome& one : runs)
        sum += of(one);
    return sum / static_cast<double>(runs.size());
}

/// Means over the seeds, and the single runs.
void print_table(const std::vector<outcomes>& all) {
    std::printf("\n%-48s", "held-out clicks, mean of the seeds (each seed)");
    for (const outcomes& runs : all)
        std::printf("%-30s", runs.front().run.loss.c_str());
    std::printf("\n");
    for (const quantity& line : quantities()) {
        std::printf("%-46s", line.name.c_str());
        for (const outcomes& runs : all) {
            if (&runs == &all.back() && !line.of_one_too)
                continue;
            std::printf("%8.3f (", mean(runs, line.of));
            for (const outcome& one : runs)
                std::printf("%s%.3f", &one == &runs.front() ? "" : " ", line.of(one));
            std::printf(")");
        }
        std::printf("\n");
    }
    std::printf("\n");
}

void write_table(const std::filesystem::path& file, const std::vector<outcomes>& all) {
    std::ofstream out(file);
    out << "quantity,run,seed,value\n";
    for (const quantity& line : quantities())
        for (const outcomes& runs : all)
            for (std::size_t k = 0; k < runs.size(); ++k)
                if (&runs != &all.back() || line.of_one_too)
                    out << '"' << line.name << "\"," << runs[k].run.loss << ',' << k + 1 << ','
                        << line.of(runs[k]) << '\n';
    if (!out)
        throw std::runtime_error("cannot write " + file.string());
}

void write_figure(const std::filesystem::path& file, const prompt_task& job, const answers& given) {
    prompt_figure page(job.head, job.held_out, candidates);
    for (std::size_t m = 0; m < candidates; ++m)
        page.candidate(given, m);
    page.save(file);
}

/// What the example promises. Whether SAM's weights or trained ones are ahead is not.
bool check_results(const std::vector<outcomes>& all) {
    const auto oracle = [](const outcome& o) { return o.candidates.oracle; };
    bool good = true;
    for (const outcomes& runs : {all[0], all[1]}) {
        const std::string name = runs.front().run.loss;
        good &= check(mean(runs, oracle) > mean(all[2], oracle) + 0.1,
                      name + ": the best of three candidates is ahead of a single one");
        good &= check(mean(runs, [](const auto& o) { return o.predicted.first - o.candidates.random; }) > 0.0,
                      name + ": the candidate ranked first is better than any");
        good &= check(mean(runs, [](const auto& o) { return o.predicted.within_mean; }) > 0.0,
                      name + ": predicted IoU ranks the candidates of a click");
    }
    return good;
}

bool run(const std::filesystem::path& data, const std::filesystem::path& out) {
    const clickable_head head(crop_to_brain(load_head(data)));
    const split parts = split_slices(head.slices());
    const prompt_task job{head, parts, head.click_everything(parts.test, 1)};
    std::printf("clicks on coronal slices: %zu to train on, %zu clicks on %zu to test on\n",
                parts.train.size(), job.held_out.size(), parts.test.size());

    const auto all = train_all(job);

    print_table(all);
    std::filesystem::create_directories(out);
    write_table(out / "promptable.csv", all);
    write_figure(out / "promptable.png", job, all[0][0].run.held_out);
    plot_ranking(out / "promptable_ranking.png", {all[0][0].run, all[1][0].run});
    std::printf("the picture, the chart and their numbers are in %s\n", out.string().c_str());
    return check_results(all);
}

} // namespace

int main(int argc, char** argv) {
    return example::run_in_folders(argc, argv, run);
}
