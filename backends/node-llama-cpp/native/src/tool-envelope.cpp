#include "tool-envelope.h"

#include <utility>

#include "template-values.h"

namespace vserve {

namespace {

// As Python's json.dumps writes it.
std::string json_of(const jinja::value & value) {
    return jinja::value_to_json(value, -1, ", ", ": ");
}

std::string json_of_tool(const Tool & tool) {
    const std::string schema = tool.parameters.empty() ? R"({"type": "object", "properties": {}})" : tool.parameters;
    return json_of(object_of({{"name", user_text(tool.name)},
                              {"description", user_text(tool.description)},
                              {"parameters", user_object(schema, "The parameters of the tool " + tool.name)}}));
}

std::string instructions_of(const ToolSettings & tools) {
    std::string text = "You can call functions. Each line between <tools> and </tools> describes one, its arguments by a "
                       "JSON Schema:\n<tools>\n";
    for (const Tool & tool : tools.tools) {
        text += json_of_tool(tool) + "\n";
    }
    text += "</tools>\nTo call a function, write its name and its arguments as JSON between " + std::string(envelope_start) +
            " and " + envelope_end + ", and nothing after it:\n" + envelope_start +
            "\n{\"name\": \"the function\", \"arguments\": {\"an argument\": \"its value\"}}\n" + envelope_end;
    if (tools.parallel.value_or(true)) {
        text += "\nFor several calls, write one after the other.";
    }
    return text + "\nYou are given the results between <tool_response> and </tool_response>.";
}

std::string text_of_call(const ToolCall & call) {
    const std::string arguments = call.arguments.empty() ? "{}" : call.arguments;
    return std::string(envelope_start) + "\n" +
           json_of(object_of({{"name", user_text(call.name)},
                              {"arguments", user_object(arguments, "The arguments of the tool call " + call.name)}})) +
           "\n" + envelope_end;
}

void add_text(Message & message, const std::string & text) {
    auto & parts = message.parts;
    if (!parts.empty() && parts.back().image < 0 && !parts.back().is_mark) {
        parts.back().text += (parts.back().text.empty() ? "" : "\n") + text;
    } else {
        parts.push_back({text, -1});
    }
}

// Texts that follow one another are one: a template could keep only some of several.
void add_parts(Message & message, const std::vector<MessagePart> & parts) {
    for (const auto & part : parts) {
        if (part.image >= 0 || part.is_mark) {
            message.parts.push_back(part);
        } else {
            add_text(message, part.text);
        }
    }
}

void add_tools(std::vector<Message> & messages, const ToolSettings & tools) {
    if (messages.empty() || messages.front().role != "system") {
        messages.insert(messages.begin(), Message{"system", {}});
    }
    Message & system = messages.front();
    add_text(system, (system.parts.empty() ? "" : "\n") + instructions_of(tools));
}

}  // namespace

Conversation in_envelope(const Conversation & conversation) {
    Conversation result = conversation;
    result.messages.clear();
    bool takes_results = false;  // the last message is the user's, and began with results
    for (Message message : conversation.messages) {
        if (message.role == "tool") {
            if (!takes_results) {
                result.messages.push_back({"user", {}});
            }
            Message & user = result.messages.back();
            add_text(user, "<tool_response>");
            add_parts(user, message.parts);
            add_text(user, "</tool_response>");
            takes_results = true;
            continue;
        }
        if (takes_results && message.role == "user") {
            add_parts(result.messages.back(), message.parts);
            continue;
        }
        takes_results = false;
        for (const auto & call : message.tool_calls) {
            add_text(message, text_of_call(call));
        }
        message.tool_calls.clear();
        result.messages.push_back(std::move(message));
    }
    if (!conversation.tools.tools.empty()) {
        add_tools(result.messages, conversation.tools);
    }
    result.tools.tools.clear();  // the template need not know
    return result;
}

}  // namespace vserve
