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

std::unique_ptr<Sampler> Engine::sampler_for(const Request & request, int32_t index) const {
    SamplingSettings settings = request.settings.sampling;
    if (settings.seed) {
        *settings.seed += static_cast<uint32_t>(index);
    }
    settings.biases.insert(settings.biases.end(), suppressed_.begin(), suppressed_.end());
    if (request.settings.ignore_eos) {
        settings.biases.insert(settings.biases.end(), no_end_of_turn_.begin(), no_end_of_turn_.end());
    }
    auto sampler = std::make_unique<Sampler>(llama_vocab_n_tokens(vocab_), std::move(settings));
    for (const auto & chunk : request.prompt.chunks) {
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
    const std::vector<Draw> draws = draw(rows);
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
            take_tokens(answer, draws[i].tokens);
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
    }
    std::vector<Draw> draws(rows.size());
    const auto draw_one = [&](int i) {
        try {
            draws[i].tokens = next_tokens(*rows[i].first, rows[i].second);
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

// What an answer goes on with: a token drawn from the row, and what is forced behind it. All of it is computed in the next
// step, so that forced text costs no steps of its own, unless the logits of each token are asked for. Empty if the request
// was cancelled.
std::vector<llama_token> Engine::next_tokens(Answer & answer, float * logits) const {
    const GenerationSettings & settings = answer.request->settings;
    if (answer.request->cancelled) {
        return {};
    }
    if (settings.reported_logits > 0) {
        const auto likeliest = likeliest_tokens(logits, llama_vocab_n_tokens(vocab_), settings.reported_logits);
        answer.likeliest.insert(answer.likeliest.end(), likeliest.begin(), likeliest.end());
    }
    std::vector<llama_token> tokens;
    const auto take = [&](llama_token token) {
        answer.sampler->accept(token, true);
        tokens.push_back(token);
        force_tokens(answer, answer.generated.size() + tokens.size());
    };
    force_tokens(answer, answer.generated.size());
    if (answer.forced.empty()) {
        take(answer.sampler->sample(logits));
    }
    const size_t most = settings.reported_logits > 0 ? 1 : SIZE_MAX;
    while (!answer.forced.empty() && tokens.size() < most) {
        const llama_token token = answer.forced.front();
        answer.forced.pop_front();
        take(token);
    }
    return tokens;
}

// Queues what must follow the first `generated` tokens of an answer.
void Engine::force_tokens(Answer & answer, size_t generated) {
    if (!answer.forced.empty()) {
        return;
    }
    for (const auto & run : answer.request->settings.forced_runs) {
        if (static_cast<size_t>(run.after) == generated) {
            answer.forced.assign(run.tokens.begin(), run.tokens.end());
        }
    }
}

// Whether a control token's text is part of the answer. The tokens that end an answer never get here.
bool Engine::shows(const Answer & answer, llama_token token) const {
    return !answer.request->settings.skip_special_tokens || spoken_tokens_.count(token) != 0;
}

void Engine::take_tokens(const AnswerPtr & answer, const std::vector<llama_token> & tokens) {
    if (!tokens.empty()) {
        answer->before_draw = answer->generated.size();
    }
    for (size_t i = 0; i < tokens.size() && answer->place.slot >= 0; i++) {
        take_token(answer, tokens[i]);
    }
}

// Emits the text of an answer's next token, or finishes the answer.
void Engine::take_token(const AnswerPtr & answer, llama_token token) {
    if (answer->generated.empty()) {
        answer->first_token_at = Clock::now();
        answer->first_token_step = steps_;
    }
    answer->generated.push_back(token);

    if (llama_vocab_is_eog(vocab_, token)) {
        finish(answer, "stop");
        return;
    }
    std::string text = answer->text.push(common_token_to_piece(vocab_, token, shows(*answer, token)));
    Event delta{answer->request->id, Event::Kind::delta, answer->index, std::move(text), ""};
    delta.completion_tokens = 1;
    events_.push_back(std::move(delta));
    const int32_t max_tokens = answer->request->settings.max_tokens;
    if (answer->text.stopped()) {
        finish(answer, "stop");
    } else if ((max_tokens >= 0 && static_cast<int32_t>(answer->generated.size()) >= max_tokens) ||
               answer->total_tokens() >= options_.max_length) {
        finish(answer, "length");
    }
}

}  // namespace vserve
