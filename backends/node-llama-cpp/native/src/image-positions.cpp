#include "image-positions.h"

#include "mtmd.h"

namespace vserve {

std::vector<llama_pos> image_positions(const mtmd_context * vision, const Chunk & chunk, llama_pos first) {
    const bool mrope = mtmd_decode_use_mrope(vision);
    std::vector<llama_pos> positions(static_cast<size_t>(chunk.n_tokens) * (mrope ? 4 : 1), 0);
    for (int32_t i = 0; i < chunk.n_tokens; i++) {
        if (!mrope) {
            positions[i] = first + i;
            continue;
        }
        const auto position = mtmd_image_tokens_get_decoder_pos(mtmd_input_chunk_get_tokens_image(chunk.media), first,
                                                                static_cast<size_t>(i));
        positions[i] = static_cast<llama_pos>(position.t);
        positions[i + chunk.n_tokens] = static_cast<llama_pos>(position.y) - chunk.video_pos;
        positions[i + chunk.n_tokens * 2] = static_cast<llama_pos>(position.x) - chunk.video_pos;
        positions[i + chunk.n_tokens * 3] = static_cast<llama_pos>(position.z);
    }
    return positions;
}

}  // namespace vserve
