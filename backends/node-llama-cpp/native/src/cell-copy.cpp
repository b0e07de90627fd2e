#include "cell-copy.h"

#include <cstring>
#include <new>

namespace vserve {

namespace {

// After a header, llama.cpp writes of each of its caches the number of streams, and then, stream after stream, a count of
// cells, followed by the cells unless it is 0. Of a single slot, only its own stream has any.
using Count = uint32_t;
constexpr size_t header_bytes = sizeof(uint32_t) + sizeof(llama_seq_id);

bool all_are_zero(const uint8_t * counts, size_t number) {
    for (size_t i = 0; i < number * sizeof(Count); i++) {
        if (counts[i] != 0) {
            return false;
        }
    }
    return true;
}

struct Cache {
    const uint8_t * begin;
    size_t bytes;

    // Whether it is laid out as above.
    bool has_only(uint32_t stream, uint32_t streams) const {
        Count count = 0;
        if (bytes < (streams + 1) * sizeof(Count)) {
            return false;
        }
        std::memcpy(&count, begin, sizeof(count));
        const size_t behind = streams - 1 - stream;
        return count == streams && all_are_zero(begin + sizeof(Count), stream) &&
               all_are_zero(begin + bytes - behind * sizeof(Count), behind);
    }

    // Writes it for `to` streams, with the cells in the first. Returns the end.
    uint8_t * write(uint8_t * at, uint32_t stream, uint32_t from, uint32_t to) const {
        const size_t cells_bytes = bytes - from * sizeof(Count);
        std::memcpy(at, &to, sizeof(Count));
        std::memcpy(at + sizeof(Count), begin + (1 + stream) * sizeof(Count), cells_bytes);
        std::memset(at + sizeof(Count) + cells_bytes, 0, (to - 1) * sizeof(Count));
        return at + cells_bytes + to * sizeof(Count);
    }
};

}  // namespace

CellCopy CellCopy::with_size(size_t size) {
    CellCopy copy;
    copy.bytes_.reset(new (std::nothrow) uint8_t[size]);  // not zeroed: that would take as long as the copy
    copy.size_ = copy.bytes_ ? size : 0;
    return copy;
}

CellCopy CellCopy::of(llama_context * context, llama_seq_id slot, size_t most_bytes, llama_state_seq_flags flags) {
    if (llama_memory_seq_pos_max(llama_get_memory(context), slot) < 0) {
        return {};
    }
    const size_t size = llama_state_seq_get_size_ext(context, slot, flags);
    if (size == 0 || size > most_bytes) {
        return {};
    }
    CellCopy copy = with_size(size);
    if (copy.empty() || llama_state_seq_get_data_ext(context, copy.bytes_.get(), size, slot, flags) != size) {
        return {};
    }
    return copy;
}

bool CellCopy::put(llama_context * context, llama_seq_id slot, llama_state_seq_flags flags) const {
    if (llama_state_seq_set_data_ext(context, bytes_.get(), size_, slot, flags) != 0) {
        return true;
    }
    llama_memory_seq_rm(llama_get_memory(context), slot, -1, -1);
    return false;
}

CellCopy CellCopy::between_streams(uint32_t from, uint32_t stream, uint32_t to, size_t partial_bytes) const {
    if (size_ < header_bytes || partial_bytes < header_bytes) {
        return {};
    }
    const size_t whole_bytes = size_ - partial_bytes;  // of the other layers; 0 where all are in one cache
    const uint8_t * begin = bytes_.get() + header_bytes;
    const Cache caches[] = {{begin, whole_bytes}, {begin + whole_bytes, partial_bytes - header_bytes}};
    const size_t number = whole_bytes > 0 ? 2 : 1;
    CellCopy copy = with_size(size_ + number * to * sizeof(Count) - number * from * sizeof(Count));
    if (copy.empty()) {
        return {};
    }
    std::memcpy(copy.bytes_.get(), bytes_.get(), header_bytes);
    uint8_t * end = copy.bytes_.get() + header_bytes;
    for (const auto & cache : caches) {
        if (cache.bytes == 0) {
            continue;
        }
        if (!cache.has_only(stream, from)) {
            return {};
        }
        end = cache.write(end, stream, from, to);
    }
    return copy;
}

}  // namespace vserve
