// The part of the engine that turns rows of logits into tokens, and tokens into events.

#include <algorithm>

#include "common.h"
#include "engine.h"
#include "logits-row.h"

namespace vserve {

namespace {

// In units of Sampler::cost(): about 0.2 ms, the time it takes to wake the other threads.
constexpr int64_t worth_sharing = 1 << 19;

// The place in the answer of a token that only ends it.
constexpr size_t never_shown = SIZE_MAX;
// In the same units, per logit: of a report on a token.
constexpr int64_t cost_of_report = 5;

void check_biases(const std::vector<llama_logit_bias> & biases, int32_t n_tokens) {
    for (const auto & [token, bias] : biases) {
        if (token < 0 || token >= n_tokens) {
            throw EngineError("invalid_request", "logit_bias names the token " + std::to_string(token) +
                                                     ", but the model's tokens are 0 to " + std::to_string(n_tokens - 1) +
                                                     ".");
        }
    }
}

double ms_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

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
    check_biases(settings.biases, llama_vocab_n_tokens(vocab_));
    settings.biases.insert(settings.biases.end(), suppressed_.begin(), suppressed_.end());
    const auto & stops = sequence.settings.stop_tokens;
    for (const llama_token token : ends_of_turn_) {
        if (sequence.settings.ignore_eos && std::find(stops.begin(), stops.end(), token) == stops.end()) {
            settings.biases.push_back({token, -INFINITY});
        }
    }
    if (sequence.settings.min_tokens > 0) {
        settings.min_tokens = sequence.settings.min_tokens;
        settings.endings = ends_of_turn_;
        std::copy_if(stops.begin(), stops.end(), std::back_inserter(settings.endings),
                     [this](llama_token token) { return token >= 0 && token < llama_vocab_n_tokens(vocab_); });
    }
    auto dry = dry_->make(settings);
    auto sampler = std::make_unique<Sampler>(llama_vocab_n_tokens(vocab_), std::move(settings), std::move(dry));
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
        cost += sequence->settings.log_probs ? cost_of_report * llama_vocab_n_tokens(vocab_) : 0;
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
    const llama_token token = sequence.sampler->sample(logits);
    if (const auto likeliest = sequence.settings.log_probs) {
        sequence.report = report_on(logits, llama_vocab_n_tokens(vocab_), token, *likeliest);
    }
    return token;
}

// Whether a control token's text is part of the answer.
bool Engine::shows(const Sequence & sequence, llama_token token) const {
    return !sequence.settings.skip_special_tokens || spoken_tokens_.count(token) != 0;
}

std::string Engine::text_of(const Sequence & sequence, llama_token token) const {
    return common_token_to_piece(vocab_, token, shows(sequence, token));
}

// Whether a token ends the answer; it is no part of it then, unless that was asked for.
bool Engine::ends(const Sequence & sequence, llama_token token) const {
    const auto & stops = sequence.settings.stop_tokens;
    return llama_vocab_is_eog(vocab_, token) || std::find(stops.begin(), stops.end(), token) != stops.end();
}

// Handles the next token of a sequence: emits its text, or finishes the answer.
void Engine::take_token(const SequencePtr & sequence, llama_token token) {
    sequence->suspected = false;
    sequence->sampler->accept(token, true);
    if (sequence->generated.empty()) {
        sequence->first_token_at = Clock::now();
        sequence->first_token_step = steps_;
        report_prefilled(*sequence);
    }
    sequence->generated.push_back(token);

    const bool is_end = ends(*sequence, token);
    if (!is_end || sequence->settings.include_stop) {
        Event delta{sequence->id, Event::Kind::delta, show_token(*sequence, token), ""};
        delta.completion_tokens = 1;
        delta.reports = sequence->held_reports.take_shown(sequence->text.shown());
        events_.push_back(std::move(delta));
    } else {
        hold_report(*sequence, token, never_shown, "");
    }
    if (is_end) {
        const auto & stops = sequence->settings.stop_tokens;
        const bool is_asked_for = std::find(stops.begin(), stops.end(), token) != stops.end();
        finish(sequence, "stop", is_asked_for ? std::optional<llama_token>(token) : std::nullopt);
    } else {
        check_end(sequence);
    }
}

// The text that is certain with one more token.
std::string Engine::show_token(Sequence & sequence, llama_token token) {
    const std::string bytes = text_of(sequence, token);
    hold_report(sequence, token, sequence.text.taken(), bytes);
    return sequence.text.push(bytes, static_cast<int32_t>(sequence.generated.size()) > sequence.settings.min_tokens);
}

// Finishes an answer that its last token did not end, if it is long enough otherwise.
void Engine::check_end(const SequencePtr & sequence) {
    const auto n_generated = static_cast<int32_t>(sequence->generated.size());
    const int32_t max_tokens = sequence->settings.max_tokens;
    const bool repeats = sequence->repetition.repeats(sequence->generated);
    if (sequence->text.stopped()) {
        finish(sequence, "stop");
    } else if (repeats && n_generated > sequence->settings.min_tokens) {
        finish(sequence, "repetition");
    } else if ((max_tokens >= 0 && n_generated >= max_tokens) || sequence->total_tokens() >= options_.max_length) {
        finish(sequence, "length");
    }
}

// Keeps the report on a token, whose bytes are at `begin` of the answer, until its text is certain.
void Engine::hold_report(Sequence & sequence, llama_token token, size_t begin, std::string bytes) {
    if (!sequence.report) {
        return;
    }
    TokenReport report = std::move(*sequence.report);
    sequence.report.reset();
    report.chosen.bytes = std::move(bytes);
    for (auto & likely : report.likeliest) {
        likely.bytes = likely.token == token ? report.chosen.bytes : text_of(sequence, likely.token);
    }
    sequence.held_reports.push(begin, std::move(report));
}

void Engine::report_prefilled(const Sequence & sequence) {
    Event event{sequence.id, Event::Kind::prefilled, "", ""};
    event.cached_tokens = sequence.cached_tokens;
    event.queue_ms = ms_between(sequence.submitted_at, sequence.admitted_at);
    event.prefill_ms = ms_between(sequence.admitted_at, sequence.first_token_at);
    events_.push_back(std::move(event));
}

// Tells how much of a prompt is done, if that is more than it was.
void Engine::report_progress(Sequence & sequence) {
    if (!sequence.settings.report_progress || !sequence.generated.empty()) {
        return;
    }
    const int32_t done = sequence.prompt.n_tokens - sequence.remaining_tokens();
    if (done <= sequence.reported_tokens) {
        return;
    }
    sequence.reported_tokens = done;
    Event event{sequence.id, Event::Kind::progress, "", ""};
    event.prompt_tokens = sequence.prompt.n_tokens;
    event.cached_tokens = sequence.cached_tokens;
    event.done_tokens = done;
    event.prefill_ms = ms_between(sequence.admitted_at, Clock::now());
    events_.push_back(std::move(event));
}

}  // namespace vserve
