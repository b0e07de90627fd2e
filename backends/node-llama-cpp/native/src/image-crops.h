#pragma once

#include <cstdint>
#include <vector>

#include "image-sizes.h"
#include "processor-settings.h"

namespace vserve {

// A part of an image.
struct ImageCrop {
    int left;
    int top;
    ImageSize size;
};

// What the model sees of an image, each as an image of its own: the whole, and the crops of an oblong one where the
// processor is set up to make them (Gemma 3's pan and scan).
std::vector<ImageCrop> views_of(ImageSize image, const PanAndScan & settings);

// The pixels of a view, R G B, of an image that is `width` pixels wide.
std::vector<uint8_t> pixels_of(const ImageCrop & view, const uint8_t * rgb, uint32_t width);

}  // namespace vserve
