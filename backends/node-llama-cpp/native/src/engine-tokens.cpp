// The part of the engine that turns rows of logits into tokens, and tokens into events.

#include <algorithm>

#include "common.h"
#include "engine.h"
#include "logits-row.h"

namespace vserve {

namespace {

// In units of Sampler::cost(): about 0.2 ms, the time it takes to wake the other threads.
constexpr int64_t worth_sharing = 1 << 19;

// In the same units, per logit: of a report on a token.
constexpr int64_t cost_of_report = 5;
// Tokens of one draw. Longer forced texts go on in the next, so that they hold up no other answer.
constexpr size_t most_drawn = 256;
// The place in the answer of a token that only ends it.
constexpr size_t never_shown = SIZE_MAX;

double ms_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

bool contains(const std::vector<llama_token> & tokens, llama_token token) {
    return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

// The sampler would write beyond its row.
void check_biases(const std::vector<llama_logit_bias> & biases, int32_t n_tokens) {
    for (const auto & [token, bias] : biases) {
        if (token < 0 || token >= n_tokens) {
            throw EngineError("invalid_request", "logit_bias names the token " + std::to_string(token) +
                                                     ", but the model's tokens are 0 to " + std::to_string(n_tokens - 1) +
                                                     ".");
        }
    }
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

std::unique_ptr<Sampler> Engine::sampler_for(const Request & request, int32_t index) const {
    SamplingSettings settings = request.settings.sampling;
    if (settings.seed) {
        *settings.seed += static_cast<uint32_t>(index);
    }
    const int32_t n_tokens = llama_vocab_n_tokens(vocab_);
    check_biases(settings.biases, n_tokens);
    settings.biases.insert(settings.biases.end(), suppressed_.begin(), suppressed_.end());
    const auto & stops = request.settings.stop_tokens;
    for (const llama_token token : ends_of_turn_) {
        if (request.settings.ignore_eos && !contains(stops, token)) {
            settings.biases.push_back({token, -INFINITY});
        }
    }
    if (request.settings.min_tokens > 0) {
        settings.min_tokens = request.settings.min_tokens;
        settings.endings = ends_of_turn_;
        std::copy_if(stops.begin(), stops.end(), std::back_inserter(settings.endings),
                     [n_tokens](llama_token token) { return token >= 0 && token < n_tokens; });
    }
    auto dry = dry_->make(settings);
    auto sampler = std::make_unique<Sampler>(n_tokens, std::move(settings), std::move(dry));
    for (const auto & chunk : request.prompt.chunks) {
        if (chunk.media != nullptr) {
            sampler->pass_image();
        }
        for (const llama_token token : chunk.tokens) {
            sampler->accept(token, false);
        }
    }
    return sampler;
}

// Looking up a row may sort all of them: not in parallel.
std::vector<Engine::Row> Engine::rows_of(const std::vector<Output> & outputs) const {
    std::vector<Row> rows;
    for (const auto & [answer, row] : outputs) {
        rows.emplace_back(answer, llama_get_logits_ith(context_.get(), row));
    }
    return rows;
}

// Draws the next tokens of each answer from its row of logits, and takes them. An answer whose tokens cannot be drawn or
// taken fails, and leaves nothing in the cache.
void Engine::sample(const std::vector<Row> & rows) {
    std::vector<Draw> draws = draw(rows);
    const auto count = [&draws](const auto & is_so) { return std::count_if(draws.begin(), draws.end(), is_so); };
    const bool is_poisoned = count([](const Draw & draw) { return has_no_numbers(draw.error); }) > 0;
    const bool all_are = is_poisoned && count([](const Draw & draw) { return !draw.tokens.empty(); }) == 0;
    if (all_are && running_.size() > 1 && !rows.front().first->on_trial()) {
        find_out_alone();
        return;
    }
    for (size_t i = 0; i < rows.size(); i++) {
        const AnswerPtr & answer = rows[i].first;
        try {
            if (draws[i].error) {
                std::rethrow_exception(draws[i].error);
            }
            if (answer->generated.empty() && !draws[i].tokens.empty()) {
                share_prompt(*answer, rows[i].second);
            }
            take_tokens(answer, draws[i]);
        } catch (...) {
            fail(answer, engine_error_of(std::current_exception()));
        }
    }
    if (is_poisoned) {
        wipe_cells();
    }
}

// Draws the first tokens of the answers that got the cells of the prompt from another one.
void Engine::draw_first_tokens() {
    const auto running = running_;
    for (const auto & answer : running) {
        if (answer->at_first_draw() && !answer->request->first_row.empty()) {
            sample({{answer, answer->request->first_row.data()}});
        }
    }
    flush_events();
}

// Called before an answer takes its first token: while others to its request have yet to draw theirs, keeps what they need.
// Without, the last token of the prompt is computed for each, or of a model that forgets, more of it.
void Engine::share_prompt(Answer & answer, const float * logits) {
    Request & request = *answer.request;
    if (--request.without_token == 0) {
        request.first_row = {};
        return;
    }
    cache_->keep_checkpoint_for_others(answer.place.slot);
    try {
        if (request.first_row.empty()) {
            request.first_row.assign(logits, logits + llama_vocab_n_tokens(vocab_));
        }
    } catch (const std::bad_alloc &) {
    }
}

std::vector<Engine::Draw> Engine::draw(const std::vector<Row> & rows) {
    int64_t cost = 0;
    for (const auto & [answer, row] : rows) {
        cost += answer->sampler->cost();
        cost += answer->request->settings.log_probs ? cost_of_report * llama_vocab_n_tokens(vocab_) : 0;
    }
    std::vector<Draw> draws(rows.size());
    const auto draw_one = [&](int i) {
        try {
            draws[i] = next_tokens(*rows[i].first, rows[i].second);
        } catch (...) {
            draws[i].error = std::current_exception();
        }
    };
    // Each answer has its own sampler and row.
    if (cost >= worth_sharing && rows.size() > 1) {
        step_threads_->pool().for_each(static_cast<int>(rows.size()), draw_one);
    } else {
        for (size_t i = 0; i < rows.size(); i++) {
            draw_one(static_cast<int>(i));
        }
    }
    return draws;
}

// Where attention masks cells by adding minus infinity, those without numbers spoil all answers, also those that do not
// attend to them. Whose they are shows when each is computed alone up to where it was.
void Engine::find_out_alone() {
    for (const auto & answer : running_) {
        answer->trial_tokens = std::max(answer->trial_tokens, answer->total_tokens());
    }
    wipe_cells();
}

// One trial at a time.
bool Engine::may_join(const Answer & answer) const {
    const auto on_trial = [](const auto & other) { return other->on_trial(); };
    return !answer.on_trial() || std::none_of(running_.begin(), running_.end(), on_trial);
}

// The running answers that steps are for: the one that is on trial, if there is one, while the others pause.
std::vector<Engine::AnswerPtr> Engine::computing() const {
    const auto on_trial = [](const auto & answer) { return answer->on_trial(); };
    const auto alone = std::find_if(running_.begin(), running_.end(), on_trial);
    return alone == running_.end() ? running_ : std::vector<AnswerPtr>{*alone};
}

void Engine::end_trials(const std::vector<AnswerPtr> & answers) {
    for (const auto & answer : answers) {
        if (answer->place.slot >= 0 && answer->done_tokens() >= answer->trial_tokens) {
            answer->trial_tokens = 0;
        }
    }
}

// Makes all cells zeros. Freeing them is not enough: attention reads free cells, and masks them.
void Engine::wipe_cells() {
    while (!running_.empty()) {
        const AnswerPtr youngest = running_.back();
        cache_->set_torn(youngest->place.slot, true);
        push_out(youngest);
    }
    cache_->empty_idle();
    llama_memory_clear(llama_get_memory(context_.get()), true);
    wake();  // nothing runs, and the queue is not empty
}

// How many tokens an answer may still have: one at least, if it goes on.
static size_t tokens_left(const Answer & answer) {
    const int32_t most = answer.request->settings.max_tokens;
    return most < 0 ? SIZE_MAX : std::max(1, most - static_cast<int32_t>(answer.generated.size()));
}

// What an answer goes on with: a token drawn from the row, and what is forced behind it. All of it is computed in the next
// step, so that forced text costs no steps of its own, unless the logits of each token are asked for. Empty if the request
// was cancelled.
Engine::Draw Engine::next_tokens(Answer & answer, float * logits) const {
    const GenerationSettings & settings = answer.request->settings;
    if (answer.request->cancelled) {
        return {};
    }
    Draw draw;
    auto & tokens = draw.tokens;
    const auto take = [&](llama_token token) {
        answer.sampler->accept(token, true);
        if (answer.grammar) {
            answer.grammar->accept(token);
        }
        tokens.push_back(token);
        force_tokens(answer, tokens);
    };
    force_tokens(answer, tokens);
    if (answer.forced.empty()) {
        take(answer.grammar ? answer.grammar->choose(*answer.sampler, logits) : answer.sampler->sample(logits));
    }
    const size_t most = settings.log_probs ? 1 : std::min(most_drawn, tokens_left(answer));
    while (!answer.forced.empty() && tokens.size() < most) {
        const llama_token token = answer.forced.front();
        answer.forced.pop_front();
        draw.forced_tokens++;
        take(token);
    }
    if (settings.log_probs) {
        draw.report = report_on(logits, llama_vocab_n_tokens(vocab_), tokens.front(), *settings.log_probs);
    }
    return draw;
}

// Queues what must follow the tokens of an answer and those that were `drawn` since.
void Engine::force_tokens(Answer & answer, const std::vector<llama_token> & drawn) const {
    if (!answer.forced.empty()) {
        return;
    }
    for (const auto & run : answer.request->settings.forced_runs) {
        if (static_cast<size_t>(run.after) == answer.generated.size() + drawn.size()) {
            answer.forced.assign(run.tokens.begin(), run.tokens.end());
        }
    }
    if (answer.grammar && answer.forced.empty()) {
        const auto tokens = vocabulary().forced.next(*answer.grammar, answer.generated, drawn);
        answer.forced.assign(tokens.begin(), tokens.end());
    }
}

// Whether a control token's text is part of the answer.
bool Engine::shows(const Answer & answer, llama_token token) const {
    return !answer.request->settings.skip_special_tokens || spoken_tokens_.count(token) != 0 ||
           answer.request->spoken_tokens.count(token) != 0;
}

std::string Engine::text_of(const Answer & answer, llama_token token) const {
    return common_token_to_piece(vocab_, token, shows(answer, token));
}

// Whether a token ends the answer; it is no part of it then, unless that was asked for.
bool Engine::ends(const Answer & answer, llama_token token) const {
    return contains(ends_of_turn_, token) || contains(answer.request->settings.stop_tokens, token);
}

void Engine::take_tokens(const AnswerPtr & answer, Draw & draw) {
    const auto & tokens = draw.tokens;
    work_done_.forced_tokens += draw.forced_tokens;
    if (!tokens.empty()) {
        answer->before_draw = answer->generated.size();
    }
    const bool completes = answer->grammar && answer->grammar->is_finished();
    for (size_t i = 0; i < tokens.size() && answer->place.slot >= 0; i++) {
        take_token(answer, tokens[i], draw.report, completes && i + 1 == tokens.size());
    }
}

// Emits the text of an answer's next token, or finishes the answer: one that `completes` it is the last that its format allows.
void Engine::take_token(const AnswerPtr & answer, llama_token token, std::optional<TokenReport> & report, bool completes) {
    const GenerationSettings & settings = answer->request->settings;
    if (answer->generated.empty()) {
        answer->first_token_at = Clock::now();
        answer->first_token_step = steps_;
        report_prefilled(*answer);
    }
    answer->generated.push_back(token);

    const bool is_end = ends(*answer, token);
    if (!is_end || (settings.include_stop && answer->reader == nullptr)) {
        tell(*answer, token, report);
    } else {
        hold_report(*answer, report, never_shown, "");
    }
    if (is_end) {
        const bool is_asked_for = contains(settings.stop_tokens, token);
        finish(answer, "stop", is_asked_for ? std::optional<llama_token>(token) : std::nullopt);
    } else {
        check_end(answer, completes);
    }
}

// Whether a stop string may end the answer with its last token.
bool Engine::may_stop(const Answer & answer) {
    return static_cast<int32_t>(answer.generated.size()) > answer.request->settings.min_tokens;
}

// The text that is certain with one more token.
std::string Engine::show_token(Answer & answer, llama_token token, std::optional<TokenReport> & report) {
    const std::string bytes = text_of(answer, token);
    hold_report(answer, report, answer.text.taken(), bytes);
    return answer.text.push(bytes, may_stop(answer));
}

// Keeps the report on a token, whose bytes are at `begin` of the answer, until its text is certain.
void Engine::hold_report(Answer & answer, std::optional<TokenReport> & report, size_t begin, std::string bytes) {
    if (!report) {
        return;
    }
    report->chosen.bytes = std::move(bytes);
    for (auto & likely : report->likeliest) {
        likely.bytes = text_of(answer, likely.token);
    }
    answer.reports.push(begin, std::move(*report));
    report.reset();
}

// Finishes an answer that its last token did not end, if it is long enough otherwise.
void Engine::check_end(const AnswerPtr & answer, bool completes) {
    const GenerationSettings & settings = answer->request->settings;
    const auto n_generated = static_cast<int32_t>(answer->generated.size());
    const bool repeats = answer->repetition.repeats(answer->generated);
    if (answer->text.stopped() || completes) {
        finish(answer, "stop");
    } else if (repeats && n_generated > settings.min_tokens) {
        finish(answer, "repetition");
    } else if ((settings.max_tokens >= 0 && n_generated >= settings.max_tokens) ||
               answer->total_tokens() >= options_.max_length) {
        finish(answer, "length");
    }
}

// Once for each request: when the first of its answers gets a token.
void Engine::report_prefilled(const Answer & answer) {
    const Request & request = *answer.request;
    if (request.without_token != request.settings.choices - 1) {
        return;
    }
    Event event{request.id, Event::Kind::prefilled, answer.index, "", ""};
    event.cached_tokens = request.cached_tokens;
    event.queue_ms = ms_between(request.submitted_at, answer.admitted_at);
    event.prefill_ms = ms_between(answer.admitted_at, answer.first_token_at);
    event.encode_ms = request.encode_ms;
    event.images = request.prompt.images;
    event.cached_chunks = request.cached_chunks;
    event.prompt_reports = prompt_reports(*answer.request);
    events_.push_back(std::move(event));
}

// Tells how much of a prompt is done, if that is more than it was.
void Engine::report_progress(const Answer & answer) {
    Request & request = *answer.request;
    const int32_t done = request.prompt.n_tokens - answer.remaining_tokens();
    const bool is_before_first_token = request.without_token == request.settings.choices;
    if (!request.settings.report_progress || !is_before_first_token || done <= request.reported_tokens) {
        return;
    }
    request.reported_tokens = done;
    Event event{request.id, Event::Kind::progress, answer.index, "", ""};
    event.prompt_tokens = request.prompt.n_tokens;
    event.cached_tokens = request.cached_tokens;
    event.done_tokens = done;
    event.prefill_ms = ms_between(answer.admitted_at, Clock::now());
    events_.push_back(std::move(event));
}

}  // namespace vserve
