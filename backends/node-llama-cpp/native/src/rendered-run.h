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
    bool from_user = false;  // came with the request; the template wrote everything else
    int image = -1;          // index of the image; its run has no text
    std::vector<int32_t> tokens{};  // in place of text, in a prompt that no template writes
};

std::string text_of(const std::vector<Run> & runs);

// Truncates the text to `length` bytes.
void cut_at(std::vector<Run> & runs, size_t length);

// Position and length in bytes of image `index` in `text`, searching from `from`; npos if it is not there.
using FindImage = std::function<std::pair<size_t, size_t>(const std::string & text, size_t from, size_t index)>;

// Replaces every match of `find`, in runs of the given origin only, by the next image. Returns the number of images.
size_t put_images(std::vector<Run> & runs, bool from_user, const FindImage & find);

// A text round an image, with the image's number where it has a place for that.
std::string numbered(std::string text, size_t index);

// Adds the text that the model's processor writes before and after each image.
std::vector<Run> surround_images(const std::vector<Run> & runs, const ImagePlacement & placement);

}  // namespace vserve
