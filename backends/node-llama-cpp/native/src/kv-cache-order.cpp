// The part of the cache that brings the slots of running sequences side by side.

#include "kv-cache.h"

#include <algorithm>
#include <utility>

namespace vserve {

namespace {

// How many bytes of weights are read while one byte is copied out and in.
constexpr double reads_a_copy_on_cpu = 4;
constexpr double reads_a_copy_on_gpu = 400;

// Sequences that are brought side by side stay so for at least about so many steps.
constexpr double steps_together = 16;

}  // namespace

std::vector<std::pair<llama_seq_id, llama_seq_id>> KvCache::bring_together(const std::vector<llama_seq_id> & slots) {
    std::vector<SlotLoad> loads(slots_.size());
    for (const llama_seq_id id : slots) {
        loads[id].wanted = true;
    }
    const int32_t runs = wanted_runs(loads);
    if (!options_.separate || runs < 2) {
        return {};
    }
    for (size_t i = 0; i < slots_.size(); i++) {
        loads[i].tokens = slots_[i].tokens();
    }
    const SlotOrder order = side_by_side(loads);
    if (!is_worthwhile(order, runs)) {
        return {};
    }
    std::vector<std::pair<llama_seq_id, llama_seq_id>> exchanged;
    for (const auto & [a, b] : order.exchanges) {
        if (exchange(slots_[a], slots_[b])) {
            exchanged.emplace_back(a, b);
        }
    }
    return exchanged;
}

// Each run more costs a pass over the weights in every step.
bool KvCache::is_worthwhile(const SlotOrder & order, int32_t runs) {
    const auto longest = std::max_element(slots_.begin(), slots_.end(),
                                          [](const Slot & a, const Slot & b) { return a.tokens() < b.tokens(); });
    const double bytes = static_cast<double>(llama_state_seq_get_size_ext(context_, longest->id, 0)) *
                         static_cast<double>(order.tokens) / std::max(1, longest->tokens());
    const double reads = options_.on_gpu ? reads_a_copy_on_gpu : reads_a_copy_on_cpu;
    return bytes * reads <= static_cast<double>(model_bytes_) * (runs - 1) * steps_together;
}

// Two slots of separate cells change places. False if one of them cannot be copied: nothing has changed then.
bool KvCache::exchange(Slot & a, Slot & b) {
    const auto has_cells = [this](const Slot & slot) { return llama_memory_seq_pos_max(memory_, slot.id) >= 0; };
    CellCopy of_a = CellCopy::of(context_, a.id);
    CellCopy of_b = CellCopy::of(context_, b.id);
    if ((has_cells(a) && of_a.empty()) || (has_cells(b) && of_b.empty())) {
        return false;
    }
    const auto fill = [this](Slot & slot, const CellCopy & copy) {
        if (copy.empty()) {
            llama_memory_seq_rm(memory_, slot.id, -1, -1);
        }
        return copy.empty() || copy.put(context_, slot.id);
    };
    std::swap(a, b);
    std::swap(a.id, b.id);
    // What cannot be put in place is lost: a sequence is computed again then.
    const bool filled_a = fill(a, of_b);
    const bool filled_b = fill(b, of_a);
    a.torn = a.torn || !filled_a;
    b.torn = b.torn || !filled_b;
    for (Slot * slot : {&a, &b}) {
        if (slot->torn && !slot->busy) {
            empty(*slot);
        }
    }
    return true;
}

}  // namespace vserve
