#include "image-crops.h"

#include <algorithm>
#include <cmath>

namespace vserve {

namespace {

// 0 for an image that is not cropped.
int crops_along(int longer, int shorter, const PanAndScan & settings) {
    const double ratio = static_cast<double>(longer) / shorter;
    // In single precision, as the setting is: 600 × 500 pixels are to have a ratio of 1.2.
    if (settings.max_crops == 0 || static_cast<float>(ratio) < settings.min_ratio) {
        return 0;
    }
    const int least = static_cast<int>(settings.min_crop_size);
    const int crops = std::min(longer / least, static_cast<int>(std::floor(ratio + 0.5)));
    return std::min(static_cast<int>(settings.max_crops), std::max(2, crops));
}

int divided_up(int length, int parts) {
    return (length + parts - 1) / parts;
}

}  // namespace

std::vector<ImageCrop> views_of(ImageSize image, const PanAndScan & settings) {
    std::vector<ImageCrop> views{{0, 0, image}};
    const bool is_wide = image.width >= image.height;
    const int crops = is_wide ? crops_along(image.width, image.height, settings)
                              : crops_along(image.height, image.width, settings);
    if (crops == 0) {
        return views;
    }
    const ImageSize size{is_wide ? divided_up(image.width, crops) : image.width,
                         is_wide ? image.height : divided_up(image.height, crops)};
    if (std::min(size.width, size.height) < static_cast<int>(settings.min_crop_size)) {
        return views;
    }
    for (int i = 0; i < crops; i++) {
        const int left = is_wide ? i * size.width : 0;
        const int top = is_wide ? 0 : i * size.height;
        // The last crop is what is left; of a few pixels nothing may be.
        if (left >= image.width || top >= image.height) {
            break;
        }
        views.push_back({left, top,
                         {std::min(size.width, image.width - left), std::min(size.height, image.height - top)}});
    }
    return views;
}

std::vector<uint8_t> pixels_of(const ImageCrop & view, const uint8_t * rgb, uint32_t width) {
    std::vector<uint8_t> pixels;
    pixels.reserve(static_cast<size_t>(view.size.width) * view.size.height * 3);
    for (int y = 0; y < view.size.height; y++) {
        const uint8_t * row = rgb + (static_cast<size_t>(view.top + y) * width + view.left) * 3;
        pixels.insert(pixels.end(), row, row + static_cast<size_t>(view.size.width) * 3);
    }
    return pixels;
}

}  // namespace vserve
