#ifndef XLOSS_EXAMPLES_BRAIN_SHEET_HPP
#define XLOSS_EXAMPLES_BRAIN_SHEET_HPP

// A sheet of slices: one row per slice, one column per run.

#include "picture.hpp"
#include "volume.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace example {

/// The MRI as a grey; brain tissue is dark in T1.
inline colour mri_colour(std::uint8_t intensity) {
    const auto light = static_cast<std::uint8_t>(std::min(255, intensity * 3 / 2));
    return {light, light, light};
}

/// Up to four of some slices that hold any of the target, evenly chosen; places in `slices`.
inline std::vector<std::size_t> slices_to_show(const volume& target, const std::vector<std::size_t>& slices) {
    const std::size_t pixels = target.shape(1) * target.shape(2);
    std::vector<std::size_t> places, chosen;
    for (std::size_t b = 0; b < slices.size(); ++b) {
        const auto* first = target.data() + slices[b] * pixels;
        if (std::any_of(first, first + pixels, [](auto value) { return value != 0; }))
            places.push_back(b);
    }
    const std::size_t count = std::min<std::size_t>(4, places.size());
    for (std::size_t k = 0; k < count; ++k)
        chosen.push_back(places[k * places.size() / count]);
    return chosen;
}

class sheet {
    static constexpr std::size_t gap = 8, line = 26;

public:
    /// `lines`: how many lines of legend there may be beside or below the title.
    sheet(const window& shown, std::size_t columns, std::size_t rows, std::size_t lines)
        : part(shown), zoom(std::max<std::size_t>(2, 260 / part.width)),
          width((wide() + gap) * columns + gap), head_room(70 + line * lines),
          page(width, (high() + gap) * rows + head_room + gap, white) {}

    void title(const std::string& text) { page.write(gap, 10, text, black, 3); }

    /// Colours and what they stand for, from x on in line `first`, and in as many lines more as it takes.
    void legend(std::size_t x, std::size_t first,
                const std::vector<std::pair<std::string, colour>>& entries) {
        const std::size_t left = x;
        std::size_t y = 10 + line * first;
        for (const auto& [text, c] : entries) {
            const std::size_t needed = 28 + 12 * text.size();
            if (x + needed > width) {
                x = left;
                y += line;
            }
            page.fill(x, y, 21, 21, c);
            page.write(x + 28, y + 4, text, black);
            x += needed + 40;
        }
    }

    std::size_t middle() const { return width / 2; }

    void heading(std::size_t column, const std::string& text, const std::string& score) {
        page.write(left_of(column), head_room - 44, text, black);
        page.write(left_of(column), head_room - 22, score, grey);
    }

    /// One slice: `of(row, column)` is the colour of a pixel.
    template <class Of>
    void tile(std::size_t column, std::size_t row, const Of& of) {
        for (std::size_t j = 0; j < high(); ++j)
            for (std::size_t i = 0; i < wide(); ++i)
                page.set(left_of(column) + i, top_of(row) + j, of(part.top + j / zoom, part.left + i / zoom));
    }

    /// The border between pixels of a slice that are `inside(row, column)` and those that are not, as a line.
    template <class Inside>
    void outline(std::size_t column, std::size_t row, const Inside& inside, colour c) {
        const std::size_t left = left_of(column), top = top_of(row);
        for (std::size_t j = 0; j < part.height; ++j)
            for (std::size_t i = 0; i < part.width; ++i) {
                const bool here = inside(part.top + j, part.left + i);
                if (i + 1 < part.width && here != inside(part.top + j, part.left + i + 1))
                    page.fill(left + (i + 1) * zoom - 1, top + j * zoom, 2, zoom, c);
                if (j + 1 < part.height && here != inside(part.top + j + 1, part.left + i))
                    page.fill(left + i * zoom, top + (j + 1) * zoom - 1, zoom, 2, c);
            }
    }

    /// A few words over a tile.
    void note(std::size_t column, std::size_t row, const std::string& text) {
        page.fill(left_of(column), top_of(row), 12 * text.size() + 6, 22, black);
        page.write(left_of(column) + 4, top_of(row) + 4, text, white);
    }

    /// Where a row lies in the head, over its first tile.
    void place(std::size_t row, std::size_t slice) {
        note(0, row, "Y = " + std::to_string(head::millimetres(slice)) + " MM");
    }

    void save(const std::filesystem::path& file) const { page.save(file); }

private:
    std::size_t wide() const { return part.width * zoom; }
    std::size_t high() const { return part.height * zoom; }
    std::size_t left_of(std::size_t column) const { return gap + column * (wide() + gap); }
    std::size_t top_of(std::size_t row) const { return head_room + row * (high() + gap); }

    window part;
    std::size_t zoom, width, head_room;
    picture page;
};

} // namespace example

#endif
