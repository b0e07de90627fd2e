// The part of the engine that tells what is in an answer: text, thoughts and tool calls.

#include "common.h"
#include "engine.h"

namespace vserve {

// Any thread but the engine's.
void Engine::prepare_reading(Request & request, const ReasoningSettings & reasoning) const {
    const AnswerPlan & plan = request.prompt.plan;
    if (plan.syntax == nullptr) {
        return;
    }
    for (const auto & text : plan.spoken) {
        const auto found = control_tokens_.find(text);
        if (found != control_tokens_.end()) {
            request.spoken_tokens.insert(found->second);
        }
    }
    if (reasoning.max_tokens >= 0 && !plan.thought_ends.empty()) {
        request.most_thought_tokens = reasoning.max_tokens;
        request.thought_end = tokens(reasoning.end_message, false);
        const auto tag = tokens(plan.thought_ends.front(), true);
        request.thought_end.insert(request.thought_end.end(), tag.begin(), tag.end());
    }
}

// Likewise.
void Engine::begin_reading(Answer & answer) {
    const Request & request = *answer.request;
    if (request.prompt.plan.syntax != nullptr) {
        answer.reader = std::make_unique<AnswerReader>(request.prompt.plan, request.most_thought_tokens);
        end_thoughts_if_enough(answer);
    }
}

void Engine::end_thoughts_if_enough(Answer & answer) {
    if (answer.reader->must_end_thoughts()) {
        const auto & end = answer.request->thought_end;
        answer.forced.assign(end.begin(), end.end());
    }
}

// What is certain after an answer's next token.
void Engine::tell(Answer & answer, llama_token token, std::optional<TokenReport> & report) {
    if (answer.reader) {
        const std::string bytes = text_of(answer, token);
        hold_report(answer, report, 0, bytes);
        tell(answer, answer.reader->push(bytes, answer.text, may_stop(answer)), 1);
        end_thoughts_if_enough(answer);
        return;
    }
    Event delta{answer.request->id, Event::Kind::delta, answer.index, show_token(answer, token, report), ""};
    delta.completion_tokens = 1;
    delta.reports = answer.reports.take_shown(answer.text.shown());
    events_.push_back(std::move(delta));
}

// The tokens, and the reports on them, are behind the first piece.
void Engine::tell(Answer & answer, std::vector<ChatParser::Piece> pieces, int32_t tokens) {
    using Kind = ChatParser::Piece::Kind;
    if (pieces.empty() && tokens > 0) {
        pieces.push_back({Kind::text, ""});
    }
    for (auto & piece : pieces) {
        const auto kind = piece.kind == Kind::text      ? Event::Kind::delta
                          : piece.kind == Kind::thought ? Event::Kind::thought
                                                        : Event::Kind::call;
        Event event{answer.request->id, kind, answer.index, std::move(piece.text), ""};
        event.completion_tokens = tokens;
        event.reports = answer.reports.take_shown(1);
        event.call = piece.call;
        event.call_id = std::move(piece.call_id);
        event.call_name = std::move(piece.call_name);
        events_.push_back(std::move(event));
        tokens = 0;
    }
}

// Tells what was held back of an answer that is at its end. Returns why it ended.
const char * Engine::tell_rest(Answer & answer, const char * reason) {
    if (!answer.reader) {
        return reason;
    }
    const bool is_cut = std::string(reason) != "stop" || answer.text.stopped();
    tell(answer, answer.reader->finish(is_cut, answer.text), 0);
    return !is_cut && answer.reader->has_calls() ? "tool_calls" : reason;
}

}  // namespace vserve
