#include "lenient-turns.h"

#include <algorithm>
#include <utility>

#include "tool-envelope.h"

namespace vserve {

namespace {

bool is_of_tools(const Message & message) {
    return message.role == "tool" || !message.tool_calls.empty();
}

// Texts that meet are one, with a line break between: a template could run several together.
void add_parts(Message & message, const std::vector<MessagePart> & parts) {
    for (const auto & part : parts) {
        if (!message.parts.empty() && continues_text(message.parts.back(), part)) {
            message.parts.back().text += "\n" + part.text;
        } else {
            message.parts.push_back(part);
        }
    }
}

// Whether one message can say what both say.
bool joins(const Message & last, const Message & next) {
    const auto is_plain = [](const Message & message) { return !is_of_tools(message) && !message.reasoning.has_value(); };
    return last.role == next.role && is_plain(last) && is_plain(next);
}

// A system message that is not among the first is the user's.
std::vector<Message> joined_turns(const std::vector<Message> & messages) {
    std::vector<Message> result;
    for (Message message : messages) {
        if (message.role == "system" && !result.empty() && result.back().role != "system") {
            message.role = "user";
        }
        if (result.empty() || !joins(result.back(), message)) {
            result.push_back(std::move(message));
        } else {
            add_parts(result.back(), message.parts);
        }
    }
    return result;
}

}  // namespace

std::optional<Conversation> in_lenient_turns(const Conversation & conversation) {
    const auto & messages = conversation.messages;
    const bool has_calls = std::any_of(messages.begin(), messages.end(), is_of_tools);
    const bool are_apart = has_calls && conversation.tools.tools.empty();
    Conversation result = are_apart ? in_envelope(conversation) : conversation;
    result.messages = joined_turns(result.messages);
    const bool is_same = !are_apart && result.messages.size() == messages.size() &&
                         std::equal(messages.begin(), messages.end(), result.messages.begin(),
                                    [](const auto & given, const auto & made) { return given.role == made.role; });
    return is_same ? std::nullopt : std::optional<Conversation>(std::move(result));
}

}  // namespace vserve
