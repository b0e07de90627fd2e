#pragma once

#include <string>
#include <vector>

namespace vserve {

// One part of a message: text, or the image with this index.
struct MessagePart {
    std::string text;
    int image = -1;
};

struct Message {
    std::string role;
    std::vector<MessagePart> parts;
};

}  // namespace vserve
