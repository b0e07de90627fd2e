#include "kv-cache.h"

#include <algorithm>

namespace vserve {

KvCache::KvCache(llama_context * context, Options options)
    : memory_(llama_get_memory(context)),
      options_(options),
      window_(llama_model_n_swa(llama_get_model(context))),
      free_cells_(options.cells) {
    for (llama_seq_id id = 0; id < options.slots; id++) {
        slots_.push_back({id, {}, "", 0, false, 0});
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
            truncate(*destination, match);
        } else {
            match = {};
        }
    } else if (llama_memory_seq_rm(memory_, destination->id, match.n_pos, -1)) {
        truncate(*destination, match);
    } else {  // a recurrent state cannot be taken back
        empty(*destination);
        match = {};
    }
    free_cells_ += destination->cells - cells;
    destination->cells = cells;
    destination->salt = salt;
    destination->busy = true;
    match.slot = destination->id;
    return match;
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
        const Placement common = common_prefix(slot, prompt);
        if (common.cached_tokens > match.cached_tokens && can_continue_at(slot, common.n_pos)) {
            match = common;
            best = &slot;
        }
    }
    return best;
}

// How far a slot's content and a prompt agree: token by token, an image as a whole.
KvCache::Placement KvCache::common_prefix(const Slot & slot, const Prompt & prompt) {
    Placement common{};
    Placement before_last{};  // all but the last token or image of the prompt: something must be left to compute
    for (size_t i = 0; i < prompt.chunks.size() && i < slot.runs.size(); i++) {
        const Chunk & chunk = prompt.chunks[i];
        const Run & run = slot.runs[i];
        if (run.image_key != chunk.image_key) {
            break;
        }
        before_last = common;
        if (chunk.media == nullptr) {
            const auto mismatch = std::mismatch(chunk.tokens.begin(), chunk.tokens.end(), run.tokens.begin(), run.tokens.end());
            const auto agreed = static_cast<int32_t>(mismatch.first - chunk.tokens.begin());
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
// without gaps from the first that is left, so that one decides.
bool KvCache::can_continue_at(const Slot & slot, llama_pos position) const {
    if (window_ == 0) {
        return true;
    }
    return llama_memory_seq_pos_min(memory_, slot.id) <= std::max(0, position - window_);
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
    int32_t held = 0;
    for (const auto & run : slot.runs) {
        held += run.n_tokens;
    }
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
    free_cells_ += slot.cells;
    slot.cells = 0;
    slot.last_used = 0;
}

}  // namespace vserve
