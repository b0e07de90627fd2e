#include "chat-parser.h"

#include <algorithm>
#include <random>

namespace vserve {

namespace {

// An answer is parsed again once it has grown by this part of its length.
constexpr size_t parses_in_doubling = 64;
// Brackets in a call: llama.cpp's parser recurses as deep as they go.
constexpr int most_levels = 128;
// Of a tag that an answer is cut within: shorter ones may be text.
constexpr size_t sure_of_tag = 6;

bool ends_in_space(const std::string & text) {
    return text.empty() || std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos;
}

// As OpenAI's: clients tell calls of all turns apart by it.
std::string new_call_id() {
    static constexpr char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    std::random_device random;
    std::uniform_int_distribution<size_t> any(0, sizeof(characters) - 2);
    std::string id = "call_";
    for (int i = 0; i < 24; i++) {
        id += characters[any(random)];
    }
    return id;
}

}  // namespace

ChatParser::ChatParser(const AnswerPlan & plan)
    : syntax_(plan.syntax),
      thoughts_apart_(plan.thoughts_apart),
      text_(plan.opening),
      told_raw_(text_.size()),
      begun_(text_.size()),
      is_thinking_(plan.is_thinking) {
    const auto opened = syntax_->parse(text_);
    if (!opened) {
        is_plain_ = true;
        return;
    }
    told_text_ = opened->content.size();
    told_thought_ = opened->reasoning_content.size();
    goes_on_ = find_place(*opened);
}

std::vector<ChatParser::Piece> ChatParser::push(std::string_view text) {
    pieces_.clear();
    text_ += text;
    go_on();
    return std::move(pieces_);
}

std::vector<ChatParser::Piece> ChatParser::finish(bool is_cut) {
    pieces_.clear();
    if (!is_plain_ && place_ == Place::unknown) {
        parse(true, is_cut);
    }
    if (is_plain_ || goes_on_) {
        const auto marker = syntax_->first_marker(std::string_view(text_).substr(begun_));
        const size_t begun = begun_ + marker.at;
        const bool is_in_tag = is_cut && !is_plain_ && !marker.is_whole && text_.size() >= begun + sure_of_tag;
        tell_up_to(is_in_tag ? begun : text_.size());
    }
    return std::move(pieces_);
}

void ChatParser::go_on() {
    if (is_plain_) {
        tell_up_to(text_.size());
        return;
    }
    if (place_ != Place::unknown) {
        const auto marker = syntax_->first_marker(std::string_view(text_).substr(begun_));
        tell_up_to(begun_ + marker.at);
        if (!marker.is_whole) {
            return;
        }
        place_ = Place::unknown;
    }
    if (text_.size() > parsed_ + parsed_ / parses_in_doubling) {
        parse(false, false);
    }
}

// Of the text or the thought that goes on.
void ChatParser::tell_up_to(size_t end) {
    const std::string_view text = std::string_view(text_).substr(begun_, end - begun_);
    begun_ = end;
    if (!thoughts_apart_) {
        tell_raw(end);
    } else if (is_thinking_ && !is_plain_) {
        add(Piece::Kind::thought, text);
        told_thought_ += text.size();
    } else {
        add(Piece::Kind::text, text);
        told_text_ += text.size();
    }
}

void ChatParser::tell_raw(size_t end) {
    if (end > told_raw_) {
        add(Piece::Kind::text, std::string_view(text_).substr(told_raw_, end - told_raw_));
        told_raw_ = end;
    }
}

void ChatParser::parse(bool is_last, bool is_cut) {
    parsed_ = text_.size();
    const auto message = nests_too_deep() ? std::nullopt : syntax_->parse(text_);
    if (!message) {
        // What cannot be read is shown.
        is_plain_ = true;
        is_thinking_ = false;
        tell_up_to(text_.size());
        return;
    }
    if (thoughts_apart_) {
        tell(*message);
    }
    if (!message->tool_calls.empty()) {
        tell_calls(*message, is_last, is_cut);
    }
    goes_on_ = find_place(*message);
}

void ChatParser::tell(const common_chat_msg & message) {
    const auto tell_more = [this](Piece::Kind kind, const std::string & text, size_t & told) {
        if (text.size() > told) {
            add(kind, std::string_view(text).substr(told));
            told = text.size();
        }
    };
    tell_more(Piece::Kind::thought, message.reasoning_content, told_thought_);
    tell_more(Piece::Kind::text, message.content, told_text_);
}

void ChatParser::tell_calls(const common_chat_msg & message, bool is_last, bool is_cut) {
    if (!thoughts_apart_ && calls_.empty()) {
        tell_raw(begun_ + syntax_->first_call(std::string_view(text_).substr(begun_)));
    }
    is_thinking_ = false;
    for (size_t i = 0; i < message.tool_calls.size(); i++) {
        const common_chat_tool_call & call = message.tool_calls[i];
        const bool is_open = i + 1 == message.tool_calls.size() && (!is_last || is_cut);
        std::string arguments = call.arguments.empty() && !is_open ? "{}" : call.arguments;
        if (i == calls_.size()) {
            if (call.name.empty() || (arguments.empty() && !is_last)) {
                return;  // the name may go on
            }
            calls_.push_back({own_id(call.id), ""});
            pieces_.push_back({Piece::Kind::call, "", static_cast<int32_t>(i), calls_[i].id, call.name});
        } else {
            pieces_.push_back({Piece::Kind::call, "", static_cast<int32_t>(i)});
        }
        std::string & told = calls_[i].arguments;
        if (arguments.size() > told.size() && arguments.compare(0, told.size(), told) == 0) {
            pieces_.back().text = arguments.substr(told.size());
            told = std::move(arguments);
        }
        if (pieces_.back().text.empty() && pieces_.back().call_name.empty()) {
            pieces_.pop_back();
        }
    }
}

// The model's own, unless another call of the answer has it.
std::string ChatParser::own_id(const std::string & written) const {
    const bool is_taken =
        std::any_of(calls_.begin(), calls_.end(), [&written](const Call & call) { return call.id == written; });
    return written.empty() || is_taken ? new_call_id() : written;
}

// Finds out what the next character would be, by trying one: whether it prolongs a text or a thought. White space at the
// beginning of those may not be a part of them.
bool ChatParser::find_place(const common_chat_msg & message) {
    place_ = Place::unknown;
    if (!message.tool_calls.empty()) {
        return false;
    }
    const auto next = syntax_->parse(text_ + "x");
    if (!next || !next->tool_calls.empty()) {
        return false;
    }
    const bool goes_on_thinking = next->reasoning_content.size() > message.reasoning_content.size();
    const bool goes_on_with_text = next->content.size() > message.content.size();
    if (goes_on_thinking == goes_on_with_text) {
        return false;
    }
    is_thinking_ = goes_on_thinking;
    const std::string & now = goes_on_thinking ? message.reasoning_content : message.content;
    const std::string & then = goes_on_thinking ? next->reasoning_content : next->content;
    // What may become a marker is held back.
    const size_t held = std::min(then.size() - 1 - now.size(), text_.size() - told_raw_);
    begun_ = text_.size() - held;
    if (!thoughts_apart_) {
        tell_raw(begun_);
    }
    if (!ends_in_space(now)) {
        place_ = goes_on_thinking ? Place::thought : Place::text;
    }
    return true;
}

void ChatParser::add(Piece::Kind kind, std::string_view text) {
    if (text.empty()) {
        return;
    }
    if (!pieces_.empty() && pieces_.back().kind == kind && kind != Piece::Kind::call) {
        pieces_.back().text += text;
    } else {
        pieces_.push_back({kind, std::string(text)});
    }
}

bool ChatParser::nests_too_deep() const {
    int level = 0;
    bool in_string = false;
    for (size_t i = begun_; i < text_.size(); i++) {
        const char byte = text_[i];
        if (byte == '\\') {
            i++;
        } else if (byte == '"') {
            in_string = !in_string;
        } else if (!in_string && (byte == '[' || byte == '{')) {
            level++;
        } else if (!in_string && (byte == ']' || byte == '}')) {
            level--;
        }
        if (level > most_levels) {
            return true;
        }
    }
    return false;
}

}  // namespace vserve
