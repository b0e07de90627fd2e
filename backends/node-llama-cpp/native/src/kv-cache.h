#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv-content.h"
#include "llama.h"
#include "prompt.h"

namespace vserve {

// Tracks who uses which KV cells of the context, and what they contain.
//
// A running sequence has a slot (a sequence id of llama.cpp). Afterwards the slot keeps its cells for the next prompt with
// the same beginning, which continues there or shares the cells of the common prefix. The counts are upper bounds: cells
// shared by two slots are counted twice. For the engine thread only.
//
// Attention covers all cells in use, so idle ones slow down every sequence. The least recently used idle slots are emptied
// when there are many idle cells, or when cells or slots run short. Their content is parked: copied to ordinary memory, and
// restored for a prompt with the same beginning.
//
// Models with sliding-window layers or a recurrent state forget: they cannot resume at an earlier position. For those, each
// slot has checkpoints: copies of the state at some positions.
class KvCache {
  public:
    struct Options {
        int32_t cells;
        int32_t slots;
        bool keep_prefixes;  // false: a slot is emptied when its sequence ends
        size_t copy_bytes;   // limit for parked content and checkpoints
    };

    // Where a sequence starts: everything before is in the cache.
    struct Placement : KvContent::Place {
        llama_seq_id slot;
    };

    KvCache(llama_context * context, Options options);

    // Assigns a slot with `cells` cells, including the cached prefix of the prompt (at most all but the last token).
    // `salt` separates tenants. Empty if there is no room at the moment.
    std::optional<Placement> place(const Prompt & prompt, const std::string & salt, int32_t cells);

    // Grows a slot to `cells` cells; false if there is no room.
    bool grow(llama_seq_id slot, int32_t cells);

    // Records what a batch adds to a slot.
    void append_token(llama_seq_id slot, llama_token token);
    void append_image(llama_seq_id slot, const Chunk & chunk);

    // Adds a checkpoint at the current position if the model forgets and the last one is far enough behind.
    void keep_checkpoint(llama_seq_id slot);

    // Reverts an aborted batch: `tokens` tokens, and every cell from `position` on. Returns whether the slot matches its
    // recorded content again.
    bool take_back(llama_seq_id slot, int32_t tokens, llama_pos position);

    // Releases a slot. `keep`: its cells match what was appended and may be reused.
    void release(llama_seq_id slot, bool keep);

    // Empties all idle slots and drops parked content.
    void clear_idle();

  private:
    using Place = KvContent::Place;

    struct Slot : KvContent {
        llama_seq_id id;
        int32_t cells = 0;
        bool busy = false;
    };

    // The content of a slot, with a copy of its cells.
    struct Parked : KvContent {
        std::vector<uint8_t> state;
        llama_pos first_position;  // of the copied cells
    };

    Place usable_prefix(const KvContent & content, llama_pos first_position, const Prompt & prompt) const;
    bool can_continue_at(const KvContent & content, llama_pos first_position, const Place & place) const;
    bool put_back(const Slot & slot, const Place & place);
    void drop_copies_over_limit();
    Slot * best_match(const Prompt & prompt, const std::string & salt, Place & match);
    std::list<Parked>::iterator best_parked(const Prompt & prompt, const std::string & salt, Place & match);
    Slot * unpark(std::list<Parked>::iterator parked, const Place & match, int32_t cells);
    std::optional<Placement> occupy(Slot & slot, Place place, const std::string & salt, int32_t cells);
    Slot * least_recently_used(const Slot * except);
    Slot * least_recently_used_with_cells(const Slot * except);
    int32_t idle_cells(const Slot * except) const;
    bool make_room(int32_t cells, const Slot & destination);
    void park_most_idle(const Slot & except);
    void park(Slot & slot);
    void keep_copy(const Slot & slot);
    llama_pos first_copied_position(const Slot & slot) const;
    void keep(Parked parked);
    Parked take(std::list<Parked>::iterator parked);
    void copy_content(const KvContent & from, Slot & to);
    void empty(Slot & slot);

    llama_context * context_;
    llama_memory_t memory_;
    Options options_;
    int32_t window_;   // of sliding-window attention; 0: none
    bool recurrent_;   // wholly or partly
    size_t copy_bytes_ = 0;
    std::vector<Slot> slots_;
    std::list<Parked> parked_;  // the least recently used first
    int32_t free_cells_;
    uint64_t uses_ = 0;
};

}  // namespace vserve
