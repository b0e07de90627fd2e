#pragma once

#include <vector>

#include "llama.h"

namespace vserve {

// A llama_batch that owns its arrays: tokens of several sequences, or the embeddings of one image.
class Batch {
  public:
    // `max_outputs`: rows of logits that the context has room for (its n_outputs_max). llama.cpp ends the process over one
    // more.
    explicit Batch(int32_t max_outputs = 1) : max_outputs_(max_outputs) {}

    void clear();
    // Appends a token of a sequence and returns its row. Throws EngineError internal_error over an output too many.
    int32_t add_token(llama_token token, llama_pos position, llama_seq_id slot, bool output);

    int32_t size() const { return static_cast<int32_t>(positions_.size()); }
    // Valid until the next change.
    llama_batch tokens();

    // Rows [first, first + count) of an image's embeddings, `row_width` floats each. `positions` holds all rows of the
    // image: `planes` values each (1, or 4 for M-RoPE), plane after plane. `output` asks for the logits of the last row.
    static Batch image_rows(const float * embeddings, size_t row_width, const std::vector<llama_pos> & positions, int planes,
                            int32_t first, int32_t count, llama_seq_id slot, bool output);
    llama_batch rows();

  private:
    llama_batch view();

    int32_t max_outputs_;
    int32_t n_outputs_ = 0;
    std::vector<llama_token> tokens_;
    std::vector<llama_pos> positions_;
    std::vector<int32_t> slot_counts_;
    std::vector<llama_seq_id> slots_;
    std::vector<llama_seq_id *> slot_pointers_;
    std::vector<int8_t> outputs_;
    float * embeddings_ = nullptr;
};

}  // namespace vserve
