#pragma once

#include <optional>
#include <string>
#include <vector>

namespace vserve {

// One part of a message: text, or the image with this index.
struct MessagePart {
    std::string text;
    int image = -1;
};

// A tool call from an earlier turn.
struct ToolCall {
    std::string id;
    std::string name;
    std::string arguments;  // JSON text of an object
};

struct Message {
    std::string role;
    std::vector<MessagePart> parts;
    std::optional<std::string> name{};
    std::optional<std::string> reasoning{};
    std::vector<ToolCall> tool_calls{};
    std::optional<std::string> tool_call_id{};
};

struct TemplateSettings {
    std::string variables = "{}";  // JSON text of an object
    bool add_generation_prompt = true;
    bool continue_final_message = false;
};

struct Conversation {
    std::vector<Message> messages;
    TemplateSettings settings{};
};

}  // namespace vserve
