// The part of the engine that reports on the tokens of prompts. Each takes a row of logits: few of them fit into a step.

#include <algorithm>

#include "common.h"
#include "engine.h"
#include "logits-row.h"

namespace vserve {

bool Engine::reports_prompt(const Answer & answer) {
    const Request & request = *answer.request;
    return request.settings.prompt_log_probs.has_value() && request.without_token == request.settings.choices;
}

// Notes that the row of logits behind a token of a prompt tells about the next one. Returns whether there is one: an image
// has no such tokens.
bool Engine::note_prompt_row(const Answer & answer, int32_t row) {
    const auto & done = answer.place.done;
    const auto & chunks = answer.prompt().chunks;
    const Chunk & chunk = chunks[done.chunk];
    const size_t next = static_cast<size_t>(done.chunk_tokens) + 1;
    if (!reports_prompt(answer) || next >= chunk.tokens.size()) {
        return false;
    }
    size_t before = 0;
    for (size_t i = 0; i < done.chunk; i++) {
        before += chunks[i].tokens.size();
    }
    prompt_rows_.push_back({answer.request, row, before + next, chunk.tokens[next]});
    return true;
}

// Reports on what the batch has computed rows for. A row without numbers tells nothing: its answer fails when it draws.
void Engine::take_prompt_rows() {
    for (const auto & [request, row, place, token] : prompt_rows_) {
        auto & reports = request->prompt_reports;
        reports.resize(std::max(reports.size(), place + 1));
        try {
            reports[place] = report_on(llama_get_logits_ith(context_.get(), row), llama_vocab_n_tokens(vocab_), token,
                                       *request->settings.prompt_log_probs);
        } catch (const NoNumbers &) {
        }
    }
    prompt_rows_.clear();
}

// All text tokens of a prompt, with the reports on them.
std::vector<PromptReport> Engine::prompt_reports(Request & request) const {
    std::vector<PromptReport> all;
    if (!request.settings.prompt_log_probs) {
        return all;
    }
    const auto bytes_of = [this](llama_token token) { return common_token_to_piece(vocab_, token, true); };
    for (const auto & chunk : request.prompt.chunks) {
        for (const llama_token token : chunk.tokens) {
            PromptReport told{{token, 0, bytes_of(token)}, std::nullopt};
            if (all.size() < request.prompt_reports.size()) {
                told.report = std::move(request.prompt_reports[all.size()]);
            }
            if (told.report) {
                told.report->chosen.bytes = told.token.bytes;
                for (auto & likely : told.report->likeliest) {
                    likely.bytes = bytes_of(likely.token);
                }
            }
            all.push_back(std::move(told));
        }
    }
    request.prompt_reports.clear();
    return all;
}

}  // namespace vserve
