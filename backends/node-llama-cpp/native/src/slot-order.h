#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "llama.h"

namespace vserve {

// What moving a slot's content would cost, and whether the slot is among those to stand side by side.
struct SlotLoad {
    bool wanted = false;
    int32_t tokens = 0;
};

// In how many runs of adjacent slots the wanted ones stand.
int32_t wanted_runs(const std::vector<SlotLoad> & slots);

struct SlotOrder {
    std::vector<std::pair<llama_seq_id, llama_seq_id>> exchanges;
    int64_t tokens = 0;  // to be copied
};

// The exchanges of contents that bring the wanted slots side by side, with the fewest tokens to copy.
SlotOrder side_by_side(const std::vector<SlotLoad> & slots);

}  // namespace vserve
