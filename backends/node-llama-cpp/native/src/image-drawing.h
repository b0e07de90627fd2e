#pragma once

#include <array>
#include <cstdint>

#include "clip.h"
#include "image-sizes.h"
#include "mtmd-image.h"

namespace vserve {

// Images are made of others here, pixel by pixel. Of a placeholder, which has a size and no pixels, another is made.

ImageSize size_of(const clip_image_u8 & image);

// As Pillow does it.
clip_image_u8 stretched(const clip_image_u8 & image, ImageSize size, resize_algo filter);

clip_image_u8 cut(const clip_image_u8 & image, int left, int top, ImageSize size);

// Pads with black on the right and at the bottom.
clip_image_u8 padded(const clip_image_u8 & image, ImageSize size);

clip_image_u8 black(ImageSize size, bool is_placeholder);

clip_image_u8 filled(ImageSize size, const std::array<uint8_t, 3> & colour, bool is_placeholder);

void paste(const clip_image_u8 & image, clip_image_u8 & onto, int left, int top);

}  // namespace vserve
