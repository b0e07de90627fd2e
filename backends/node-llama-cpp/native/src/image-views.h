#pragma once

#include <cstddef>
#include <vector>

#include "image-crops.h"
#include "image-placement.h"
#include "rendered-run.h"

namespace vserve {

// What stands in a prompt for an image: the whole of it, or a crop.
struct ImageView {
    size_t image;  // index of the image
    ImageCrop crop;
};

// Lists the views of all images, one image after the other, and lets the runs count these instead: where an image has
// crops, they follow it, in the words of Gemma 3's processor. `settings`: of each image.
std::vector<ImageView> show_views(std::vector<Run> & runs, const std::vector<ImageSize> & images,
                                  const ImagePlacement & placement, const std::vector<ProcessorSettings> & settings);

}  // namespace vserve
