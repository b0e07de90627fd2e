#include "slot-order.h"

#include <algorithm>

namespace vserve {

namespace {

// Where the wanted slots are `count` ones from `first` on.
SlotOrder order_from(const std::vector<SlotLoad> & slots, size_t first, size_t count) {
    std::vector<llama_seq_id> outside;
    std::vector<llama_seq_id> holes;
    SlotOrder order;
    for (size_t i = 0; i < slots.size(); i++) {
        const bool inside = i >= first && i < first + count;
        if (slots[i].wanted != inside) {
            (inside ? holes : outside).push_back(static_cast<llama_seq_id>(i));
            order.tokens += slots[i].tokens;
        }
    }
    for (size_t i = 0; i < holes.size(); i++) {
        order.exchanges.emplace_back(outside[i], holes[i]);
    }
    return order;
}

}  // namespace

int32_t wanted_runs(const std::vector<SlotLoad> & slots) {
    int32_t runs = 0;
    for (size_t i = 0; i < slots.size(); i++) {
        runs += slots[i].wanted && (i == 0 || !slots[i - 1].wanted) ? 1 : 0;
    }
    return runs;
}

SlotOrder side_by_side(const std::vector<SlotLoad> & slots) {
    const auto count =
        static_cast<size_t>(std::count_if(slots.begin(), slots.end(), [](const auto & slot) { return slot.wanted; }));
    SlotOrder best = order_from(slots, 0, count);
    for (size_t first = 1; first + count <= slots.size(); first++) {
        SlotOrder order = order_from(slots, first, count);
        const auto is_cheaper = [](const SlotOrder & a, const SlotOrder & b) {
            return a.tokens != b.tokens ? a.tokens < b.tokens : a.exchanges.size() < b.exchanges.size();
        };
        if (is_cheaper(order, best)) {
            best = std::move(order);
        }
    }
    return best;
}

}  // namespace vserve
