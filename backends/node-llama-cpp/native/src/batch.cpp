#include "batch.h"

#include <string>

#include "error.h"

namespace vserve {

void Batch::clear() {
    tokens_.clear();
    positions_.clear();
    slot_counts_.clear();
    slots_.clear();
    outputs_.clear();
    n_outputs_ = 0;
}

int32_t Batch::add_token(llama_token token, llama_pos position, llama_seq_id slot, bool output) {
    if (output && n_outputs_ == max_outputs_) {
        throw EngineError("internal_error", "A batch asks for more than " + std::to_string(max_outputs_) +
                                                " rows of logits, for which its context has no room.");
    }
    n_outputs_ += output ? 1 : 0;
    tokens_.push_back(token);
    positions_.push_back(position);
    slot_counts_.push_back(1);
    slots_.push_back(slot);
    outputs_.push_back(output ? 1 : 0);
    return size() - 1;
}

llama_batch Batch::tokens() {
    llama_batch batch = view();
    batch.n_tokens = size();
    batch.token = tokens_.data();
    return batch;
}

Batch Batch::image_rows(const float * embeddings, size_t row_width, const std::vector<llama_pos> & positions, int planes,
                        int32_t first, int32_t count, llama_seq_id slot, bool output) {
    Batch batch;
    // llama_batch is not const-correct; llama_decode only reads.
    batch.embeddings_ = const_cast<float *>(embeddings) + first * row_width;
    const size_t rows_of_image = positions.size() / planes;
    for (int plane = 0; plane < planes; plane++) {
        const auto begin = positions.begin() + plane * rows_of_image + first;
        batch.positions_.insert(batch.positions_.end(), begin, begin + count);
    }
    batch.slot_counts_.assign(count, 1);
    batch.slots_.assign(count, slot);
    batch.outputs_.assign(count, 0);
    batch.outputs_.back() = output ? 1 : 0;
    return batch;
}

llama_batch Batch::rows() {
    llama_batch batch = view();
    batch.n_tokens = static_cast<int32_t>(outputs_.size());
    batch.embd = embeddings_;
    return batch;
}

llama_batch Batch::view() {
    slot_pointers_.clear();
    for (auto & slot : slots_) {
        slot_pointers_.push_back(&slot);
    }
    slot_pointers_.push_back(nullptr);
    llama_batch batch{};
    batch.pos = positions_.data();
    batch.n_seq_id = slot_counts_.data();
    batch.seq_id = slot_pointers_.data();
    batch.logits = outputs_.data();
    return batch;
}

}  // namespace vserve
