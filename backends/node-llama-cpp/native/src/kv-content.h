#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cell-copy.h"
#include "llama.h"
#include "prompt.h"

namespace vserve {

// What a sequence computed, in the order of its positions. Serves the prompts of the same tenant that begin the same way.
struct KvContent {
    // A place that a prompt can go on from: everything before is computed.
    struct Place {
        size_t chunk = 0;          // of the prompt
        int32_t chunk_tokens = 0;  // of that chunk
        llama_pos n_pos = 0;
        int32_t cached_tokens = 0;
        std::shared_ptr<const CellCopy> state;  // to be put back first, of a model that forgets
    };

    // Text tokens, or one image chunk.
    struct Run {
        std::vector<llama_token> tokens;
        std::string image_key;  // empty for text
        int32_t n_tokens = 0;
        llama_pos n_pos = 0;
    };

    // A place after this many tokens, with the state of the layers that forget.
    struct Checkpoint {
        int32_t tokens;
        std::shared_ptr<const CellCopy> state;
    };

    int32_t tokens() const;
    size_t checkpoint_bytes() const;

    void append_token(llama_token token);
    void append_image(const Chunk & chunk);

    // Undoes the last `count` calls of append_token.
    void drop_tokens(int32_t count);

    // Makes the content end at a place of a prompt that begins the same way.
    void truncate(const Place & at);

    // How far this and a prompt agree, up to `most_tokens`: token by token, an image as a whole. Something of the prompt is
    // left to compute, unless the `whole` is wanted.
    Place common_prefix(const Prompt & prompt, bool whole, int32_t most_tokens) const;

    std::vector<Run> runs;
    std::vector<Checkpoint> checkpoints;
    std::string salt;  // of the tenant
    uint64_t request = 0;  // whose answer it was last
    uint64_t last_used = 0;
};

}  // namespace vserve
