#pragma once

#include <string>
#include <vector>

namespace vserve {

// How the model's own chat template and processor write an image. All empty: mtmd's tokens stand round it.
struct ImagePlacement {
    std::string slot;     // what the processor replaces by the image
    std::string before;   // what it then writes before and after the image
    std::string after;
    std::string written;  // what the template writes for an image, the slot in it: for a template that knows no images
    std::vector<std::string> spoken;  // control tokens that users may write and answers show

    // Of an image for which the template wrote nothing.
    ImagePlacement without_template() const;
};

}  // namespace vserve
