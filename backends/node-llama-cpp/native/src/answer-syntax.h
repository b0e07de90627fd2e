#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat.h"  // llama.cpp's
#include "peg-parser.h"

namespace vserve {

// How a model writes its thoughts and its tool calls. Immutable: many answers share one.
class AnswerSyntax {
  public:
    // `tags`: those round the thoughts.
    AnswerSyntax(common_peg_arena parser, common_chat_format format, std::vector<std::string> tags);

    // Some of llama.cpp's parsers want thoughts, which a model may leave out: an answer without them is then read as one with
    // empty ones, behind `head`, what a turn begins with. `start` and `end`: the tags.
    void allow_no_thoughts(const std::string & head, const std::string & start, const std::string & end);

    // What a text says so far, the prompt's part of the turn included; nothing where it is not of this syntax.
    std::optional<common_chat_msg> parse(const std::string & text) const;

    // A thought or a text goes on until a marker comes: nothing else in it has to be looked at.
    //
    // Where the first marker in `text` begins; without one, where the end of the text begins that may become one.
    struct Marker {
        size_t at;
        bool is_whole;
    };
    Marker first_marker(std::string_view text) const;

    // Where the first call in `text`, which has some, begins.
    size_t first_call(std::string_view text) const;

    size_t bytes() const;

  private:
    void find_markers(common_peg_parser_id id, std::vector<bool> & seen);
    std::optional<common_chat_msg> parse_as_written(const std::string & text) const;

    common_peg_arena parser_;
    common_chat_format format_;
    std::vector<std::string> markers_;
    std::vector<std::string> call_starts_;
    std::string head_;
    std::string thought_start_;
    std::string no_thought_;  // empty: thoughts are not wanted
};

// What an answer has to be, and how it is read.
struct AnswerPlan {
    std::shared_ptr<const AnswerSyntax> syntax;  // null: it is text, and nothing else
    std::string opening;        // what the prompt has of the answer's turn
    bool thoughts_apart = false;  // else they stay in the text, with their tags
    std::string thought_start;  // tags; empty: the model has no thoughts
    std::vector<std::string> thought_ends;
    bool is_thinking = false;   // the prompt ends within the thoughts
    bool may_indent = false;    // the thoughts are read behind white space, too
    std::vector<std::string> spoken;  // control tokens that are read as text
    std::vector<std::string> stops;   // texts that end the turn, where the model has no token for that

    // GBNF of the calls; empty: nothing is ruled out.
    std::string grammar;
    // It holds from one of these on, which it matches; else at once, or after the thoughts.
    bool grammar_waits = false;
    std::vector<std::string> trigger_words;
    std::vector<std::string> trigger_patterns;
    bool grammar_has_turn = false;  // it matches `opening` and the thoughts too
};

}  // namespace vserve
