#include "message-value.h"

#include <algorithm>

#include "template-values.h"

namespace vserve {

std::string image_mark(const std::string & nonce, size_t index) {
    return nonce + std::to_string(index) + ";";
}

namespace {

// Some models write no arguments at all.
jinja::value arguments_value(const ToolCall & call, bool as_text) {
    const std::string json = call.arguments.empty() ? "{}" : call.arguments;
    const auto object = user_object(json, "The arguments of the tool call " + call.name);
    return as_text ? user_text(json) : object;
}

jinja::value tool_calls_value(const Message & message, const CallForm & form) {
    auto calls = jinja::mk_val<jinja::value_array>();
    for (const auto & call : message.tool_calls) {
        const auto arguments = arguments_value(call, form.arguments_as_text);
        const auto function = object_of({{"name", user_text(call.name)}, {"arguments", arguments}});
        calls->push_back(
            object_of({{"id", user_text(call.id)}, {"type", own_text("function")}, {"function", function}}));
    }
    return calls;
}

// For templates that would lose some of several texts, or run them together: joins adjacent ones with a line break, as
// vLLM and llama-server do.
std::vector<MessagePart> joined(const std::vector<MessagePart> & parts) {
    std::vector<MessagePart> result;
    for (const auto & part : parts) {
        if (!result.empty() && continues_text(result.back(), part)) {
            result.back().text += "\n" + part.text;
        } else {
            result.push_back(part);
        }
    }
    return result;
}

void append(std::vector<MessagePart> & parts, const std::string & end) {
    const MessagePart last{end, -1};
    if (!parts.empty() && continues_text(parts.back(), last)) {
        parts.back().text += end;
    } else {
        parts.push_back(last);
    }
}

jinja::string text_of(const MessagePart & part, const MessageForm & form) {
    return part.image >= 0 ? jinja::string(image_mark(form.nonce, part.image), true) : jinja::string(part.text, !part.is_mark);
}

jinja::value one_text(const std::vector<MessagePart> & parts, const MessageForm & form) {
    jinja::string text("", true);
    for (const auto & part : parts) {
        text.append(text_of(part, form));
    }
    return jinja::mk_val<jinja::value_string>(text);
}

jinja::value list_of(const std::vector<MessagePart> & parts, const MessageForm & form) {
    auto list = jinja::mk_val<jinja::value_array>();
    for (const auto & part : parts) {
        list->push_back(part.image >= 0 && !form.images_as_text
                            ? object_of({{"type", own_text("image")}})
                            : object_of({{"type", own_text("text")},
                                         {"text", jinja::mk_val<jinja::value_string>(text_of(part, form))}}));
    }
    return list;
}

jinja::value content_value(const Message & message, const MessageForm & form, const std::string & end) {
    if (form.calls.content_as_none && !message.tool_calls.empty() && !has_text(message) && end.empty()) {
        return jinja::mk_val<jinja::value_none>();
    }
    auto parts = form.content.keeps_parts ? message.parts : joined(message.parts);
    if (parts.empty() || !end.empty()) {
        append(parts, end);
    }
    const bool has_images = std::any_of(parts.begin(), parts.end(), [](const auto & part) { return part.image >= 0; });
    const bool is_list = has_images ? !form.images_as_text : parts.size() > 1 && form.content.keeps_parts;
    return is_list || !form.content.takes_text ? list_of(parts, form) : one_text(parts, form);
}

jinja::value message_value(const Message & message, const MessageForm & form, const std::string & end) {
    jinja::value object = object_of({{"role", own_text(message.role)}, {"content", content_value(message, form, end)}});
    if (message.name) {
        object->insert(own_text("name"), user_text(*message.name));
    }
    if (message.reasoning) {
        object->insert(own_text("reasoning_content"), user_text(*message.reasoning));
    }
    if (!message.tool_calls.empty()) {
        object->insert(own_text("tool_calls"), tool_calls_value(message, form.calls));
    }
    if (message.tool_call_id) {
        object->insert(own_text("tool_call_id"), user_text(*message.tool_call_id));
    }
    return object;
}

}  // namespace

const CallForm & CallForms::of(const Message & message) const {
    return has_text(message) ? beside_text : message.parts.empty() ? beside_none : beside_empty;
}

bool has_text(const Message & message) {
    return std::any_of(message.parts.begin(), message.parts.end(), [](const auto & part) {
        return part.image < 0 && part.text.find_first_not_of(" \t\r\n\v\f") != std::string::npos;
    });
}

void push_message(jinja::value_array_t & list, const Message & message, const MessageForm & form, const std::string & end) {
    if (!form.calls.apart || message.tool_calls.empty() || !end.empty()) {
        list.push_back(message_value(message, form, end));
        return;
    }
    Message text = message;
    text.tool_calls.clear();
    list.push_back(message_value(text, form, ""));
    list.push_back(message_value({message.role, {}, {}, {}, message.tool_calls, {}}, form, ""));
}

jinja::value tools_value(const std::vector<Tool> & tools, bool whole) {
    if (tools.empty()) {
        return jinja::mk_val<jinja::value_none>();
    }
    auto list = jinja::mk_val<jinja::value_array>();
    for (const Tool & tool : tools) {
        jinja::value function = object_of({{"name", user_text(tool.name)}});
        if (whole || !tool.description.empty()) {
            function->insert(own_text("description"), user_text(tool.description));
        }
        if (!tool.parameters.empty()) {
            const std::string what = "The parameters of the tool " + tool.name;
            function->insert(own_text("parameters"), user_object(tool.parameters, what));
        } else if (whole) {
            function->insert(own_text("parameters"), object_of({{"type", own_text("object")},
                                                                {"properties", jinja::mk_val<jinja::value_object>()}}));
        }
        list->push_back(object_of({{"type", own_text("function")}, {"function", function}}));
    }
    return list;
}

static std::string short_id(const std::string & id) {
    static constexpr size_t length = 9;
    static constexpr char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (id.size() == length && id.find_first_not_of(characters) == std::string::npos) {
        return id;
    }
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
    for (const char byte : id) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
    }
    std::string result;
    for (size_t i = 0; i < length; i++, hash /= 62) {
        result += characters[hash % 62];
    }
    return result;
}

void shorten_call_ids(std::vector<Message> & messages) {
    for (auto & message : messages) {
        for (auto & call : message.tool_calls) {
            call.id = short_id(call.id);
        }
        if (message.tool_call_id) {
            message.tool_call_id = short_id(*message.tool_call_id);
        }
    }
}

std::vector<Message> fold_system_messages(const std::vector<Message> & messages) {
    std::vector<Message> result;
    for (const auto & message : messages) {
        const bool follows_system = !result.empty() && result.back().role == "system";
        if (!follows_system || message.role != "user") {
            result.push_back(message);
            continue;
        }
        Message & folded = result.back();
        folded.parts = joined(folded.parts);
        append(folded.parts, "\n");
        const bool continues = !message.parts.empty() && continues_text(folded.parts.back(), message.parts[0]);
        if (continues) {
            folded.parts.back().text += message.parts[0].text;
        }
        folded.parts.insert(folded.parts.end(), message.parts.begin() + (continues ? 1 : 0), message.parts.end());
        folded.role = "user";
        folded.name = message.name;
    }
    for (auto & message : result) {
        message.role = message.role == "system" ? "user" : message.role;
    }
    return result;
}

}  // namespace vserve
