#include "kv-cache.h"

#include <algorithm>
#include <limits>

namespace vserve {

namespace {

// Going over so many tokens again costs less than keeping another checkpoint.
constexpr int32_t tokens_between_checkpoints = 64;

}  // namespace

KvCache::KvCache(llama_context * context, Options options)
    : context_(context),
      memory_(llama_get_memory(context)),
      options_(options),
      window_(llama_model_n_swa(llama_get_model(context))),
      recurrent_(llama_model_is_recurrent(llama_get_model(context)) || llama_model_is_hybrid(llama_get_model(context))),
      free_cells_(options.cells) {
    for (llama_seq_id id = 0; id < options.slots; id++) {
        slots_.push_back({id, {}, {}, "", 0, false, 0});
    }
}

std::optional<KvCache::Placement> KvCache::place(const Prompt & prompt, const std::string & salt, int32_t cells) {
    Placement match{};
    Slot * source = best_match(prompt, salt, match);
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
        empty(*destination);
        if (source != nullptr && !source->runs.empty()) {  // making room may have emptied it
            llama_memory_seq_cp(memory_, source->id, destination->id, 0, match.n_pos);
            destination->runs = source->runs;
            destination->checkpoints = source->checkpoints;
            for (const auto & checkpoint : destination->checkpoints) {
                checkpoint_bytes_ += checkpoint.state->size();
            }
        } else {
            match = {};
        }
    }
    if (put_back(*destination, match)) {
        truncate(*destination, match);
    } else {
        empty(*destination);
        match = {};
    }
    free_cells_ += destination->cells - cells;
    destination->cells = cells;
    destination->salt = salt;
    destination->busy = true;
    drop_checkpoints_over_limit();
    match.slot = destination->id;
    return match;
}

// Makes the slot end at a place of its content. False where that cannot be: its cells are of no use then.
bool KvCache::put_back(const Slot & slot, const Placement & place) {
    if (place.state && llama_state_seq_set_data_ext(context_, place.state->data(), place.state->size(), slot.id,
                                                    LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY) == 0) {
        return false;
    }
    return llama_memory_seq_rm(memory_, slot.id, place.n_pos, -1);
}

KvCache::Slot * KvCache::best_match(const Prompt & prompt, const std::string & salt, Placement & match) {
    Slot * best = nullptr;
    if (!options_.keep_prefixes) {
        return best;
    }
    for (auto & slot : slots_) {
        if (slot.salt != salt) {
            continue;
        }
        const Placement usable = usable_prefix(slot, prompt);
        if (usable.cached_tokens > match.cached_tokens) {
            match = usable;
            best = &slot;
        }
    }
    return best;
}

// What a prompt can take of a slot: all that they have in common, or, of a model that forgets, as much of it as there is a
// checkpoint for.
KvCache::Placement KvCache::usable_prefix(const Slot & slot, const Prompt & prompt) const {
    const Placement common = common_prefix(slot, prompt, std::numeric_limits<int32_t>::max());
    if (common.cached_tokens == 0 || can_continue_at(slot, common)) {
        return common;
    }
    for (auto checkpoint = slot.checkpoints.rbegin(); checkpoint != slot.checkpoints.rend(); checkpoint++) {
        if (checkpoint->tokens <= common.cached_tokens) {
            Placement place = common_prefix(slot, prompt, checkpoint->tokens);
            place.state = checkpoint->state;
            return place;
        }
    }
    return {};
}

// How far a slot's content and a prompt agree, up to `most_tokens`: token by token, an image as a whole.
KvCache::Placement KvCache::common_prefix(const Slot & slot, const Prompt & prompt, int32_t most_tokens) {
    Placement common{};
    Placement before_last{};  // all but the last token or image of the prompt: something must be left to compute
    for (size_t i = 0; i < prompt.chunks.size() && i < slot.runs.size(); i++) {
        const Chunk & chunk = prompt.chunks[i];
        const Run & run = slot.runs[i];
        const int32_t left = most_tokens - common.cached_tokens;
        if (run.image_key != chunk.image_key || left <= 0) {
            break;
        }
        before_last = common;
        if (chunk.media == nullptr) {
            const auto mismatch = std::mismatch(chunk.tokens.begin(), chunk.tokens.end(), run.tokens.begin(), run.tokens.end());
            const auto agreed = std::min(left, static_cast<int32_t>(mismatch.first - chunk.tokens.begin()));
            common.cached_tokens += agreed;
            common.n_pos += agreed;
            if (agreed < chunk.n_tokens) {
                common.chunk_tokens = agreed;
                break;
            }
            before_last.cached_tokens += agreed - 1;
            before_last.n_pos += agreed - 1;
            before_last.chunk_tokens = agreed - 1;
        } else {
            common.cached_tokens += chunk.n_tokens;
            common.n_pos += chunk.n_pos;
        }
        common.chunk++;
        if (run.tokens.size() > chunk.tokens.size()) {
            break;
        }
    }
    return common.chunk == prompt.chunks.size() ? before_last : common;
}

// Sliding-window layers forget what is behind the window of the last token. llama.cpp keeps each sequence's positions
// without gaps from the first that is left, so that one decides. A recurrent state is that of its last token.
bool KvCache::can_continue_at(const Slot & slot, const Placement & place) const {
    if (recurrent_ && place.cached_tokens < tokens_of(slot)) {
        return false;
    }
    return window_ == 0 || llama_memory_seq_pos_min(memory_, slot.id) <= std::max(0, place.n_pos - window_);
}

void KvCache::keep_checkpoint(llama_seq_id id) {
    Slot & slot = slots_[id];
    const int32_t tokens = tokens_of(slot);
    const int32_t last = slot.checkpoints.empty() ? 0 : slot.checkpoints.back().tokens;
    if (!options_.keep_prefixes || (window_ == 0 && !recurrent_) || tokens - last < tokens_between_checkpoints) {
        return;
    }
    std::vector<uint8_t> state(llama_state_seq_get_size_ext(context_, id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY));
    if (state.size() > options_.checkpoint_bytes ||
        llama_state_seq_get_data_ext(context_, state.data(), state.size(), id, LLAMA_STATE_SEQ_FLAGS_PARTIAL_ONLY) == 0) {
        return;
    }
    checkpoint_bytes_ += state.size();
    slot.checkpoints.push_back({tokens, std::make_shared<const std::vector<uint8_t>>(std::move(state))});
    drop_checkpoints_over_limit();
}

// The first checkpoints of the slots that were used least recently go; a state that two slots share counts twice.
void KvCache::drop_checkpoints_over_limit() {
    while (checkpoint_bytes_ > options_.checkpoint_bytes) {
        Slot * oldest = nullptr;
        for (auto & slot : slots_) {
            const auto age = [](const Slot & s) { return s.busy ? std::numeric_limits<uint64_t>::max() : s.last_used; };
            if (!slot.checkpoints.empty() && (oldest == nullptr || age(slot) < age(*oldest))) {
                oldest = &slot;
            }
        }
        checkpoint_bytes_ -= oldest->checkpoints.front().state->size();
        oldest->checkpoints.erase(oldest->checkpoints.begin());
    }
}

int32_t KvCache::tokens_of(const Slot & slot) {
    int32_t tokens = 0;
    for (const auto & run : slot.runs) {
        tokens += run.n_tokens;
    }
    return tokens;
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

// Empties idle slots until `cells` fit into `destination`; changes nothing where that cannot be.
bool KvCache::make_room(int32_t cells, const Slot & destination) {
    int32_t available = free_cells_ + destination.cells;
    int32_t idle = 0;
    for (const auto & slot : slots_) {
        idle += slot.busy || &slot == &destination ? 0 : slot.cells;
    }
    if (cells > available + idle) {
        return false;
    }
    while (cells > available) {
        Slot * victim = nullptr;
        for (auto & slot : slots_) {
            if (!slot.busy && &slot != &destination && slot.cells > 0 &&
                (victim == nullptr || slot.last_used < victim->last_used)) {
                victim = &slot;
            }
        }
        available += victim->cells;
        empty(*victim);
    }
    return true;
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
    auto & runs = slots_[id].runs;
    if (runs.empty() || !runs.back().image_key.empty()) {
        runs.emplace_back();
    }
    runs.back().tokens.push_back(token);
    runs.back().n_tokens++;
    runs.back().n_pos++;
}

void KvCache::append_image(llama_seq_id id, const Chunk & chunk) {
    slots_[id].runs.push_back({{}, chunk.image_key, chunk.n_tokens, chunk.n_pos});
}

bool KvCache::take_back(llama_seq_id id, int32_t tokens, llama_pos position) {
    auto & runs = slots_[id].runs;
    if (tokens > 0) {
        Run & last = runs.back();
        last.tokens.resize(last.tokens.size() - tokens);
        last.n_tokens -= tokens;
        last.n_pos -= tokens;
        if (last.tokens.empty()) {
            runs.pop_back();
        }
    }
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
    const int32_t held = tokens_of(slot);
    free_cells_ += slot.cells - held;
    slot.cells = held;
}

void KvCache::clear_idle() {
    for (auto & slot : slots_) {
        if (!slot.busy) {
            empty(slot);
        }
    }
}

void KvCache::truncate(Slot & slot, const Placement & at) {
    while (!slot.checkpoints.empty() && slot.checkpoints.back().tokens > at.cached_tokens) {
        checkpoint_bytes_ -= slot.checkpoints.back().state->size();
        slot.checkpoints.pop_back();
    }
    slot.runs.resize(std::min(slot.runs.size(), at.chunk + (at.chunk_tokens > 0 ? 1 : 0)));
    if (at.chunk_tokens > 0) {
        Run & last = slot.runs.back();
        last.tokens.resize(at.chunk_tokens);
        last.n_tokens = at.chunk_tokens;
        last.n_pos = at.chunk_tokens;
    } else if (!slot.runs.empty() && slot.runs.back().image_key.empty()) {
        // The last run may go on past the end of the prompt's chunk.
        int32_t before = 0;
        for (size_t i = 0; i + 1 < slot.runs.size(); i++) {
            before += slot.runs[i].n_tokens;
        }
        Run & last = slot.runs.back();
        last.tokens.resize(at.cached_tokens - before);
        last.n_tokens = at.cached_tokens - before;
        last.n_pos = last.n_tokens;
    }
}

void KvCache::empty(Slot & slot) {
    llama_memory_seq_rm(memory_, slot.id, -1, -1);
    slot.runs.clear();
    for (const auto & checkpoint : slot.checkpoints) {
        checkpoint_bytes_ -= checkpoint.state->size();
    }
    slot.checkpoints.clear();
    free_cells_ += slot.cells;
    slot.cells = 0;
    slot.last_used = 0;
}

}  // namespace vserve
