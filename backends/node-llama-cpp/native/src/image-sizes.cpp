#include "image-sizes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace vserve {

namespace {

constexpr double largest_aspect = 200;
// Idefics 3 limits sides to this, whatever its configuration says.
constexpr int largest_side = 4096;
// The longest side that mtmd resizes to.
constexpr int largest_resized = 65536;

int rounded(double value, int factor) {
    return static_cast<int>(std::nearbyint(value / factor)) * factor;
}

int floored(double value, int factor) {
    return std::max(factor, static_cast<int>(std::floor(value / factor)) * factor);
}

int ceiled(double value, int factor) {
    return static_cast<int>(std::ceil(value / factor)) * factor;
}

double area_of(ImageSize image) {
    return static_cast<double>(image.width) * image.height;
}

// The image scaled to an area within bounds, both sides multiples of `factor`; `aligned` where that is within them.
ImageSize within_bounds(ImageSize image, ImageSize aligned, int factor, double min_pixels, double max_pixels) {
    const auto [width, height] = image;
    if (area_of(aligned) > max_pixels) {
        const double beta = std::sqrt(area_of(image) / max_pixels);
        return {floored(width / beta, factor), floored(height / beta, factor)};
    }
    if (area_of(aligned) < min_pixels) {
        const double beta = std::sqrt(min_pixels / area_of(image));
        return {ceiled(width * beta, factor), ceiled(height * beta, factor)};
    }
    return aligned;
}

// A factor that Llama 4's processor computes in single precision where it comes from a grid, a PyTorch tensor.
struct Scale {
    double value;
    bool is_single;

    static Scale to(int wanted, int side, bool is_single) {
        return {is_single ? static_cast<float>(wanted) / static_cast<float>(side) : static_cast<double>(wanted) / side,
                is_single};
    }
    bool operator<(const Scale & other) const {
        return is_single || other.is_single ? static_cast<float>(value) < static_cast<float>(other.value)
                                            : value < other.value;
    }
    int scaled(int side) const {
        return static_cast<int>(is_single ? static_cast<float>(side) * static_cast<float>(value) : side * value);
    }
};

}  // namespace

ImageSize smart_resize(ImageSize image, int factor, double min_pixels, double max_pixels) {
    const auto [width, height] = image;
    if (static_cast<double>(std::max(width, height)) / std::min(width, height) > largest_aspect) {
        throw std::invalid_argument("the image is more than 200 times as long as it is wide");
    }
    return within_bounds(image, {rounded(width, factor), rounded(height, factor)}, factor, min_pixels, max_pixels);
}

ImageSize smart_resize_covering(ImageSize image, int factor, double min_pixels, double max_pixels) {
    const ImageSize aligned{std::max(factor, rounded(image.width, factor)),
                            std::max(factor, rounded(image.height, factor))};
    const ImageSize size = within_bounds(image, aligned, factor, min_pixels, max_pixels);
    if (std::max(size.width, size.height) > largest_resized) {
        throw std::invalid_argument("the image is too long for its width");
    }
    return size;
}

ImageSize smart_resize_enlarging(ImageSize image, int factor, double min_pixels, double max_pixels) {
    if (image.width < factor || image.height < factor) {
        const double scale =
            std::max(static_cast<double>(factor) / image.height, static_cast<double>(factor) / image.width);
        image = {static_cast<int>(image.width * scale), static_cast<int>(image.height * scale)};
    }
    return smart_resize(image, factor, min_pixels, max_pixels);
}

ImageSize smart_resize_widening(ImageSize image, int factor, double min_pixels, double max_pixels) {
    auto [width, height] = image;
    if (height < factor) {
        width = rounded(static_cast<double>(width) * factor / height, 1);
        height = factor;
    }
    if (width < factor) {
        height = rounded(static_cast<double>(height) * factor / width, 1);
        width = factor;
    }
    return smart_resize({width, height}, factor, min_pixels, max_pixels);
}

ImageSize shrink_to_longest(ImageSize image, int longest, int factor) {
    const double ratio =
        std::max(static_cast<double>(image.width) / longest, static_cast<double>(image.height) / longest);
    if (ratio > 1) {
        image = {std::max(1, static_cast<int>(std::floor(image.width / ratio))),
                 std::max(1, static_cast<int>(std::floor(image.height / ratio)))};
    }
    return round_up(image, factor);
}

ImageSize scale_to_shortest(ImageSize image, int shortest) {
    const auto [width, height] = image;
    const double longer = static_cast<double>(shortest) * std::max(width, height) / std::min(width, height);
    if (longer > largest_resized) {
        throw std::invalid_argument("the image is too long for its width");
    }
    const int other = static_cast<int>(longer);
    return width <= height ? ImageSize{shortest, other} : ImageSize{other, shortest};
}

ImageSize scale_to_longest(ImageSize image, int longest) {
    const double aspect = static_cast<double>(image.width) / image.height;
    const bool is_wide = image.width >= image.height;
    const int other = static_cast<int>(is_wide ? longest / aspect : longest * aspect);
    const int even = std::max(1, other + other % 2);
    ImageSize scaled = is_wide ? ImageSize{longest, even} : ImageSize{even, longest};
    if (longest > largest_side) {
        const double scaled_aspect = static_cast<double>(scaled.width) / scaled.height;
        const int shorter = std::max(1, static_cast<int>(is_wide ? largest_side / scaled_aspect
                                                                 : largest_side * scaled_aspect));
        scaled = is_wide ? ImageSize{largest_side, shorter} : ImageSize{shorter, largest_side};
    }
    return scaled;
}

TileGrid tiles_that_cover(ImageSize image, int tile) {
    const double aspect = static_cast<double>(image.width) / image.height;
    if (image.width >= image.height) {
        const int width = ceiled(image.width, tile);
        return {width / tile, std::max(1, ceiled(static_cast<int>(width / aspect), tile) / tile)};
    }
    const int height = ceiled(image.height, tile);
    return {std::max(1, ceiled(static_cast<int>(height * aspect), tile) / tile), height / tile};
}

TileGrid closest_grid(ImageSize image, int tile, int min_tiles, int max_tiles) {
    const double aspect = static_cast<double>(image.width) / image.height;
    TileGrid best{1, 1};
    double best_difference = std::numeric_limits<double>::infinity();
    for (int tiles = min_tiles; tiles <= max_tiles; tiles++) {
        for (int columns = 1; columns <= tiles; columns++) {
            if (tiles % columns != 0) {
                continue;
            }
            const int rows = tiles / columns;
            const double difference = std::abs(aspect - static_cast<double>(columns) / rows);
            const bool is_large_enough = area_of(image) > 0.5 * tile * tile * tiles;
            if (difference < best_difference || (difference == best_difference && is_large_enough)) {
                best_difference = difference;
                best = {columns, rows};
            }
        }
    }
    return best;
}

bool is_too_large(ImageSize image, int patch, int factor, double max_pixels) {
    const ImageSize aligned{std::max(patch, rounded(image.width, factor)),
                            std::max(patch, rounded(image.height, factor))};
    return area_of(aligned) > max_pixels;
}

ImageSize shrink_to_patches(ImageSize image, int patch, int max_patches) {
    const double patches = static_cast<double>(image.width / patch) * (image.height / patch);
    if (patches <= max_patches) {
        return image;
    }
    const double scale = std::sqrt(max_patches / patches);
    return {std::max(1, static_cast<int>(image.width * scale)), std::max(1, static_cast<int>(image.height * scale))};
}

ImageSize scale_to_tokens(ImageSize image, int factor, int max_tokens) {
    const auto [width, height] = image;
    const double scale = std::sqrt(static_cast<double>(max_tokens) * factor * factor / area_of(image));
    const auto aligned = [factor](double side) { return static_cast<int>(std::floor(side / factor)) * factor; };
    const ImageSize scaled{aligned(scale * width), aligned(scale * height)};
    if (scaled.height == 0) {
        return {std::min(width / height, max_tokens) * factor, factor};
    }
    if (scaled.width == 0) {
        return {factor, std::min(height / width, max_tokens) * factor};
    }
    return scaled;
}

TileGrid best_fitting_grid(ImageSize image, int tile, int max_tiles, bool fill_canvas) {
    // In single precision, as in PyTorch, so that the same grids compare equal.
    const auto scale_of = [image, tile](TileGrid grid) {
        return std::min(static_cast<float>(grid.columns * tile) / static_cast<float>(image.width),
                        static_cast<float>(grid.rows * tile) / static_cast<float>(image.height));
    };
    TileGrid best{1, 1};
    for (int rows = 1; rows <= max_tiles; rows++) {
        for (int columns = 1; columns <= max_tiles / rows; columns++) {
            const TileGrid grid{columns, rows};
            const float scale = scale_of(grid);
            const float best_scale = scale_of(best);
            const bool is_better = best_scale < 1 || fill_canvas ? scale > best_scale : scale >= 1 && scale < best_scale;
            const bool is_smaller = columns * rows < best.columns * best.rows;
            if (is_better || (scale == best_scale && is_smaller)) {
                best = grid;
            }
        }
    }
    return best;
}

ImageSize scale_to_square(ImageSize image, int side, int factor, bool enlarge) {
    auto [width, height] = image;
    if (enlarge || area_of(image) > static_cast<double>(side) * side) {
        const double aspect = static_cast<double>(width) / height;
        height = static_cast<int>(side / std::sqrt(aspect));
        width = static_cast<int>(height * aspect);
    }
    return {std::max(factor, rounded(width, factor)), std::max(factor, rounded(height, factor))};
}

TileGrid grid_of_squares(ImageSize image, int side, int max_tiles) {
    const double squares = std::ceil(area_of(image) / (static_cast<double>(side) * side));
    const int tiles = static_cast<int>(std::min<double>(squares, max_tiles));
    if (tiles <= 1) {
        return {0, 0};
    }
    const double aspect = std::log(static_cast<double>(image.width) / image.height);
    TileGrid best{1, 1};
    double best_difference = std::numeric_limits<double>::infinity();
    for (int count = std::max(2, tiles - 1); count <= std::min(tiles + 1, max_tiles); count++) {
        for (int rows = 1; rows <= count; rows++) {
            if (count % rows != 0) {
                continue;
            }
            const double difference = std::abs(aspect - std::log(static_cast<double>(count / rows) / rows));
            if (difference < best_difference || (difference == best_difference && rows > best.rows)) {
                best_difference = difference;
                best = {count / rows, rows};
            }
        }
    }
    return best;
}

ImageSize best_resolution(ImageSize image, const std::vector<ImageSize> & resolutions) {
    ImageSize best = resolutions.front();
    double most_used = 0;
    double least_wasted = std::numeric_limits<double>::infinity();
    for (const ImageSize resolution : resolutions) {
        const double scale = std::min(static_cast<double>(resolution.width) / image.width,
                                      static_cast<double>(resolution.height) / image.height);
        const double scaled = std::floor(image.width * scale) * std::floor(image.height * scale);
        const double used = std::min(scaled, area_of(image));
        const double wasted = area_of(resolution) - used;
        if (used > most_used || (used == most_used && wasted < least_wasted)) {
            most_used = used;
            least_wasted = wasted;
            best = resolution;
        }
    }
    return best;
}

ImageSize fit_on_grid(ImageSize image, TileGrid grid, int tile, bool fill_canvas) {
    const ImageSize canvas{grid.columns * tile, grid.rows * tile};
    const ImageSize most = fill_canvas ? canvas : ImageSize{std::max(image.width, tile), std::max(image.height, tile)};
    const ImageSize wanted{std::min(most.width, canvas.width), std::min(most.height, canvas.height)};
    const Scale x = Scale::to(wanted.width, image.width, fill_canvas || canvas.width < most.width);
    const Scale y = Scale::to(wanted.height, image.height, fill_canvas || canvas.height < most.height);
    if (x < y) {
        return {wanted.width, std::max(1, std::min(x.scaled(image.height), wanted.height))};
    }
    return {std::max(1, std::min(y.scaled(image.width), wanted.width)), wanted.height};
}

ImageSize fit_into(ImageSize image, ImageSize area) {
    const double across = static_cast<double>(area.width) / image.width;
    const double down = static_cast<double>(area.height) / image.height;
    if (across < down) {
        return {area.width, std::min(static_cast<int>(std::ceil(image.height * across)), area.height)};
    }
    return {std::min(static_cast<int>(std::ceil(image.width * down)), area.width), area.height};
}

ImageSize scale_to_grid(ImageSize image, TileGrid grid, int side, int factor) {
    const ImageSize tile{std::max(1, rounded(image.width, grid.columns) / grid.columns),
                         std::max(1, rounded(image.height, grid.rows) / grid.rows)};
    const ImageSize scaled = scale_to_square(tile, side, factor, true);
    return {scaled.width * grid.columns, scaled.height * grid.rows};
}

ImageSize fit_on_square(ImageSize image, int side) {
    ImageSize size{side, side};
    if (image.width > image.height) {
        size.height = static_cast<int>(std::nearbyint(static_cast<double>(image.height) / image.width * side));
    } else {
        size.width = static_cast<int>(std::nearbyint(static_cast<double>(image.width) / image.height * side));
    }
    if (std::min(size.width, size.height) < 1) {
        throw std::invalid_argument("the image is too long for its width");
    }
    return size;
}

int centred(int length, int space) {
    return static_cast<int>(std::nearbyint((space - length) / 2.0));
}

ImageSize round_up(ImageSize image, int factor) {
    return {(image.width + factor - 1) / factor * factor, (image.height + factor - 1) / factor * factor};
}

}  // namespace vserve
