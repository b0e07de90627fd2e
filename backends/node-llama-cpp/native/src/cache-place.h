#pragma once

#include <cstddef>
#include <cstdint>

#include "llama.h"

namespace vserve {

// How far the tokens and images of an answer are computed: first the prompt's chunks, then the tokens of the answer.
struct Progress {
    size_t chunk = 0;          // the first chunk of the prompt that is not completely in the KV cache
    int32_t chunk_tokens = 0;  // tokens, or an image's rows, of that chunk in the cache
    size_t generated = 0;      // tokens of the answer in the cache
};

// An answer's place in the context. It may lose the place, and gets another later: its work begins anew there.
struct CachePlace {
    llama_seq_id slot = -1;  // -1: none
    llama_pos n_pos = 0;     // the position of the next token
    Progress done;

    Progress before_batch;     // `done`, as it was before the current batch
    int32_t batch_tokens = 0;  // in the current batch
};

}  // namespace vserve
