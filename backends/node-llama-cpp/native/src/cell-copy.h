#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "llama.h"

namespace vserve {

// A slot's KV cells and recurrent state, in ordinary memory. llama.cpp copies what is in use, one call for each layer and run
// of adjacent cells. Copies only save time: without memory for one, it is empty.
class CellCopy {
  public:
    CellCopy() = default;

    // `flags`: LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY for the layers that forget alone. Empty also if it would have more than
    // `most_bytes`, or the slot is empty.
    static CellCopy of(llama_context * context, llama_seq_id slot, size_t most_bytes = SIZE_MAX,
                       llama_state_seq_flags flags = 0);

    // Replaces the content of a slot, of a context with as many streams. False if there is no room: the slot is empty then.
    bool put(llama_context * context, llama_seq_id slot, llama_state_seq_flags flags = 0) const;

    // The same content for a context with `to` streams, where this was copied of stream `stream` of `from`. `partial_bytes`
    // belong to layers with a sliding window, in a cache of their own. Empty if the layout is another.
    CellCopy between_streams(uint32_t from, uint32_t stream, uint32_t to, size_t partial_bytes) const;

    bool empty() const { return size_ == 0; }
    size_t size() const { return size_; }

  private:
    static CellCopy with_size(size_t size);

    std::unique_ptr<uint8_t[]> bytes_;
    size_t size_ = 0;
};

}  // namespace vserve
