#pragma once

#include <vector>

#include <napi.h>

#include "image-placement.h"
#include "processor-settings.h"
#include "prompt.h"

namespace vserve {

// Empty where it is undefined.
ImagePlacement placement_of(const Napi::Value & value);
// None where it is undefined.
ProcessorChanges changes_of(const Napi::Value & value);
// With `sizes_only` they need no pixels.
std::vector<Image> images_of(const Napi::Array & array, bool sizes_only = false);

}  // namespace vserve
