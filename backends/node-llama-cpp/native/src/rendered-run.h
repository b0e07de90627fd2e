#pragma once

#include <string>

namespace vserve {

// A run of what a chat template rendered: text of one origin, or an image.
struct Run {
    std::string text;
    bool from_user = false;  // came with the request; otherwise the template wrote it
    int image = -1;          // the index of the image, which then has no text
};

}  // namespace vserve
