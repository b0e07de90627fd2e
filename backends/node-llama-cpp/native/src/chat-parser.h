#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer-syntax.h"

namespace vserve {

// Tells the text of an answer, its thoughts and its tool calls apart while it is generated. What was told is never taken
// back. Its time grows with the length of the answer, not with the square of it: what only prolongs a text or a thought is
// not parsed, and the longer an answer is, the more it has to grow until it is.
class ChatParser {
  public:
    explicit ChatParser(const AnswerPlan & plan);

    struct Piece {
        enum class Kind { text, thought, call };
        Kind kind;
        std::string text;      // of a call: of its arguments
        int32_t call = -1;     // its index
        std::string call_id{};    // what a call begins with
        std::string call_name{};
    };

    // Takes the next whole characters of the answer.
    std::vector<Piece> push(std::string_view text);
    // What push() held back, at the end of the answer. `is_cut`: the model had not ended it.
    std::vector<Piece> finish(bool is_cut);

    // The next character is one of the thoughts, as far as is known.
    bool is_thinking() const { return is_thinking_; }
    // The answer is in a call, or after one.
    bool has_calls() const { return !calls_.empty(); }

  private:
    // What the answer is in, as far as the next character goes. `unknown`: parse it.
    enum class Place { unknown, text, thought };
    struct Call {
        std::string id;
        std::string arguments;  // told so far
    };

    void go_on();
    void parse(bool is_last, bool is_cut);
    void tell_up_to(size_t end);
    void tell_raw(size_t end);
    void tell(const common_chat_msg & message);
    void tell_calls(const common_chat_msg & message, bool is_last, bool is_cut);
    bool find_place(const common_chat_msg & message);
    void add(Piece::Kind kind, std::string_view text);
    std::string own_id(const std::string & written) const;
    bool nests_too_deep() const;

    const std::shared_ptr<const AnswerSyntax> syntax_;
    const bool thoughts_apart_;
    std::string text_;     // the opening and the answer
    size_t told_raw_;      // where thoughts stay in the text: how much of text_ was told
    size_t begun_;         // where what goes on begins, of text_, as far as it was not told
    size_t parsed_ = 0;    // length of text_ at the last parse
    Place place_ = Place::unknown;
    bool is_thinking_;
    bool goes_on_ = false;     // what is not told yet is text or thought
    bool is_plain_ = false;    // it could not be read: all that follows is text
    size_t told_text_ = 0;     // of what llama.cpp's parser has found
    size_t told_thought_ = 0;
    std::vector<Call> calls_;
    std::vector<Piece> pieces_;
};

}  // namespace vserve
