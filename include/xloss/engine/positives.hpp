#ifndef XLOSS_ENGINE_POSITIVES_HPP
#define XLOSS_ENGINE_POSITIVES_HPP

#include <xloss/engine/executor.hpp>
#include <xloss/engine/rows.hpp>
#include <xloss/engine/target.hpp>
#include <xloss/engine/workspace.hpp>
#include <xloss/tensor/labels.hpp>
#include <xloss/tensor/source.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace xloss::engine {

/// Rows that hold an object, in rising order.
struct positives {
    std::span<const std::size_t> rows;    ///< of tensors [R, ...]
    std::span<const std::size_t> classes; ///< row times C plus the label: of tensors [R, C, ...]
};

/// The first label that the rule of its source does not allow; their number if there is none.
template <class T>
std::size_t first_wrong_label(const tensor::label_source<T>& labels) {
    alignas(64) std::array<T, tile_size> buffer;
    for (std::size_t first = 0; first < labels.size(); first += tile_size) {
        const std::size_t n = std::min(tile_size, labels.size() - first);
        const T* label = labels.read(first, n, buffer.data());
        const T* wrong = std::find(label, label + n, T(-2));
        if (wrong != label + n)
            return first + static_cast<std::size_t>(wrong - label);
    }
    return labels.size();
}

/// The rows whose label is in [lowest, classes). Others are left out.
template <class T>
positives find_positives(const tensor::label_source<T>& labels, std::size_t lowest, std::size_t classes,
                         workspace& memory) {
    auto* rows = memory.get<std::size_t>(scratch::positives, 2 * labels.size());
    std::size_t* places = rows + labels.size();
    std::size_t found = 0;
    alignas(64) std::array<T, tile_size> buffer;
    for (std::size_t first = 0; first < labels.size(); first += tile_size) {
        const std::size_t n = std::min(tile_size, labels.size() - first);
        const T* label = labels.read(first, n, buffer.data());
        for (std::size_t j = 0; j < n; ++j) {
            if (label[j] < static_cast<T>(lowest) || label[j] >= static_cast<T>(classes))
                continue;
            rows[found] = first + j;
            places[found++] = (first + j) * classes + tensor::class_number(label[j]);
        }
    }
    return {{rows, found}, {places, found}};
}

/// Whether any of the elements [first, first + n) is not 0.
template <class T>
bool any_nonzero(const tensor::source<T>& y, std::size_t first, std::size_t n) {
    alignas(64) std::array<T, tile_size> buffer;
    for (std::size_t done = 0; done < n; done += tile_size) {
        const std::size_t run = std::min(tile_size, n - done);
        const T* row = y.read(first + done, run, buffer.data());
        if (!in_range(row, run, 0.0, 0.0))
            return true;
    }
    return false;
}

/// The rows of y, [rows, classes], in which any class is not 0.
template <class T>
positives find_positives(const tensor::source<T>& y, std::size_t rows, std::size_t classes,
                         const executor_ref& executor, workspace& memory) {
    constexpr std::size_t rows_per_piece = 256;
    auto* marked = memory.get<std::size_t>(scratch::positives, rows);
    const work all{(rows + rows_per_piece - 1) / rows_per_piece, rows_per_piece * classes};
    executor.run(all, [&](std::size_t piece) {
        const std::size_t first = piece * rows_per_piece;
        for (std::size_t r = first; r < std::min(rows, first + rows_per_piece); ++r)
            marked[r] = any_nonzero(y, r * classes, classes) ? 1 : 0;
    });
    std::size_t found = 0; // never ahead of r, so that marks and rows share their memory
    for (std::size_t r = 0; r < rows; ++r)
        if (marked[r])
            marked[found++] = r;
    return {{marked, found}, {}};
}

} // namespace xloss::engine

#endif
