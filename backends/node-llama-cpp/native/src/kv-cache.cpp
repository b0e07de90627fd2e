#include "kv-cache.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace vserve {

namespace {

// Recomputing this many tokens costs less than another checkpoint.
constexpr int32_t tokens_between_checkpoints = 64;

// Attention over this many idle cells, besides those used last, takes negligible time.
constexpr int32_t most_idle_cells = 1024;

// Larger copies would evict each other.
constexpr size_t fewest_parked = 4;

// Fewer tokens are recomputed as fast as they are copied out and back.
constexpr int32_t fewest_parked_tokens = 32;

// Empty if there is no memory for it: copies only save time.
std::vector<uint8_t> buffer_for_copy(size_t bytes) {
    try {
        return std::vector<uint8_t>(bytes);
    } catch (const std::bad_alloc &) {
        return {};
    }
}

}  // namespace

KvCache::KvCache(llama_context * context, Options options)
    : context_(context),
      memory_(llama_get_memory(context)),
      options_(options),
      window_(llama_model_n_swa(llama_get_model(context))),
      recurrent_(llama_model_is_recurrent(llama_get_model(context)) || llama_model_is_hybrid(llama_get_model(context))),
      free_cells_(options.cells) {
    for (llama_seq_id id = 0; id < options.slots; id++) {
        Slot slot;
        slot.id = id;
        slots_.push_back(std::move(slot));
    }
}

std::optional<KvCache::Placement> KvCache::place(const Prompt & prompt, const std::string & salt, int32_t cells) {
    Place match;
    Slot * source = best_match(prompt, salt, match);
    Place parked_match = match;
    const auto parked = best_parked(prompt, salt, parked_match);
    if (Slot * slot = parked == parked_.end() ? nullptr : unpark(parked, parked_match, cells)) {
        return occupy(*slot, slot->runs.empty() ? Place{} : parked_match, salt, cells);
    }
    // Continue in the matching slot where that loses little of it; else leave it, and share its beginning.
    const bool take_over = source != nullptr && !source->busy && match.cached_tokens * 2 >= source->cells;
    Slot * destination = take_over ? source : least_recently_used(source);
    if (destination == nullptr && source != nullptr && !source->busy) {
        destination = source;
    }
    if (destination == nullptr || !make_room(cells, *destination)) {
        return std::nullopt;
    }
    if (source != destination) {
        park(*destination);
        if (source != nullptr && !source->runs.empty()) {  // making room may have emptied it
            llama_memory_seq_cp(memory_, source->id, destination->id, 0, match.n_pos);
            copy_content(*source, *destination);
        } else {
            match = {};
        }
    } else if (!take_over) {
        keep_copy(*destination);
    }
    return occupy(*destination, match, salt, cells);
}

// Starts a prompt at a position of a slot's content.
std::optional<KvCache::Placement> KvCache::occupy(Slot & slot, Place place, const std::string & salt, int32_t cells) {
    if (put_back(slot, place)) {
        copy_bytes_ -= slot.checkpoint_bytes();
        slot.truncate(place);
        copy_bytes_ += slot.checkpoint_bytes();
    } else {
        empty(slot);
        place = {};
    }
    free_cells_ += slot.cells - cells;
    slot.cells = cells;
    slot.salt = salt;
    slot.busy = true;
    drop_copies_over_limit();
    return Placement{std::move(place), slot.id};
}

// Restores parked content into a slot, for a prompt that needs `cells`. The slot is empty if that failed. Null if there is
// no slot or no room at the moment.
KvCache::Slot * KvCache::unpark(std::list<Parked>::iterator parked, const Place & match, int32_t cells) {
    Slot * slot = least_recently_used(nullptr);
    const int32_t tokens = parked->tokens();
    if (slot == nullptr || std::max(cells, tokens) > free_cells_ + idle_cells(nullptr)) {
        return nullptr;
    }
    Parked taken = take(parked);  // first: what is parked for it may push out what is oldest
    make_room(std::max(cells, tokens), *slot);
    park(*slot);
    if (llama_state_seq_set_data_ext(context_, taken.state.data(), taken.state.size(), slot->id, 0) == 0) {
        llama_memory_seq_rm(memory_, slot->id, -1, -1);
        return slot;
    }
    copy_content(taken, *slot);
    if (match.cached_tokens * 2 < tokens) {
        taken.last_used = ++uses_;
        keep(std::move(taken));
    }
    return slot;
}

// Makes the slot end at a place of its content. False where that cannot be: its cells are of no use then.
bool KvCache::put_back(const Slot & slot, const Place & place) {
    if (place.state && llama_state_seq_set_data_ext(context_, place.state->data(), place.state->size(), slot.id,
                                                    LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY) == 0) {
        return false;
    }
    return llama_memory_seq_rm(memory_, slot.id, place.n_pos, -1);
}

KvCache::Slot * KvCache::best_match(const Prompt & prompt, const std::string & salt, Place & match) {
    Slot * best = nullptr;
    if (!options_.keep_prefixes) {
        return best;
    }
    for (auto & slot : slots_) {
        if (slot.salt != salt) {
            continue;
        }
        const Place usable = usable_prefix(slot, llama_memory_seq_pos_min(memory_, slot.id), prompt);
        if (usable.cached_tokens > match.cached_tokens) {
            match = usable;
            best = &slot;
        }
    }
    return best;
}

// What is parked and agrees with a prompt further than `match`, if there is any.
std::list<KvCache::Parked>::iterator KvCache::best_parked(const Prompt & prompt, const std::string & salt, Place & match) {
    auto best = parked_.end();
    for (auto parked = parked_.begin(); parked != parked_.end(); parked++) {
        if (parked->salt != salt) {
            continue;
        }
        const Place usable = usable_prefix(*parked, parked->first_position, prompt);
        if (usable.cached_tokens >= match.cached_tokens + fewest_parked_tokens) {
            match = usable;
            best = parked;
        }
    }
    return best;
}

// What a prompt can take of a content: all that they have in common, or, of a model that forgets, as much of it as there is a
// checkpoint for.
KvContent::Place KvCache::usable_prefix(const KvContent & content, llama_pos first_position, const Prompt & prompt) const {
    const Place common = content.common_prefix(prompt, std::numeric_limits<int32_t>::max());
    if (common.cached_tokens == 0 || can_continue_at(content, first_position, common)) {
        return common;
    }
    for (auto checkpoint = content.checkpoints.rbegin(); checkpoint != content.checkpoints.rend(); checkpoint++) {
        if (checkpoint->tokens <= common.cached_tokens) {
            Place place = content.common_prefix(prompt, checkpoint->tokens);
            place.state = checkpoint->state;
            return place;
        }
    }
    return {};
}

// Sliding-window layers forget what is behind the window of the last token. llama.cpp keeps each sequence's positions
// without gaps from the first that is left, so that one decides. A recurrent state is that of its last token.
bool KvCache::can_continue_at(const KvContent & content, llama_pos first_position, const Place & place) const {
    if (recurrent_ && place.cached_tokens < content.tokens()) {
        return false;
    }
    return window_ == 0 || first_position <= std::max(0, place.n_pos - window_);
}

void KvCache::keep_checkpoint(llama_seq_id id) {
    Slot & slot = slots_[id];
    const int32_t tokens = slot.tokens();
    const int32_t last = slot.checkpoints.empty() ? 0 : slot.checkpoints.back().tokens;
    if (!options_.keep_prefixes || (window_ == 0 && !recurrent_) || tokens - last < tokens_between_checkpoints) {
        return;
    }
    const size_t size = llama_state_seq_get_size_ext(context_, id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY);
    std::vector<uint8_t> state = size > options_.copy_bytes ? std::vector<uint8_t>() : buffer_for_copy(size);
    if (state.empty() ||
        llama_state_seq_get_data_ext(context_, state.data(), state.size(), id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY) == 0) {
        return;
    }
    copy_bytes_ += state.size();
    slot.checkpoints.push_back({tokens, std::make_shared<const std::vector<uint8_t>>(std::move(state))});
    drop_copies_over_limit();
}

// What was parked goes first, then the first checkpoints of the slots that were used least recently. A state that two
// share counts twice.
void KvCache::drop_copies_over_limit() {
    while (copy_bytes_ > options_.copy_bytes && !parked_.empty()) {
        take(parked_.begin());
    }
    while (copy_bytes_ > options_.copy_bytes) {
        Slot * oldest = nullptr;
        for (auto & slot : slots_) {
            const auto age = [](const Slot & s) { return s.busy ? std::numeric_limits<uint64_t>::max() : s.last_used; };
            if (!slot.checkpoints.empty() && (oldest == nullptr || age(slot) < age(*oldest))) {
                oldest = &slot;
            }
        }
        copy_bytes_ -= oldest->checkpoints.front().state->size();
        oldest->checkpoints.erase(oldest->checkpoints.begin());
    }
}

KvCache::Slot * KvCache::least_recently_used(const Slot * except) {
    Slot * oldest = nullptr;
    for (auto & slot : slots_) {
        if (!slot.busy && &slot != except && (oldest == nullptr || slot.last_used < oldest->last_used)) {
            oldest = &slot;
        }
    }
    return oldest;
}

KvCache::Slot * KvCache::least_recently_used_with_cells(const Slot * except) {
    Slot * oldest = nullptr;
    for (auto & slot : slots_) {
        if (!slot.busy && &slot != except && slot.cells > 0 && (oldest == nullptr || slot.last_used < oldest->last_used)) {
            oldest = &slot;
        }
    }
    return oldest;
}

// Parks idle slots until `cells` fit into `destination`; changes nothing where that cannot be.
bool KvCache::make_room(int32_t cells, const Slot & destination) {
    int32_t available = free_cells_ + destination.cells;
    if (cells > available + idle_cells(&destination)) {
        return false;
    }
    while (cells > available) {
        Slot * victim = least_recently_used_with_cells(&destination);
        available += victim->cells;
        park(*victim);
    }
    return true;
}

// The cells of the idle slots but for one.
int32_t KvCache::idle_cells(const Slot * except) const {
    int32_t cells = 0;
    for (const auto & slot : slots_) {
        cells += slot.busy || &slot == except ? 0 : slot.cells;
    }
    return cells;
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
    const size_t size = slot.tokens() < fewest_parked_tokens ? 0 : llama_state_seq_get_size_ext(context_, slot.id, 0);
    if (size == 0 || size > options_.copy_bytes) {
        return;
    }
    Parked parked{slot, buffer_for_copy(size), first_copied_position(slot)};
    if (!parked.state.empty() && llama_state_seq_get_data_ext(context_, parked.state.data(), size, slot.id, 0) == size) {
        keep(std::move(parked));
    }
}

// llama.cpp copies of a sliding-window layer only what the window before the next token covers, not what is left besides.
llama_pos KvCache::first_copied_position(const Slot & slot) const {
    const llama_pos first = llama_memory_seq_pos_min(memory_, slot.id);
    return window_ == 0 ? first : std::max(first, llama_memory_seq_pos_max(memory_, slot.id) + 1 - window_);
}

void KvCache::keep(Parked parked) {
    copy_bytes_ += parked.state.size() + parked.checkpoint_bytes();
    const auto younger = std::find_if(parked_.begin(), parked_.end(),
                                      [&parked](const auto & other) { return other.last_used > parked.last_used; });
    parked_.insert(younger, std::move(parked));
}

KvCache::Parked KvCache::take(std::list<Parked>::iterator parked) {
    Parked taken = std::move(*parked);
    parked_.erase(parked);
    copy_bytes_ -= taken.state.size() + taken.checkpoint_bytes();
    return taken;
}

// The slot is empty.
void KvCache::copy_content(const KvContent & from, Slot & to) {
    to.runs = from.runs;
    to.checkpoints = from.checkpoints;
    copy_bytes_ += to.checkpoint_bytes();
}

bool KvCache::grow(llama_seq_id id, int32_t cells) {
    Slot & slot = slots_[id];
    if (cells <= slot.cells) {
        return true;
    }
    if (!make_room(cells, slot)) {
        return false;
    }
    free_cells_ -= cells - slot.cells;
    slot.cells = cells;
    return true;
}

void KvCache::append_token(llama_seq_id id, llama_token token) {
    slots_[id].append_token(token);
}

void KvCache::append_image(llama_seq_id id, const Chunk & chunk) {
    slots_[id].append_image(chunk);
}

bool KvCache::take_back(llama_seq_id id, int32_t tokens, llama_pos position) {
    slots_[id].drop_tokens(tokens);
    return llama_memory_seq_rm(memory_, id, position, -1);
}

void KvCache::release(llama_seq_id id, bool keep) {
    Slot & slot = slots_[id];
    slot.busy = false;
    slot.last_used = ++uses_;
    if (!keep || !options_.keep_prefixes) {
        empty(slot);
        return;
    }
    const int32_t held = slot.tokens();
    free_cells_ += slot.cells - held;
    slot.cells = held;
    park_most_idle(slot);
}

void KvCache::clear_idle() {
    while (!parked_.empty()) {
        take(parked_.begin());
    }
    for (auto & slot : slots_) {
        if (!slot.busy) {
            empty(slot);
        }
    }
}

void KvCache::empty(Slot & slot) {
    llama_memory_seq_rm(memory_, slot.id, -1, -1);
    slot.runs.clear();
    copy_bytes_ -= slot.checkpoint_bytes();
    slot.checkpoints.clear();
    free_cells_ += slot.cells;
    slot.cells = 0;
    slot.last_used = 0;
}

}  // namespace vserve
