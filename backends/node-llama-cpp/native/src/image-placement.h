#pragma once

#include <string>
#include <vector>

namespace vserve {

// How the model's chat template and processor write an image. All empty: mtmd adds its own tokens around it.
struct ImagePlacement {
    std::string slot;     // what the processor replaces with the image
    std::string before;   // what it writes before and after the image then
    std::string after;
    std::string written;  // what the template writes for an image, including the slot; for templates without image support
    std::vector<std::string> spoken;  // control tokens that users may write and that answers show

    // For an image that the template did not write.
    ImagePlacement without_template() const;
};

}  // namespace vserve
