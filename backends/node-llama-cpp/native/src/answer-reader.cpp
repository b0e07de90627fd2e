#include "answer-reader.h"

#include <utility>

namespace vserve {

namespace {

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Bytes of the character that begins at `at`; 0 if none does.
size_t character_length(std::string_view text, size_t at) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
        return 1;
    }
    const size_t length = utf8_character_length(lead);
    if (length < 2 || at + length > text.size()) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if (!is_continuation(text[at + i])) {
            return 0;
        }
    }
    const auto second = static_cast<unsigned char>(text[at + 1]);
    const bool is_too_long = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool is_none = (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
    return is_too_long || is_none ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string text) {
    std::string result;
    for (size_t at = 0; at < text.size();) {
        const size_t length = character_length(text, at);
        if (length == 0) {
            result += "\xEF\xBF\xBD";
            at++;
        } else {
            result.append(text, at, length);
            at += length;
        }
    }
    return result;
}

AnswerReader::AnswerReader(const AnswerPlan & plan, int32_t most_thought_tokens)
    : parser_(plan), most_thought_tokens_(most_thought_tokens) {}

std::vector<ChatParser::Piece> AnswerReader::push(std::string_view bytes, TextStream & stops, bool may_stop) {
    const bool was_thinking = parser_.is_thinking();
    auto pieces = parser_.push(valid_utf8(characters_.push(bytes)));
    thought_tokens_ += was_thinking || parser_.is_thinking() ? 1 : 0;
    return without_stops(std::move(pieces), stops, may_stop);
}

std::vector<ChatParser::Piece> AnswerReader::finish(bool is_cut, TextStream & stops) {
    auto pieces = parser_.push(valid_utf8(characters_.finish()));
    auto last = parser_.finish(is_cut);
    pieces.insert(pieces.end(), last.begin(), last.end());
    pieces = without_stops(std::move(pieces), stops, true);
    const std::string held = stops.finish();
    if (!held.empty()) {
        pieces.push_back({ChatParser::Piece::Kind::text, held});
    }
    return pieces;
}

bool AnswerReader::must_end_thoughts() {
    const bool is_due = most_thought_tokens_ >= 0 && thought_tokens_ >= most_thought_tokens_ && parser_.is_thinking();
    const bool is_first = is_due && !was_ended_;
    was_ended_ = was_ended_ || is_due;
    return is_first;
}

std::vector<ChatParser::Piece> AnswerReader::without_stops(std::vector<ChatParser::Piece> pieces, TextStream & stops,
                                                             bool may_stop) const {
    using Kind = ChatParser::Piece::Kind;
    std::vector<ChatParser::Piece> result;
    for (auto & piece : pieces) {
        if (stops.stopped()) {
            break;
        }
        std::string text = piece.kind == Kind::text ? stops.push(piece.text, may_stop) : stops.finish();
        if (!text.empty()) {
            result.push_back({Kind::text, std::move(text)});
        }
        if (piece.kind != Kind::text) {
            result.push_back(std::move(piece));
        }
    }
    return result;
}

}  // namespace vserve
