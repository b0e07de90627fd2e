#include "image-drawing.h"

namespace vserve {

ImageSize size_of(const clip_image_u8 & image) {
    return {image.get_size().width, image.get_size().height};
}

clip_image_u8 stretched(const clip_image_u8 & image, ImageSize size, resize_algo filter) {
    clip_image_u8 result;
    mtmd_image_stretch(image, result, {size.width, size.height}, filter);
    return result;
}

clip_image_u8 cut(const clip_image_u8 & image, int left, int top, ImageSize size) {
    clip_image_u8 tile;
    tile.set_size({size.width, size.height}, image.is_placeholder());
    for (int y = 0; y < size.height && !image.is_placeholder(); y++) {
        for (int x = 0; x < size.width; x++) {
            tile.set_pixel(x, y, image.get_pixel(left + x, top + y));
        }
    }
    return tile;
}

clip_image_u8 padded(const clip_image_u8 & image, ImageSize size) {
    const auto [width, height] = size_of(image);
    clip_image_u8 result;
    result.set_size({size.width, size.height}, image.is_placeholder());
    for (int y = 0; y < size.height && !image.is_placeholder(); y++) {
        for (int x = 0; x < size.width; x++) {
            result.set_pixel(x, y, x < width && y < height ? image.get_pixel(x, y) : std::array<uint8_t, 3>{0, 0, 0});
        }
    }
    return result;
}

clip_image_u8 black(ImageSize size, bool is_placeholder) {
    clip_image_u8 image;
    image.set_size({size.width, size.height}, is_placeholder);
    return image;
}

clip_image_u8 filled(ImageSize size, const std::array<uint8_t, 3> & colour, bool is_placeholder) {
    clip_image_u8 image = black(size, is_placeholder);
    for (int y = 0; y < size.height && !is_placeholder; y++) {
        for (int x = 0; x < size.width; x++) {
            image.set_pixel(x, y, colour);
        }
    }
    return image;
}

void paste(const clip_image_u8 & image, clip_image_u8 & onto, int left, int top) {
    const auto [width, height] = size_of(image);
    for (int y = 0; y < height && !onto.is_placeholder(); y++) {
        for (int x = 0; x < width; x++) {
            onto.set_pixel(left + x, top + y, image.get_pixel(x, y));
        }
    }
}

}  // namespace vserve
