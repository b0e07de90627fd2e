#include "kv-cache.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace vserve {

namespace {

// Fewer tokens are computed as fast as they are copied from one slot to another. Most chat templates begin every prompt with
// a few tokens.
constexpr int32_t fewest_shared_tokens = 16;

// To compute a token takes at least as long as to copy so many out and in.
constexpr int64_t copies_a_token_on_cpu = 32;
constexpr int64_t copies_a_token_on_gpu = 8;

}  // namespace

KvCache::KvCache(llama_context * context, Options options)
    : context_(context),
      memory_(llama_get_memory(context)),
      options_(options),
      window_(llama_model_n_swa(llama_get_model(context))),
      recurrent_(llama_model_is_recurrent(llama_get_model(context)) || llama_model_is_hybrid(llama_get_model(context))),
      model_bytes_(llama_model_size(llama_get_model(context))),
      free_cells_(options.cells) {
    for (llama_seq_id id = 0; id < options.slots; id++) {
        Slot slot;
        slot.id = id;
        slots_.push_back(std::move(slot));
    }
}

std::optional<KvCache::Placement> KvCache::place(const Wanted & wanted) {
    const int32_t cells = wanted.cells;
    Place match;
    Slot * source = best_match(wanted, match);
    Place parked_match = match;
    const auto parked = best_parked(wanted, parked_match);
    if (Slot * slot = parked == parked_.end() ? nullptr : unpark(parked, parked_match, cells)) {
        return occupy(*slot, slot->runs.empty() ? Place{} : parked_match, wanted);
    }
    // Continue in the matching slot where that loses little of it, or a copy would serve less; else leave it, and share its
    // beginning.
    const Place copied = source == nullptr ? Place{} : place_in_copy(*source, wanted);
    const bool loses_little = source != nullptr && match.cached_tokens * 2 >= source->tokens();
    const bool take_over = source != nullptr && !source->busy &&
                           (loses_little || match.cached_tokens - copied.cached_tokens >= fewest_parked_tokens);
    Slot * destination = take_over ? source : idle_slot(source);
    if (destination == nullptr && source != nullptr && !source->busy) {
        destination = source;
    }
    if (destination == nullptr || !has_room(cells, *destination)) {
        return std::nullopt;
    }
    if (destination == source) {
        if (!loses_little) {
            keep_copy(*destination);
        }
        make_room(cells, *destination);
        return occupy(*destination, match, wanted);
    }
    std::optional<Parked> shared = copied.cached_tokens > 0 ? copy_of(*source) : std::nullopt;
    if (shared && !has_room(std::max(cells, shared->tokens()), *destination)) {
        shared.reset();
    }
    make_room(shared ? std::max(cells, shared->tokens()) : cells, *destination);
    park(*destination);
    return occupy(*destination, shared && restore(*shared, *destination) ? copied : Place{}, wanted);
}

// Starts a prompt at a position of a slot's content.
std::optional<KvCache::Placement> KvCache::occupy(Slot & slot, Place place, const Wanted & wanted) {
    if (put_back(slot, place)) {
        copy_bytes_ -= slot.checkpoint_bytes();
        slot.truncate(place);
        copy_bytes_ += slot.checkpoint_bytes();
    } else {
        empty(slot);
        place = {};
    }
    count_cells(slot, wanted.cells);
    slot.salt = wanted.salt;
    slot.request = wanted.request;
    slot.busy = true;
    drop_copies_over_limit();
    return Placement{std::move(place), slot.id};
}

// What a prompt can take of a copy of a slot: nothing if the tokens are computed as fast as the slot is copied. Where nothing
// is left to compute, a step is saved too.
KvCache::Place KvCache::place_in_copy(const Slot & source, const Wanted & wanted) const {
    Place place = usable_prefix(source, first_copied_position(source), wanted);
    const bool saves_step = place.chunk == wanted.prompt.chunks.size();
    const int32_t saved = place.cached_tokens + (saves_step ? fewest_shared_tokens : 0);
    const int64_t gain = options_.on_gpu ? copies_a_token_on_gpu : copies_a_token_on_cpu;
    return saved < fewest_shared_tokens || saved * gain < source.tokens() ? Place{} : place;
}

// Makes the slot end at a place of its content. False where that cannot be: its cells are of no use then.
bool KvCache::put_back(const Slot & slot, const Place & place) {
    return (place.state == nullptr || place.state->put(context_, slot.id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY)) &&
           llama_memory_seq_rm(memory_, slot.id, place.n_pos, -1);
}

bool KvCache::may_share(const Slot & slot, const Wanted & wanted) const {
    return !slot.torn && (options_.keep_prefixes ? slot.salt == wanted.salt : slot.request == wanted.request);
}

KvCache::Slot * KvCache::best_match(const Wanted & wanted, Place & match) {
    Slot * best = nullptr;
    for (auto & slot : slots_) {
        if (!may_share(slot, wanted)) {
            continue;
        }
        const Place usable = usable_prefix(slot, llama_memory_seq_pos_min(memory_, slot.id), wanted);
        if (usable.cached_tokens > match.cached_tokens) {
            match = usable;
            best = &slot;
        }
    }
    return best;
}

// What is parked and agrees with a prompt further than `match`, if there is any.
KvCache::ParkedList::iterator KvCache::best_parked(const Wanted & wanted, Place & match) {
    auto best = parked_.end();
    for (auto parked = parked_.begin(); parked != parked_.end(); parked++) {
        if (parked->salt != wanted.salt) {
            continue;
        }
        const Place usable = usable_prefix(*parked, parked->first_position, wanted);
        if (usable.cached_tokens >= match.cached_tokens + fewest_parked_tokens) {
            match = usable;
            best = parked;
        }
    }
    return best;
}

// What a prompt can take of a content: all that they have in common, or, of a model that forgets, as much of it as there is a
// checkpoint for.
KvContent::Place KvCache::usable_prefix(const KvContent & content, llama_pos first_position, const Wanted & wanted) const {
    const auto common_up_to = [&](int32_t tokens) { return content.common_prefix(wanted.prompt, wanted.whole, tokens); };
    const Place common = common_up_to(std::numeric_limits<int32_t>::max());
    if (common.cached_tokens == 0 || can_continue_at(content, first_position, common)) {
        return common;
    }
    for (auto checkpoint = content.checkpoints.rbegin(); checkpoint != content.checkpoints.rend(); checkpoint++) {
        if (checkpoint->tokens <= common.cached_tokens) {
            Place place = common_up_to(checkpoint->tokens);
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

// The idle slot that is missed least: an empty one, or the least recently used.
KvCache::Slot * KvCache::idle_slot(const Slot * except) {
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

// Whether `cells` fit into `destination`, once other idle slots are parked.
bool KvCache::has_room(int32_t cells, const Slot & destination) const {
    return cells <= (options_.separate ? options_.cells : free_cells_ + destination.cells + idle_cells(&destination));
}

// Parks idle slots until `cells` fit into `destination`; changes nothing where that cannot be.
bool KvCache::make_room(int32_t cells, const Slot & destination) {
    if (!has_room(cells, destination)) {
        return false;
    }
    while (!options_.separate && cells > free_cells_ + destination.cells) {
        Slot * victim = least_recently_used_with_cells(&destination);
        park(*victim);
    }
    return true;
}

void KvCache::count_cells(Slot & slot, int32_t cells) {
    if (!options_.separate) {
        free_cells_ += slot.cells - cells;
        slot.cells = cells;
    }
}

// The cells of the idle slots but for one.
int32_t KvCache::idle_cells(const Slot * except) const {
    int32_t cells = 0;
    for (const auto & slot : slots_) {
        cells += slot.busy || &slot == except ? 0 : slot.cells;
    }
    return cells;
}

bool KvCache::grow(llama_seq_id id, int32_t cells) {
    Slot & slot = slots_[id];
    if (!options_.separate && cells <= slot.cells) {
        return true;
    }
    if (!make_room(cells, slot)) {
        return false;
    }
    count_cells(slot, cells);
    return true;
}

int64_t KvCache::tokens() const {
    return std::accumulate(slots_.begin(), slots_.end(), int64_t{0},
                           [](int64_t sum, const Slot & slot) { return sum + slot.tokens(); });
}

void KvCache::append_token(llama_seq_id id, llama_token token) {
    slots_[id].append_token(token);
}

void KvCache::append_image(llama_seq_id id, const Chunk & chunk) {
    slots_[id].append_image(chunk);
}

void KvCache::take_back(llama_seq_id id, int32_t tokens, llama_pos position) {
    slots_[id].drop_tokens(tokens);
    slots_[id].torn = !llama_memory_seq_rm(memory_, id, position, -1);
}

void KvCache::lose_states() {
    for (auto & slot : slots_) {
        if (slot.busy) {
            slot.torn = true;
        } else {
            empty(slot);
        }
    }
    llama_memory_clear(memory_, false);  // llama.cpp believes that it has zeroed the states between that nobody has
}

void KvCache::release(llama_seq_id id, bool keep, bool awaited) {
    Slot & slot = slots_[id];
    slot.busy = false;
    slot.last_used = ++uses_;
    releases_++;
    if (!options_.keep_prefixes && !awaited) {
        empty_idle_of(slot.request);
        return;
    }
    if (!keep || slot.torn) {
        empty(slot);
        return;
    }
    count_cells(slot, slot.tokens());
    if (!options_.separate && !options_.on_gpu) {
        park_most_idle(slot);
    }
}

bool KvCache::empty_idle() {
    bool had_any = false;
    for (auto & slot : slots_) {
        if (!slot.busy && !slot.runs.empty()) {
            park(slot);
            had_any = true;
        }
    }
    return had_any;
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

void KvCache::forget(const std::string & salt_prefix) {
    const auto is_meant = [&](const KvContent & content) { return content.salt.rfind(salt_prefix, 0) == 0; };
    for (auto parked = parked_.begin(); parked != parked_.end();) {
        const auto next = std::next(parked);
        if (is_meant(*parked)) {
            take(parked);
        }
        parked = next;
    }
    for (auto & slot : slots_) {
        if (!slot.busy && !slot.runs.empty() && is_meant(slot)) {
            empty(slot);
        }
    }
}

void KvCache::empty(Slot & slot) {
    llama_memory_seq_rm(memory_, slot.id, -1, -1);
    slot.runs.clear();
    copy_bytes_ -= slot.checkpoint_bytes();
    slot.checkpoints.clear();
    count_cells(slot, 0);
    slot.last_used = 0;
    slot.torn = false;
}

void KvCache::empty_idle_of(uint64_t request) {
    for (auto & slot : slots_) {
        if (!slot.busy && slot.request == request) {
            empty(slot);
        }
    }
}

}  // namespace vserve
