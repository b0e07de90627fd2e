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
    std::vector<Draw> draws(outputs.size());
    int64_t cost = 0;
    for (const auto & [sequence, row] : outputs) {
        rows.push_back(llama_get_logits_ith(context_.get(), row));
        cost += sequence->sampler->cost();
        draws[rows.size() - 1].token = first_token(*sequence);
    }
    const auto draw_one = [&](int i) {
        try {
            if (draws[i].token == LLAMA_TOKEN_NULL) {
                draws[i].token = next_token(*outputs[i].first, rows[i]);
            }
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

// Null where the answer has no format.
std::unique_ptr<AnswerGrammar> Engine::grammar_for(const Sequence & sequence) const {
    if (!sequence.settings.grammar) {
        return nullptr;
    }
    return std::make_unique<AnswerGrammar>(vocab_, token_texts(), sequence.settings.grammar);
}

std::shared_ptr<const GrammarRules> Engine::compile_grammar(const GrammarSource & source) const {
    const std::string key = source.schema + '\0' + source.gbnf;
    return grammars_.get(key, [&] { return compile(source, vocab_); });
}

// Only answers with a format need them: they take some milliseconds, and megabytes.
std::shared_ptr<const TokenTexts> Engine::token_texts() const {
    std::call_once(token_texts_made_, [this] { token_texts_ = std::make_shared<const TokenTexts>(vocab_); });
    return token_texts_;
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
    if (!sequence.grammar) {
        return sequence.sampler->sample(logits);
    }
    return sequence.grammar->choose(*sequence.sampler, logits);
}

// Whether a control token's text is part of the answer. The tokens that end an answer never get here.
bool Engine::shows(const Sequence & sequence, llama_token token) const {
    return !sequence.settings.skip_special_tokens || spoken_tokens_.count(token) != 0;
}

// The tokens that come next of themselves.
std::vector<llama_token> Engine::forced_tokens(const Sequence & sequence) {
    if (!sequence.grammar || reports_draws(sequence)) {
        return {};
    }
    if (!forced_tokens_) {
        forced_tokens_ = std::make_unique<ForcedTokens>(vocab_, token_texts());
    }
    return forced_tokens_->next(*sequence.grammar, sequence.generated);
}

// The one that an answer has to begin with; LLAMA_TOKEN_NULL where it has been begun, or may begin in several ways.
llama_token Engine::first_token(const Sequence & sequence) {
    const auto forced = sequence.generated.empty() ? forced_tokens(sequence) : std::vector<llama_token>{};
    return forced.empty() || sequence.cancelled ? LLAMA_TOKEN_NULL : forced.front();
}

// Handles the next token of a sequence, and those that follow of themselves.
void Engine::take_token(const SequencePtr & sequence, llama_token token) {
    add_token(sequence, token);
    if (sequence->slot < 0) {
        return;  // finished
    }
    for (const llama_token forced : forced_tokens(*sequence)) {
        if (sequence->slot < 0) {
            return;  // finished
        }
        add_token(sequence, forced);
    }
}

// Whether each token's row of logits is asked for: then none is taken without one.
bool Engine::reports_draws(const Sequence & sequence) const {
    return sequence.settings.reported_logits > 0;
}

// Emits the text of a token, or finishes the answer.
void Engine::add_token(const SequencePtr & sequence, llama_token token) {
    sequence->suspected = false;
    sequence->sampler->accept(token, true);
    if (sequence->grammar) {
        sequence->grammar->accept(token);
    }
    if (sequence->generated.empty()) {
        sequence->first_token_at = Clock::now();
        sequence->first_token_step = steps_;
    }
    sequence->generated.push_back(token);

    if (llama_vocab_is_eog(vocab_, token)) {
        finish(sequence, "stop");
        return;
    }
    std::string text = sequence->text.push(common_token_to_piece(vocab_, token, shows(*sequence, token)));
    Event delta{sequence->id, Event::Kind::delta, std::move(text), ""};
    delta.completion_tokens = 1;
    events_.push_back(std::move(delta));
    const int32_t max_tokens = sequence->settings.max_tokens;
    if (sequence->text.stopped() || (sequence->grammar && sequence->grammar->is_finished())) {
        finish(sequence, "stop");
    } else if ((max_tokens >= 0 && static_cast<int32_t>(sequence->generated.size()) >= max_tokens) ||
               sequence->total_tokens() >= options_.max_length) {
        finish(sequence, "length");
    }
}

}  // namespace vserve
