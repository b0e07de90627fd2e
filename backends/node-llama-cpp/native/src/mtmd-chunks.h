#pragma once

#include <cstdint>
#include <vector>

#include "image-scope.h"
#include "image-sizes.h"
#include "mtmd.h"

namespace vserve {

struct Image;

// The chunks of texts and images. Null where the projector cannot take one of the images. Throws EngineError:
// model_load_failed.
mtmd::input_chunks_ptr try_to_tokenize(const mtmd_context * vision, const std::vector<mtmd_input_part> & parts,
                                       bool add_special);

// Throws EngineError undecodable, with the reason of the last image that this thread tried.
[[noreturn]] void refuse(size_t image, uint32_t width, uint32_t height);

std::vector<ImageSize> sizes_of(const std::vector<Image> & images);

// Adds what became of the next view of an image: of one with crops, the whole is the first, and crops count as tiles.
void add_seen(SeenImage & image, SeenImage view);

}  // namespace vserve
