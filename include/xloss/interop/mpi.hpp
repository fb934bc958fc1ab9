#ifndef XLOSS_INTEROP_MPI_HPP
#define XLOSS_INTEROP_MPI_HPP

#include <xloss/criterion/measure.hpp>
#include <xloss/tensor/error.hpp>
#include <xloss/tensor/message.hpp>

#include <mpi.h>

#include <array>

namespace xloss::interop {

/// Merges the sums of all processes of `comm`, each of which measured its share of the batch with the same
/// loss and number of classes. Afterwards `finish` gives every process the value over the whole batch and the
/// gradient of its own share. A process without samples takes part with an empty tensor.
///
///     auto whole = xloss::measure(loss, x, y);
///     xloss::interop::all_reduce(whole, MPI_COMM_WORLD);
///     xloss::finish(grad, whole, x, y);
///
/// The gradient is that of the loss over all processes: what a training loop would average over processes it
/// adds up instead.
/// @throws shape_error in every process where the numbers of classes differ.
template <class Loss, class T>
void all_reduce(measurement<Loss, T>& whole, MPI_Comm comm) {
    const auto size = static_cast<int>(whole.numbers().size());
    std::array<int, 2> range{size, -size};
    MPI_Allreduce(MPI_IN_PLACE, range.data(), 2, MPI_INT, MPI_MAX, comm);
    if (range[0] != -range[1])
        tensor::raise<shape_error>({engine::names_of<Loss>(), ": sums over ", whole.classes(),
                                    " classes do not fit those of another process"});
    MPI_Allreduce(MPI_IN_PLACE, whole.numbers().data(), size, MPI_DOUBLE, MPI_SUM, comm);
}

} // namespace xloss::interop

#endif
