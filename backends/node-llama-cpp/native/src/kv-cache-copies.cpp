// The part of the cache that copies cells into ordinary memory and back: what is parked.

#include "kv-cache.h"

#include <algorithm>
#include <utility>

namespace vserve {

namespace {

// Attention over this many idle cells, besides those used last, takes negligible time.
constexpr int32_t most_idle_cells = 1024;

// Larger copies would evict each other.
constexpr size_t fewest_parked = 4;

// Cells that sequences share lie scattered, and a GPU copies each on its own.
constexpr int32_t most_scattered_tokens_on_gpu = 256;

}  // namespace

// Restores parked content into a slot, for a prompt that needs `cells`. The slot is empty if that failed. Null if there is
// no slot or no room at the moment.
KvCache::Slot * KvCache::unpark(ParkedList::iterator parked, const Place & match, int32_t cells) {
    Slot * slot = idle_slot(nullptr);
    const int32_t tokens = parked->tokens();
    if (slot == nullptr || !has_room(std::max(cells, tokens), *slot)) {
        return nullptr;
    }
    Parked taken = take(parked);  // first: what is parked for it may push out what is oldest
    make_room(std::max(cells, tokens), *slot);
    park(*slot);
    if (restore(taken, *slot) && match.cached_tokens * 2 < tokens) {
        taken.last_used = ++uses_;
        keep(std::move(taken));
    }
    return slot;
}

// Fills an empty slot. It stays empty if that fails.
bool KvCache::restore(const Parked & parked, Slot & slot) {
    if (!parked.copy.put(context_, slot.id)) {
        return false;
    }
    slot.runs = parked.runs;
    slot.checkpoints = parked.checkpoints;
    copy_bytes_ += slot.checkpoint_bytes();
    return true;
}

// Parks the least recently used of the idle slots while they have many cells, and are small enough that several can be
// parked: to compute a prompt again costs more than idle cells do. `except` was used last: it stays.
void KvCache::park_most_idle(const Slot & except) {
    while (idle_cells(&except) > most_idle_cells) {
        Slot * oldest = least_recently_used_with_cells(&except);
        if (llama_state_seq_get_size_ext(context_, oldest->id, 0) > options_.copy_bytes / fewest_parked) {
            return;
        }
        park(*oldest);
    }
}

// Empties an idle slot and keeps a copy.
void KvCache::park(Slot & slot) {
    keep_copy(slot);
    empty(slot);
    drop_copies_over_limit();
}

// Copies the content of an idle slot if that is worthwhile and fits.
void KvCache::keep_copy(const Slot & slot) {
    const int32_t tokens = slot.tokens();
    const bool scattered_on_gpu = options_.on_gpu && !options_.separate;
    if (!options_.keep_prefixes || tokens < fewest_parked_tokens ||
        (scattered_on_gpu && tokens > most_scattered_tokens_on_gpu)) {
        return;
    }
    if (auto parked = copy_of(slot)) {
        keep(std::move(*parked));
    }
}

std::optional<KvCache::Parked> KvCache::copy_of(const Slot & slot) const {
    CellCopy copy = CellCopy::of(context_, slot.id, options_.copy_bytes);
    if (copy.empty()) {
        return std::nullopt;
    }
    return Parked{slot, std::move(copy), first_copied_position(slot)};
}

// llama.cpp copies of a sliding-window layer only what the window before the next token covers, not what is left besides.
llama_pos KvCache::first_copied_position(const Slot & slot) const {
    const llama_pos first = llama_memory_seq_pos_min(memory_, slot.id);
    return window_ == 0 ? first : std::max(first, llama_memory_seq_pos_max(memory_, slot.id) + 1 - window_);
}

void KvCache::keep(Parked parked) {
    copy_bytes_ += parked.copy.size() + parked.checkpoint_bytes();
    const auto younger = std::find_if(parked_.begin(), parked_.end(),
                                      [&parked](const auto & other) { return other.last_used > parked.last_used; });
    parked_.insert(younger, std::move(parked));
}

KvCache::Parked KvCache::take(ParkedList::iterator parked) {
    Parked taken = std::move(*parked);
    parked_.erase(parked);
    copy_bytes_ -= taken.copy.size() + taken.checkpoint_bytes();
    return taken;
}

// What was parked goes first, then the first checkpoints of the slots that were used least recently. A state that two
// share counts twice.
void KvCache::drop_copies_over_limit() {
    while (copy_bytes_ > options_.copy_bytes && !parked_.empty()) {
        take(parked_.begin());
    }
    while (copy_bytes_ > options_.copy_bytes) {
        drop_oldest_checkpoint();
    }
}

void KvCache::drop_copies() {
    while (!parked_.empty()) {
        take(parked_.begin());
    }
    for (auto & slot : slots_) {
        copy_bytes_ -= slot.checkpoint_bytes();
        slot.checkpoints.clear();
    }
}

}  // namespace vserve
