#ifndef XLOSS_EXAMPLES_BRAIN_PICTURE_HPP
#define XLOSS_EXAMPLES_BRAIN_PICTURE_HPP

// A colour picture in memory, with text, written as PNG by libpng.

#include "font.hpp"

#include <png.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace example {

struct colour {
    std::uint8_t red, green, blue;
};

inline constexpr colour white{255, 255, 255}, black{0, 0, 0}, grey{110, 110, 110};

/// `share` of a over b.
inline colour blend(colour a, colour b, double share) {
    const auto mix = [&](std::uint8_t x, std::uint8_t y) {
        return static_cast<std::uint8_t>(share * x + (1.0 - share) * y);
    };
    return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

class picture {
public:
    picture(std::size_t wide, std::size_t high, colour background)
        : width(wide), height(high), pixels(wide * high, background) {}

    void set(std::size_t x, std::size_t y, colour c) {
        if (x < width && y < height)
            pixels[y * width + x] = c;
    }

    void fill(std::size_t x, std::size_t y, std::size_t wide, std::size_t high, colour c) {
        for (std::size_t j = y; j < y + high; ++j)
            for (std::size_t i = x; i < x + wide; ++i)
                set(i, j, c);
    }

    /// Text with its upper left corner at (x, y); each dot of the font becomes a square of `size` pixels.
    void write(std::size_t x, std::size_t y, std::string_view text, colour c, std::size_t size = 2) {
        for (const char letter : text) {
            const auto rows = glyph(letter);
            for (std::size_t j = 0; j < rows.size(); ++j)
                for (std::size_t i = 0; i < 5; ++i)
                    if (rows[j] >> (4 - i) & 1)
                        fill(x + i * size, y + j * size, size, size, c);
            x += 6 * size;
        }
    }

    void save(const std::filesystem::path& file) const {
        png_image png{};
        png.version = PNG_IMAGE_VERSION;
        png.width = static_cast<png_uint_32>(width);
        png.height = static_cast<png_uint_32>(height);
        png.format = PNG_FORMAT_RGB;
        static_assert(sizeof(colour) == 3, "libpng reads the pixels as bytes");
        if (png_image_write_to_file(&png, file.string().c_str(), 0, pixels.data(), 0, nullptr) == 0)
            throw std::runtime_error("cannot write " + file.string() + ": " + png.message);
    }

private:
    std::size_t width, height;
    std::vector<colour> pixels;
};

} // namespace example

#endif
