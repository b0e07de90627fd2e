#pragma once

#include <string>

namespace vserve {

// A piece of the prompt before it is tokenized: text, or an image. Parts that follow one another are tokenized apart.
struct Part {
    std::string text;
    bool parse_special = true;  // false: control tokens in `text` stay text
    int image = -1;             // the index of the image, which then has no text
};

}  // namespace vserve
