#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "answer-syntax.h"
#include "chat-parser.h"
#include "text-stream.h"

namespace vserve {

// Reads an answer whose text is not all of it: takes its tokens, gives the pieces that are certain, counts the tokens of the
// thoughts, and says when those have to end.
class AnswerReader {
  public:
    // `most_thought_tokens` -1: no limit.
    AnswerReader(const AnswerPlan & plan, int32_t most_thought_tokens);

    // Takes the text of the next token. `stops` sees the text of the answer, and nothing of the thoughts and calls; once it
    // has stopped, nothing follows. One that ends in this token is none unless it `may_stop`.
    std::vector<ChatParser::Piece> push(std::string_view bytes, TextStream & stops, bool may_stop = true);
    // What was held back, at the end. `is_cut`: the model had not ended the answer.
    std::vector<ChatParser::Piece> finish(bool is_cut, TextStream & stops);

    // Whether there were thoughts enough, so that their end has to follow: true once.
    bool must_end_thoughts();

    int32_t thought_tokens() const { return thought_tokens_; }
    bool has_calls() const { return parser_.has_calls(); }

  private:
    std::vector<ChatParser::Piece> without_stops(std::vector<ChatParser::Piece> pieces, TextStream & stops,
                                                 bool may_stop) const;

    ChatParser parser_;
    TextStream characters_{{}};
    const int32_t most_thought_tokens_;
    int32_t thought_tokens_ = 0;
    bool was_ended_ = false;
};

// The text with U+FFFD for what is not UTF-8.
std::string valid_utf8(std::string text);

}  // namespace vserve
