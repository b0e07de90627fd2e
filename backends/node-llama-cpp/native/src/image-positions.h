#pragma once

#include <vector>

#include "prompt.h"

namespace vserve {

// The positions of an image's rows, from `first` on: one for each row, or, for models with M-RoPE, four planes of them
// (time, y, x, and one that is unused).
std::vector<llama_pos> image_positions(const mtmd_context * vision, const Chunk & chunk, llama_pos first);

}  // namespace vserve
