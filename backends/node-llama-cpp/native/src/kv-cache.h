#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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
    struct Placement {
        llama_seq_id slot;
        size_t chunk;          // of the prompt
        int32_t chunk_tokens;  // of that chunk
        llama_pos n_pos;
        int32_t cached_tokens;
        std::shared_ptr<const std::vector<uint8_t>> state;  // to be put back first, of a model that forgets
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
    // Text tokens, or one image chunk.
    struct Run {
        std::vector<llama_token> tokens;
        std::string image_key;  // empty for text
        int32_t n_tokens = 0;
        llama_pos n_pos = 0;
    };

    // A place in a slot's content, after this many of its tokens, with the state of the layers that forget.
    struct Checkpoint {
        int32_t tokens;
        std::shared_ptr<const std::vector<uint8_t>> state;
    };

    // What a sequence computed: serves the prompts of the same tenant that begin the same way.
    struct Content {
        std::vector<Run> runs;
        std::vector<Checkpoint> checkpoints;
        std::string salt;
        uint64_t last_used = 0;
    };

    struct Slot : Content {
        llama_seq_id id;
        int32_t cells = 0;
        bool busy = false;
    };

    // What was in a slot, with a copy of its cells.
    struct Parked : Content {
        std::vector<uint8_t> state;
        llama_pos first_position;  // of the cells that were left
    };

    static Placement common_prefix(const Content & content, const Prompt & prompt, int32_t most_tokens);
    Placement usable_prefix(const Content & content, llama_pos first_position, const Prompt & prompt) const;
    bool can_continue_at(const Content & content, llama_pos first_position, const Placement & place) const;
    bool put_back(const Slot & slot, const Placement & place);
    void drop_copies_over_limit();
    static int32_t tokens_of(const Content & content);
    Slot * best_match(const Prompt & prompt, const std::string & salt, Placement & match);
    std::list<Parked>::iterator best_parked(const Prompt & prompt, const std::string & salt, Placement & match);
    Slot * unpark(std::list<Parked>::iterator parked, const Placement & match, int32_t cells);
    std::optional<Placement> occupy(Slot & slot, Placement place, const std::string & salt, int32_t cells);
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
    static size_t bytes_of(const std::vector<Checkpoint> & checkpoints);
    void copy_content(const Content & from, Slot & to);
    void truncate(Slot & slot, const Placement & at);
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
