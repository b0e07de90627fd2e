// The part of the engine that tells what is in an answer: text, thoughts and tool calls.

#include "common.h"
#include "engine.h"

namespace vserve {

// Any thread but the engine's.
void Engine::prepare_reading(Sequence & sequence, const ReasoningSettings & reasoning) const {
    const AnswerPlan & plan = sequence.prompt.plan;
    if (plan.syntax == nullptr) {
        return;
    }
    sequence.reader = std::make_unique<AnswerReader>(plan, reasoning.max_tokens);
    for (const auto & text : plan.spoken) {
        const auto found = control_tokens_.find(text);
        if (found != control_tokens_.end()) {
            sequence.spoken_tokens.insert(found->second);
        }
    }
    if (reasoning.max_tokens >= 0 && !plan.thought_ends.empty()) {
        sequence.thought_end = tokens(reasoning.end_message, false);
        const auto tag = tokens(plan.thought_ends.front(), true);
        sequence.thought_end.insert(sequence.thought_end.end(), tag.begin(), tag.end());
    }
    if (sequence.reader->must_end_thoughts()) {
        sequence.forced.assign(sequence.thought_end.begin(), sequence.thought_end.end());
    }
}

// What is certain after an answer's next token.
void Engine::tell(Sequence & sequence, llama_token token) {
    const std::string bytes = common_token_to_piece(vocab_, token, shows(sequence, token));
    if (!sequence.reader) {
        Event delta{sequence.id, Event::Kind::delta, sequence.text.push(bytes), ""};
        delta.completion_tokens = 1;
        events_.push_back(std::move(delta));
        return;
    }
    tell(sequence, sequence.reader->push(bytes, sequence.text), 1);
    if (sequence.reader->must_end_thoughts()) {
        sequence.forced.assign(sequence.thought_end.begin(), sequence.thought_end.end());
    }
}

void Engine::tell(const Sequence & sequence, std::vector<ChatParser::Piece> pieces, int32_t tokens) {
    using Kind = ChatParser::Piece::Kind;
    if (pieces.empty() && tokens > 0) {
        pieces.push_back({Kind::text, ""});
    }
    for (auto & piece : pieces) {
        const auto kind = piece.kind == Kind::text      ? Event::Kind::delta
                          : piece.kind == Kind::thought ? Event::Kind::thought
                                                        : Event::Kind::call;
        Event event{sequence.id, kind, std::move(piece.text), ""};
        event.completion_tokens = tokens;
        event.call = piece.call;
        event.call_id = std::move(piece.call_id);
        event.call_name = std::move(piece.call_name);
        events_.push_back(std::move(event));
        tokens = 0;
    }
}

// What was held back of an answer that is at its end; returns why it ended.
const char * Engine::tell_rest(Sequence & sequence, const char * reason) {
    if (!sequence.reader) {
        return reason;
    }
    const bool is_cut = std::string(reason) != "stop" || sequence.text.stopped();
    tell(sequence, sequence.reader->finish(is_cut, sequence.text), 0);
    return !is_cut && sequence.reader->has_calls() ? "tool_calls" : reason;
}

}  // namespace vserve
