// The part of the cache for models that forget: the positions that they can come back to.

#include "kv-cache.h"

#include <iterator>
#include <limits>
#include <memory>
#include <utility>

namespace vserve {

namespace {

// Recomputing this many tokens costs less than another checkpoint.
constexpr int32_t tokens_between_checkpoints = 64;

// Of a slot.
constexpr size_t most_checkpoints = 32;

}  // namespace

int32_t KvCache::last_checkpoint(llama_seq_id id) const {
    return slots_[id].checkpoints.empty() ? 0 : slots_[id].checkpoints.back().tokens;
}

void KvCache::keep_checkpoint(llama_seq_id id) {
    if (is_checkpoint_due(id, slots_[id].tokens())) {
        add_checkpoint(slots_[id]);
    }
}

bool KvCache::is_checkpoint_due(llama_seq_id id, int32_t tokens) const {
    return options_.keep_prefixes && forgets() && tokens - last_checkpoint(id) >= tokens_between_checkpoints;
}

void KvCache::keep_checkpoint_for_others(llama_seq_id id) {
    if (forgets() && slots_[id].tokens() > last_checkpoint(id)) {
        add_checkpoint(slots_[id]);
    }
}

void KvCache::add_checkpoint(Slot & slot) {
    CellCopy state = CellCopy::of(context_, slot.id, options_.copy_bytes, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY);
    if (state.empty()) {
        return;
    }
    copy_bytes_ += state.size();
    slot.checkpoints.push_back({slot.tokens(), std::make_shared<const CellCopy>(std::move(state))});
    if (slot.checkpoints.size() > most_checkpoints) {
        drop_densest_checkpoint(slot);
    }
    drop_copies_over_limit();
}

// The one that is missed least: the next one before it is the nearest. The last one stays.
void KvCache::drop_densest_checkpoint(Slot & slot) {
    auto & all = slot.checkpoints;
    auto densest = all.begin();
    for (auto checkpoint = std::next(densest); std::next(checkpoint) != all.end(); checkpoint++) {
        const int32_t gap = checkpoint->tokens - std::prev(checkpoint)->tokens;
        const int32_t least = densest == all.begin() ? densest->tokens : densest->tokens - std::prev(densest)->tokens;
        densest = gap < least ? checkpoint : densest;
    }
    copy_bytes_ -= densest->state->size();
    all.erase(densest);
}

void KvCache::drop_oldest_checkpoint() {
    const auto age = [](const Slot & slot) { return slot.busy ? std::numeric_limits<uint64_t>::max() : slot.last_used; };
    Slot * oldest = nullptr;
    for (auto & slot : slots_) {
        if (!slot.checkpoints.empty() && (oldest == nullptr || age(slot) < age(*oldest))) {
            oldest = &slot;
        }
    }
    if (oldest == nullptr) {
        copy_bytes_ = 0;
        return;
    }
    copy_bytes_ -= oldest->checkpoints.front().state->size();
    oldest->checkpoints.erase(oldest->checkpoints.begin());
}

}  // namespace vserve
