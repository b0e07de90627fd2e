#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "image-placement.h"

namespace vserve {

// A run of what a chat template rendered: text of one origin, or an image.
struct Run {
    std::string text;
    bool from_user = false;  // came with the request; otherwise the template wrote it
    int image = -1;          // the index of the image, which then has no text
};

std::string text_of(const std::vector<Run> & runs);

// Keeps the first `length` bytes of text.
void cut_at(std::vector<Run> & runs, size_t length);

// Where the image `index` stands in a text, at `from` or later, and over how many bytes; npos where it does not.
using FindImage = std::function<std::pair<size_t, size_t>(const std::string & text, size_t from, size_t index)>;

// Replaces what `find` finds in the runs of one origin by images, in order. Returns their number.
size_t put_images(std::vector<Run> & runs, bool from_user, const FindImage & find);

// Adds what the model's processor writes before and after each image.
std::vector<Run> surround_images(const std::vector<Run> & runs, const ImagePlacement & placement);

}  // namespace vserve
