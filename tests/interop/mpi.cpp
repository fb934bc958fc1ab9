// Two or more processes, each with its share of a batch, get the value of the whole batch and their part of
// its gradient. Run by mpiexec; a program of its own, because MPI wants to be started before anything else.

#include <xloss/interop/mpi.hpp>
#include <xloss/xloss.hpp>

#include <mpi.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace {

struct process {
    int rank = 0, count = 1;
    int failures = 0;

    void expect(bool held, const std::string& what) {
        if (held)
            return;
        std::fprintf(stderr, "process %d of %d: %s\n", rank, count, what.c_str());
        ++failures;
    }
};

using logits = xt::xtensor<double, 3>; // [B, C, N]
using labels = xt::xtensor<std::uint8_t, 3>;

constexpr std::size_t classes = 3, pixels = 29, samples = 5;

/// The samples from `first` on of the same batch in every process.
logits logits_from(std::size_t first, std::size_t count) {
    auto x = logits::from_shape({count, classes, pixels});
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double u = 0.6180339887498949 * static_cast<double>(first * classes * pixels + i + 1);
        x.data()[i] = 8.0 * (u - std::floor(u)) - 4.0;
    }
    return x;
}

labels labels_from(std::size_t first, std::size_t count) {
    auto y = labels::from_shape({count, classes, pixels});
    for (std::size_t i = 0; i < y.size(); ++i) {
        const std::size_t at = first * classes * pixels + i;
        y.data()[i] = at % 11 == 3 ? 255 : static_cast<std::uint8_t>(at * at % 7 < 2 ? 1 : 0);
    }
    return y;
}

/// The last process has no sample at all where there are enough of them.
std::size_t first_of(const process& me, int rank) {
    const std::size_t parts =
        me.count > 2 ? static_cast<std::size_t>(me.count - 1) : static_cast<std::size_t>(me.count);
    return std::min(samples, samples * static_cast<std::size_t>(rank) / parts);
}

template <class Loss>
void check(process& me, const std::string& name, const Loss& loss) {
    const std::size_t first = first_of(me, me.rank), last = first_of(me, me.rank + 1);
    const logits x = logits_from(first, last - first);
    const labels y = labels_from(first, last - first);
    auto whole = xloss::measure(loss, x, y);
    xloss::interop::all_reduce(whole, MPI_COMM_WORLD);
    logits grad = xt::zeros<double>(x.shape());
    const auto part = xloss::finish(grad, whole, x, y);

    const auto one = xloss::value_and_grad(loss, logits_from(0, samples), labels_from(0, samples));
    me.expect(std::abs(part.value - one.value) <= 1e-12 * std::abs(one.value), name + ": value");
    me.expect(part.valid == one.valid, name + ": valid");
    me.expect(std::abs(part.normalizer - one.normalizer) <= 1e-12 * one.normalizer, name + ": normalizer");
    const double* expected = one.grad.data() + first * classes * pixels;
    double largest = 0.0, worst = 0.0;
    for (std::size_t i = 0; i < one.grad.size(); ++i)
        largest = std::max(largest, std::abs(one.grad.data()[i]));
    for (std::size_t i = 0; i < grad.size(); ++i)
        worst = std::max(worst, std::abs(grad.data()[i] - expected[i]));
    me.expect(worst <= 1e-12 * largest && largest > 0.0, name + ": gradient");
}

/// Processes that disagree about the classes all get the error, and none waits for the others.
void check_mismatch(process& me) {
    const std::size_t own = me.rank == 0 ? 3 : 2;
    const logits x = xt::zeros<double>({std::size_t{1}, own, pixels});
    const labels y = xt::zeros<std::uint8_t>({std::size_t{1}, own, pixels});
    auto whole = xloss::measure(xloss::multilabel(xloss::dice{}), x, y);
    bool thrown = false;
    try {
        xloss::interop::all_reduce(whole, MPI_COMM_WORLD);
    } catch (const xloss::shape_error&) {
        thrown = true;
    }
    me.expect(thrown, "different numbers of classes are not refused");
}

} // namespace

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    process me;
    MPI_Comm_rank(MPI_COMM_WORLD, &me.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &me.count);
    me.expect(me.count > 1, "needs two processes: mpiexec -n 2");

    using namespace xloss;
    check(me, "Dice over the batch", multilabel(dice{.over = region::batch}, {.ignore_index = 255}));
    check(me, "generalized Dice and weighted BCE",
          multilabel(generalized_dice{.over = region::batch} + 0.5 * weighted_bce{}, {.ignore_index = 255}));
    if (me.count > 1)
        check_mismatch(me);

    int failures = me.failures;
    MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return failures == 0 ? 0 : 1;
}
