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

// Who has which part of the context's KV cells, and what is in them.
//
// A sequence has a slot (a sequence id of llama.cpp's) while it runs. Afterwards the slot keeps its cells, and serves the
// next prompt that begins the same way: it continues there, or shares the cells of the common beginning. The counts are
// upper bounds: cells that two slots share are counted for each. For the engine thread only.
//
// Attention goes over all cells in use, whoever has them, so idle ones slow down everybody. The least recently used
// idle slots are emptied when there are many idle cells, or when cells or slots are short; what was in them is parked: a
// copy in ordinary memory, which is put back into a slot for a prompt that begins the same way.
//
// Models with sliding-window layers or a recurrent state forget: they cannot go on from a place that lies behind. Of
// those, copies of what will be forgotten are kept for some places of each slot: its checkpoints.
class KvCache {
  public:
    struct Options {
        int32_t cells;
        int32_t slots;
        bool keep_prefixes;  // false: a slot is emptied for good when its sequence ends
        size_t copy_bytes;   // of what is parked, and of checkpoints
    };

    // Where a sequence begins: everything before is in the cache.
    struct Placement : KvContent::Place {
        llama_seq_id slot;
    };

    KvCache(llama_context * context, Options options);

    // Gives a prompt a slot with `cells` cells, and what is cached of its beginning (all but the last token at most).
    // `salt` keeps prompts of different tenants apart. Empty where there is no room now.
    std::optional<Placement> place(const Prompt & prompt, const std::string & salt, int32_t cells);

    // Raises a slot's cells to `cells`; false where they are not to be had.
    bool grow(llama_seq_id slot, int32_t cells);

    // Says what a batch adds to a slot.
    void append_token(llama_seq_id slot, llama_token token);
    void append_image(llama_seq_id slot, const Chunk & chunk);

    // Makes a place to come back to, where a slot is now, if the model forgets and the last such place is some way off.
    void keep_checkpoint(llama_seq_id slot);

    // Undoes what a batch that was aborted added: its `tokens` tokens, and every cell from `position` on. Returns whether
    // the slot holds again just what was appended.
    bool take_back(llama_seq_id slot, int32_t tokens, llama_pos position);

    // Ends a slot's use. `keep`: its cells hold just what was appended, and may serve again.
    void release(llama_seq_id slot, bool keep);

    // Empties every slot that is not in use, and forgets what is parked.
    void clear_idle();

  private:
    using Place = KvContent::Place;

    struct Slot : KvContent {
        llama_seq_id id;
        int32_t cells = 0;
        bool busy = false;
    };

    // What was in a slot, with a copy of its cells.
    struct Parked : KvContent {
        std::vector<uint8_t> state;
        llama_pos first_position;  // of the cells that were left
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
    int32_t window_;   // of sliding-window attention; 0 where there is none
    bool recurrent_;   // wholly or partly
    size_t copy_bytes_ = 0;
    std::vector<Slot> slots_;
    std::list<Parked> parked_;  // the least recently used first
    int32_t free_cells_;
    uint64_t uses_ = 0;
};

}  // namespace vserve
