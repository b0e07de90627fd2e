#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "image-sizes.h"
#include "mtmd.h"
#include "processor-settings.h"

namespace vserve {

// A picture, or a tile of one, as the encoder gets it.
struct EncoderInput {
    int width;
    int height;
    std::vector<float> pixels;  // height rows of width pixels of R G B, normalized
};

// Makes mtmd prepare pictures as the Hugging Face processor of the projector's model does: size, aspect, padding, tiles
// and filter, with the settings of its checkpoint. A projector whose processor we do not know keeps what mtmd has for it.
// Where a processor's own bound is higher, no picture becomes more than `max_tokens` tokens.
// An image may be prepared with other settings (ImageScope): one that becomes more tokens than that by them, and more than any
// does by the processor's own, is refused.
void follow_processor(mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens);

// The most tokens of one input of the encoder that images become where `max_tokens` bounds them, whatever they are prepared
// with: as many as the processor's own settings make, at least.
int32_t most_input_tokens(const mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens);

// `largest`, the settings that make the most tokens of an image, so far as one input of the encoder has at most `most_tokens`.
ProcessorSettings bounded(const mtmd_context * vision, ProcessorSettings largest, int32_t most_tokens);

// Sizes of images that the processor takes: the largest becomes the most tokens, and tiles where there are any.
std::vector<ImageSize> sample_sizes(const mtmd_context * vision, const ProcessorSettings & settings, int32_t max_tokens);

// Returns and clears the reason why this thread's last image was rejected; empty if none is known. mtmd only reports
// that one was.
std::string take_refusal();

// Makes mtmd write nothing round a whole picture: the prompt has it.
void leave_boundaries_to_prompt(mtmd_context * vision);

// What becomes of a picture of `width` × `height` × 3 bytes: its tiles row by row and the whole of it last, or only
// that; of one that is cropped, first the whole and then its crops. Empty for a projector whose processor we do not know.
std::vector<EncoderInput> prepare_image(const mtmd_context * vision, const ProcessorSettings & settings,
                                        int32_t max_tokens, const uint8_t * rgb, uint32_t width, uint32_t height);

}  // namespace vserve
