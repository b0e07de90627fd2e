#include "answer-syntax.h"

#include <algorithm>
#include <iterator>
#include <variant>

#include "chat-peg-parser.h"  // llama.cpp's

namespace vserve {

AnswerSyntax::AnswerSyntax(common_peg_arena parser, common_chat_format format, std::vector<std::string> tags)
    : parser_(std::move(parser)), format_(format), markers_(tags) {
    std::vector<bool> seen(parser_.size());
    find_markers(parser_.root(), seen);
    markers_.erase(std::remove(markers_.begin(), markers_.end(), ""), markers_.end());
    std::sort(markers_.begin(), markers_.end());
    markers_.erase(std::unique(markers_.begin(), markers_.end()), markers_.end());
    std::copy_if(markers_.begin(), markers_.end(), std::back_inserter(call_starts_), [&tags](const std::string & marker) {
        return std::find(tags.begin(), tags.end(), marker) == tags.end();
    });
}

// Outside of the calls: what ends an argument ends no text.
void AnswerSyntax::find_markers(common_peg_parser_id id, std::vector<bool> & seen) {
    if (seen[id]) {
        return;
    }
    seen[id] = true;
    const auto & parser = parser_.get(id);
    const auto find_in = [&](common_peg_parser_id child) { find_markers(child, seen); };
    if (const auto * until = std::get_if<common_peg_until_parser>(&parser)) {
        markers_.insert(markers_.end(), until->delimiters.begin(), until->delimiters.end());
    } else if (const auto * sequence = std::get_if<common_peg_sequence_parser>(&parser)) {
        std::for_each(sequence->children.begin(), sequence->children.end(), find_in);
    } else if (const auto * choice = std::get_if<common_peg_choice_parser>(&parser)) {
        std::for_each(choice->children.begin(), choice->children.end(), find_in);
    } else if (const auto * repetition = std::get_if<common_peg_repetition_parser>(&parser)) {
        find_in(repetition->child);
    } else if (const auto * atomic = std::get_if<common_peg_atomic_parser>(&parser)) {
        find_in(atomic->child);
    } else if (const auto * tag = std::get_if<common_peg_tag_parser>(&parser)) {
        if (tag->tag.compare(0, 4, "tool") != 0) {
            find_in(tag->child);
        }
    } else if (const auto * rule = std::get_if<common_peg_rule_parser>(&parser)) {
        if (!rule->trigger) {
            find_in(rule->child);
        }
    } else if (const auto * ref = std::get_if<common_peg_ref_parser>(&parser)) {
        find_in(parser_.get_rule(ref->name));
    } else if (const auto * gbnf = std::get_if<common_peg_gbnf_parser>(&parser)) {
        find_in(gbnf->child);
    }
}

void AnswerSyntax::allow_no_thoughts(const std::string & head, const std::string & start, const std::string & end) {
    const auto with_none = parse_as_written(head + start + end + "x");
    if (!parse_as_written(head + "x") && with_none && with_none->content == "x") {
        head_ = head;
        thought_start_ = start;
        no_thought_ = start + end;
    }
}

std::optional<common_chat_msg> AnswerSyntax::parse(const std::string & text) const {
    auto message = parse_as_written(text);
    const bool has_thought = text.compare(0, head_.size(), head_) != 0 ||
                             text.compare(head_.size(), thought_start_.size(), thought_start_) == 0;
    if (message || no_thought_.empty() || has_thought) {
        return message;
    }
    return parse_as_written(head_ + no_thought_ + text.substr(head_.size()));
}

std::optional<common_chat_msg> AnswerSyntax::parse_as_written(const std::string & text) const {
    common_peg_parse_context context(text, COMMON_PEG_PARSE_FLAG_LENIENT);
    const auto result = parser_.parse(context);
    if (result.fail()) {
        return std::nullopt;
    }
    common_chat_msg message;
    if (format_ == COMMON_CHAT_FORMAT_PEG_GEMMA4) {
        common_chat_peg_gemma4_mapper(message).from_ast(context.ast, result);
    } else if (format_ == COMMON_CHAT_FORMAT_PEG_MINIMAX_M3) {
        common_chat_peg_minimax_m3_mapper(message).from_ast(context.ast, result);
    } else {
        common_chat_peg_mapper(message).from_ast(context.ast, result);
    }
    return message;
}

AnswerSyntax::Marker AnswerSyntax::first_marker(std::string_view text) const {
    size_t whole = std::string_view::npos;
    size_t begun = text.size();
    for (const auto & marker : markers_) {
        whole = std::min(whole, text.find(marker));
        for (size_t length = std::min(marker.size() - 1, text.size()); length > 0; length--) {
            if (text.compare(text.size() - length, length, marker, 0, length) == 0) {
                begun = std::min(begun, text.size() - length);
                break;
            }
        }
    }
    return whole <= begun ? Marker{whole, true} : Marker{begun, false};
}

size_t AnswerSyntax::first_call(std::string_view text) const {
    size_t first = text.size();
    for (const auto & start : call_starts_) {
        first = std::min(first, text.find(start));
    }
    return first;
}

size_t AnswerSyntax::bytes() const {
    return parser_.size() * sizeof(common_peg_parser_variant) + sizeof(*this);
}

}  // namespace vserve
