#pragma once

#include <string>

namespace vserve {

// A piece of a prompt before tokenization: text or an image. Parts are tokenized separately.
struct Part {
    std::string text;
    bool parse_special = true;  // false: control tokens in `text` stay text
    int image = -1;             // index of the image; its part has no text
};

}  // namespace vserve
