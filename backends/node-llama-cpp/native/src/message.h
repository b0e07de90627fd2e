#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace vserve {

// One part of a message: text, or the image with this index.
struct MessagePart {
    std::string text;
    int image = -1;
    bool is_mark = false;  // the text is what the model's processor writes, control tokens included
};

// Whether a text can become a part of the text before it.
inline bool continues_text(const MessagePart & before, const MessagePart & part) {
    return before.image < 0 && part.image < 0 && !before.is_mark && !part.is_mark;
}

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

// What an argument of a call may be, where it stands as text between tags. Unless it `is_whole`, any text may follow.
struct ArgumentText {
    std::string name;
    std::string gbnf;
    bool is_whole;
};

// What a constant of a tool's schema stands for, where the strings in calls have a quote of their own.
struct QuotedValue {
    std::string name;
    std::string gbnf;
};

// A function that the model may call.
struct Tool {
    std::string name;
    std::string description;  // empty without one
    std::string parameters;   // JSON Schema of the arguments' object; empty without one
    std::string schema{};     // the same, as schema_grammar() takes it; empty where it is not needed
    std::string rules{};      // likewise
    std::vector<ArgumentText> argument_texts{};  // of those that may not be any text
    std::vector<QuotedValue> quoted_values{};
};

struct ToolSettings {
    enum class Choice { automatic, none, required };

    std::vector<Tool> tools{};
    Choice choice = Choice::automatic;
    std::string only{};  // the one function that must be called; empty for any
    std::optional<bool> parallel{};
};

// What becomes of the model's thoughts: src/backend/reasoning-settings.ts.
struct ReasoningSettings {
    bool is_apart = false;
    int32_t max_tokens = -1;  // -1: no limit
    std::string end_message{};
};

// A piece of a prompt that no template writes: text, in which control tokens count as such, tokens, or the image with this
// index.
struct PromptPiece {
    std::string text;
    std::vector<int32_t> tokens;
    int image = -1;
};

struct Conversation {
    std::vector<Message> messages;
    TemplateSettings settings{};
    ToolSettings tools{};
    ReasoningSettings reasoning{};
    std::optional<std::vector<PromptPiece>> prompt{};  // in place of the messages
};

}  // namespace vserve
