#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cell-copy.h"
#include "kv-content.h"
#include "llama.h"
#include "prompt.h"
#include "slot-order.h"

namespace vserve {

// Tracks who uses which KV cells of the context, and what they contain. For the engine thread only.
//
// A running sequence has a slot (a sequence id of llama.cpp). Afterwards the slot keeps its cells for the next prompt with
// the same beginning.
//
// Layouts. Where memory allows, each slot has cells of its own: llama.cpp then computes each sequence's attention over its
// own cells alone. It decodes adjacent slots together, and reads the weights once for each such group: side_by_side() closes
// gaps. Else all slots share the cells; the idle ones cost time then, so the least recently used are emptied when there are
// many, and running sequences may run out of cells.
//
// No cell ever belongs to two slots. To share a prefix, to move a slot, and to keep what a slot must give up ("parked"),
// there is one means: a copy in ordinary memory. So the counts are exact, and a slot never holds more of a sliding window
// than llama.cpp reserves for it: what one sequence does takes no room from another.
//
// Copies only save time. Each may fail, and then the tokens are computed.
//
// Models with sliding-window layers or a recurrent state forget: they cannot resume at an earlier position. For those, each
// slot has checkpoints: copies of the state at some positions.
class KvCache {
  public:
    struct Options {
        int32_t cells;       // of each slot if they are separate; else of all together
        int32_t slots;
        bool separate;       // each slot has cells of its own
        bool on_gpu;         // attention over idle cells is cheap there, and copies are not
        bool keep_prefixes;  // false: a slot is emptied when its sequence ends
        size_t copy_bytes;   // limit for parked content and checkpoints
    };

    // What a sequence needs a slot for.
    struct Wanted {
        const Prompt & prompt;
        const std::string & salt;  // separates tenants
        uint64_t request;
        int32_t cells;
        bool whole;  // it has a use for all of the prompt: else the last token or image is left to compute
    };

    // Where a sequence starts: everything before is in the cache.
    struct Placement : KvContent::Place {
        llama_seq_id slot;
    };

    KvCache(llama_context * context, Options options);

    // Assigns a slot, with the longest cached prefix of the prompt in it. Empty if there is no room before the next
    // release().
    std::optional<Placement> place(const Wanted & wanted);

    // Grows a slot to `cells` cells; false if there is no room.
    bool grow(llama_seq_id slot, int32_t cells);

    // Records what a batch adds to a slot.
    void append_token(llama_seq_id slot, llama_token token);
    void append_image(llama_seq_id slot, const Chunk & chunk);

    // Whether the cells of a busy slot differ from what was appended: nobody may use them then.
    void set_torn(llama_seq_id slot, bool torn) { slots_[slot].torn = torn; }
    bool is_torn(llama_seq_id slot) const { return slots_[slot].torn; }

    // For models that forget: adds a checkpoint at the current position, if the last one is far enough behind.
    void keep_checkpoint(llama_seq_id slot);
    // Whether it would after this many tokens.
    bool is_checkpoint_due(llama_seq_id slot, int32_t tokens) const;
    // Likewise, however near the last one is: others will go on from there.
    void keep_checkpoint_for_others(llama_seq_id slot);
    // Tokens before the last checkpoint of a slot; 0 without.
    int32_t last_checkpoint(llama_seq_id slot) const;
    bool forgets() const { return window_ > 0 || recurrent_; }

    // Reverts an aborted batch: `tokens` tokens, and every cell from `position` on. The slot is torn if that fails.
    void take_back(llama_seq_id slot, int32_t tokens, llama_pos position);
    // Whether a batch of so many slots that is not computed to its end costs others their content. llama.cpp brings the
    // recurrent states of a batch side by side, in exchange with those in between: at once on paper, but each layer's states
    // when it is computed.
    bool moves_states_for(size_t slots) const { return recurrent_ && slots > 1; }
    // Behind such a batch: tears the busy slots, and empties the idle ones.
    void lose_states();

    // Releases a slot. `keep`: its cells may be reused. `awaited`: other answers to its request have yet to start, and reuse
    // them even if no other request may.
    void release(llama_seq_id slot, bool keep, bool awaited);
    // Of all slots, busy and idle. What two of them have in common counts twice.
    int64_t tokens() const;
    // Of parked content and checkpoints: memory outside of the context.
    size_t copied_bytes() const { return copy_bytes_; }
    // How many slots were released so far.
    uint64_t releases() const { return releases_; }

    // Brings busy slots side by side where that saves more than it costs. Returns the pairs of slots that changed places.
    std::vector<std::pair<llama_seq_id, llama_seq_id>> bring_together(const std::vector<llama_seq_id> & slots);

    // Parks the content of all idle slots. Returns whether there was any.
    bool empty_idle();
    // Frees the memory of all copies.
    void drop_copies();
    // Empties all idle slots and drops parked content.
    void clear_idle();
    // The same for what has a salt that begins like this: no prompt will have it any more.
    void forget(const std::string & salt_prefix);

  private:
    using Place = KvContent::Place;

    // Fewer are recomputed as fast as they are copied out and back.
    static constexpr int32_t fewest_parked_tokens = 32;

    struct Slot : KvContent {
        llama_seq_id id;
        int32_t cells = 0;  // counted only where they are shared
        bool busy = false;
        bool torn = false;
    };

    // The content of a slot, with a copy of its cells.
    struct Parked : KvContent {
        CellCopy copy;
        llama_pos first_position;  // of the copied cells
    };
    using ParkedList = std::list<Parked>;

    Place usable_prefix(const KvContent & content, llama_pos first_position, const Wanted & wanted) const;
    bool can_continue_at(const KvContent & content, llama_pos first_position, const Place & place) const;
    bool put_back(const Slot & slot, const Place & place);
    void drop_copies_over_limit();
    void drop_oldest_checkpoint();
    bool may_share(const Slot & slot, const Wanted & wanted) const;
    Slot * best_match(const Wanted & wanted, Place & match);
    ParkedList::iterator best_parked(const Wanted & wanted, Place & match);
    Slot * unpark(ParkedList::iterator parked, const Place & match, int32_t cells);
    Place place_in_copy(const Slot & source, const Wanted & wanted) const;
    bool restore(const Parked & parked, Slot & slot);
    std::optional<Placement> occupy(Slot & slot, Place place, const Wanted & wanted);
    void add_checkpoint(Slot & slot);
    void drop_densest_checkpoint(Slot & slot);
    Slot * idle_slot(const Slot * except);
    Slot * least_recently_used_with_cells(const Slot * except);
    int32_t idle_cells(const Slot * except) const;
    bool has_room(int32_t cells, const Slot & destination) const;
    bool make_room(int32_t cells, const Slot & destination);
    void count_cells(Slot & slot, int32_t cells);
    void park_most_idle(const Slot & except);
    void park(Slot & slot);
    void keep_copy(const Slot & slot);
    std::optional<Parked> copy_of(const Slot & slot) const;
    llama_pos first_copied_position(const Slot & slot) const;
    void keep(Parked parked);
    Parked take(ParkedList::iterator parked);
    bool exchange(Slot & a, Slot & b);
    bool is_worthwhile(const SlotOrder & order, int32_t runs);
    void empty(Slot & slot);
    void empty_idle_of(uint64_t request);

    llama_context * context_;
    llama_memory_t memory_;
    Options options_;
    int32_t window_;   // of sliding-window attention; 0: none
    bool recurrent_;   // wholly or partly
    size_t model_bytes_;
    size_t copy_bytes_ = 0;
    std::vector<Slot> slots_;
    ParkedList parked_;  // the least recently used first
    int32_t free_cells_;  // where they are shared
    uint64_t uses_ = 0;
    uint64_t releases_ = 0;
};

}  // namespace vserve
