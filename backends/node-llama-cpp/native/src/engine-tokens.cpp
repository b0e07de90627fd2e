// The part of the engine that turns rows of logits into tokens, and tokens into events.

#include <algorithm>

#include "common.h"
#include "engine.h"
#include "logits-row.h"

namespace vserve {

namespace {

// In units of Sampler::cost(): about 0.2 ms, the time it takes to wake the other threads.
constexpr int64_t worth_sharing = 1 << 19;

bool has_no_numbers(const std::exception_ptr & error) {
    try {
        if (error) {
            std::rethrow_exception(error);
        }
    } catch (const NoNumbers &) {
        return true;
    } catch (...) {
    }
    return false;
}

}  // namespace

std::unique_ptr<Sampler> Engine::sampler_for(const Sequence & sequence) const {
    SamplingSettings settings = sequence.settings.sampling;
    settings.biases.insert(settings.biases.end(), suppressed_.begin(), suppressed_.end());
    if (sequence.settings.ignore_eos) {
        settings.biases.insert(settings.biases.end(), no_end_of_turn_.begin(), no_end_of_turn_.end());
    }
    auto sampler = std::make_unique<Sampler>(llama_vocab_n_tokens(vocab_), std::move(settings));
    for (const auto & chunk : sequence.prompt.chunks) {
        for (const llama_token token : chunk.tokens) {
            sampler->accept(token, false);
        }
    }
    return sampler;
}

// Draws the next token of each sequence from its row of the last batch, and takes it. A sequence whose token cannot be drawn
// or taken fails, and leaves nothing in the cache.
void Engine::sample(const std::vector<Output> & outputs) {
    const std::vector<Draw> draws = draw(outputs);
    const auto count = [&draws](const auto & is_so) { return std::count_if(draws.begin(), draws.end(), is_so); };
    const bool is_poisoned = count([](const Draw & draw) { return has_no_numbers(draw.error); }) > 0;
    if (is_poisoned && count([](const Draw & draw) { return draw.token != LLAMA_TOKEN_NULL; }) == 0 && running_.size() > 1) {
        find_out_alone();
        return;
    }
    for (size_t i = 0; i < outputs.size(); i++) {
        const SequencePtr & sequence = outputs[i].first;
        try {
            if (draws[i].error) {
                std::rethrow_exception(draws[i].error);
            }
            if (draws[i].token != LLAMA_TOKEN_NULL) {
                take_token(sequence, draws[i].token);
            }
        } catch (...) {
            fail(sequence, engine_error_of(std::current_exception()));
        }
    }
    if (is_poisoned) {
        wipe_cells();
    }
}

std::vector<Engine::Draw> Engine::draw(const std::vector<Output> & outputs) {
    // Looking up a row may sort all of them: not in parallel.
    std::vector<float *> rows;
    int64_t cost = 0;
    for (const auto & [sequence, row] : outputs) {
        rows.push_back(llama_get_logits_ith(context_.get(), row));
        cost += sequence->sampler->cost();
    }
    std::vector<Draw> draws(outputs.size());
    const auto draw_one = [&](int i) {
        try {
            draws[i].token = next_token(*outputs[i].first, rows[i]);
        } catch (...) {
            draws[i].error = std::current_exception();
        }
    };
    // Each sequence has its own sampler and row.
    if (cost >= worth_sharing && outputs.size() > 1) {
        step_threads_->pool().for_each(static_cast<int>(outputs.size()), draw_one);
    } else {
        for (size_t i = 0; i < outputs.size(); i++) {
            draw_one(static_cast<int>(i));
        }
    }
    return draws;
}

// Where attention masks cells by adding minus infinity, those without numbers spoil all sequences, also those that do not
// attend to them. Which one they belong to shows when the sequences start again one after another: with each suspected one
// run only those that are no longer suspected, as they had a token drawn.
void Engine::find_out_alone() {
    std::vector<SequencePtr> suspected;
    std::copy_if(running_.begin(), running_.end(), std::back_inserter(suspected),
                 [](const auto & sequence) { return sequence->suspected; });
    if (suspected.size() == 1) {
        fail(suspected.front(), NoNumbers());
    } else {
        for (const auto & sequence : running_) {
            sequence->suspected = true;
        }
    }
    wipe_cells();
}

bool Engine::may_join(const Sequence & sequence) const {
    return !sequence.suspected ||
           std::none_of(running_.begin(), running_.end(), [](const auto & other) { return other->suspected; });
}

// Makes all cells zeros. Freeing them is not enough: attention reads free cells, and masks them.
void Engine::wipe_cells() {
    while (!running_.empty()) {
        const SequencePtr youngest = running_.back();
        cache_->set_torn(youngest->slot, true);
        push_out(youngest);
    }
    cache_->empty_idle();
    llama_memory_clear(llama_get_memory(context_.get()), true);
    wake();  // nothing runs, and the queue is not empty
}

// LLAMA_TOKEN_NULL if the sequence was cancelled.
llama_token Engine::next_token(Sequence & sequence, float * logits) const {
    if (sequence.cancelled) {
        return LLAMA_TOKEN_NULL;
    }
    if (const int32_t reported = sequence.settings.reported_logits; reported > 0) {
        const auto likeliest = likeliest_tokens(logits, llama_vocab_n_tokens(vocab_), reported);
        sequence.likeliest.insert(sequence.likeliest.end(), likeliest.begin(), likeliest.end());
    }
    if (!sequence.forced.empty()) {
        const llama_token token = sequence.forced.front();
        sequence.forced.pop_front();
        return token;
    }
    return sequence.sampler->sample(logits);
}

// Whether a control token's text is part of the answer. The tokens that end an answer never get here.
bool Engine::shows(const Sequence & sequence, llama_token token) const {
    return !sequence.settings.skip_special_tokens || spoken_tokens_.count(token) != 0 ||
           sequence.spoken_tokens.count(token) != 0;
}

// Handles the next token of a sequence: emits its text, or finishes the answer.
void Engine::take_token(const SequencePtr & sequence, llama_token token) {
    sequence->suspected = false;
    sequence->sampler->accept(token, true);
    if (sequence->generated.empty()) {
        sequence->first_token_at = Clock::now();
        sequence->first_token_step = steps_;
    }
    sequence->generated.push_back(token);

    if (llama_vocab_is_eog(vocab_, token)) {
        finish(sequence, "stop");
        return;
    }
    tell(*sequence, token);
    const int32_t max_tokens = sequence->settings.max_tokens;
    if (sequence->text.stopped()) {
        finish(sequence, "stop");
    } else if ((max_tokens >= 0 && static_cast<int32_t>(sequence->generated.size()) >= max_tokens) ||
               sequence->total_tokens() >= options_.max_length) {
        finish(sequence, "length");
    }
}

}  // namespace vserve
