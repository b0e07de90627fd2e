#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "mtmd.h"
#include "processor-settings.h"

namespace vserve {

// An image, or a tile of one, as the encoder gets it.
struct EncoderInput {
    int width;
    int height;
    std::vector<float> pixels;  // height rows of width pixels of R G B, normalized
};

// Makes mtmd prepare images as the Hugging Face processor of the projector's model does: size, aspect, padding, tiles
// and filter, with the settings of its checkpoint. Projectors with an unknown processor keep mtmd's own preparation.
// No image exceeds `max_tokens` tokens, even where the processor would allow more.
void follow_processor(mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens);

// Makes mtmd emit no boundary tokens around an image: the prompt contains them.
void leave_boundaries_to_prompt(mtmd_context * vision);

// Prepares an image of `width` × `height` × 3 bytes: its tiles row by row, then the overview, or the overview alone.
// Empty for a projector with an unknown processor.
std::vector<EncoderInput> prepare_image(const mtmd_context * vision, const ProcessorSettings & settings,
                                        int32_t max_tokens, const uint8_t * rgb, uint32_t width, uint32_t height);

}  // namespace vserve
