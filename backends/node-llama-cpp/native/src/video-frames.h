#pragma once

#include <vector>

#include "mtmd.h"
#include "prompt.h"

namespace vserve {

// The pixels of one of an image's frames.
const uint8_t * frame_of(const Image & image, uint32_t frame);

// Has the encoder see these frames as one image, as Qwen-VL's patches are two frames deep.
void merge(std::vector<mtmd::bitmap> & frames);

// Makes one of the images that are a video: drops what stands between them, and lets time alone tell them apart. Rows and
// columns of all of them begin where the video does.
void join_videos(Prompt & prompt, const std::vector<Image> & images);

}  // namespace vserve
