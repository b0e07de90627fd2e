#include "bindings/read-prompt.h"

#include <string>
#include <vector>

#include "bindings/js-values.h"

namespace vserve {

namespace {

Message message_of(const Napi::Object & object) {
    Message message;
    message.role = text_of(object, "role");
    const auto parts = object.Get("parts").As<Napi::Array>();
    for (uint32_t i = 0; i < parts.Length(); i++) {
        const auto part = parts.Get(i).As<Napi::Object>();
        const int32_t image = integer_of(part, "image");
        message.parts.push_back({image >= 0 ? "" : text_of(part, "text"), image, part.Get("isMark").ToBoolean()});
    }
    message.name = optional_text_of(object, "name");
    message.reasoning = optional_text_of(object, "reasoning");
    message.tool_call_id = optional_text_of(object, "toolCallId");
    const auto calls = object.Get("toolCalls").As<Napi::Array>();
    for (uint32_t i = 0; i < calls.Length(); i++) {
        const auto call = calls.Get(i).As<Napi::Object>();
        message.tool_calls.push_back({text_of(call, "id"), text_of(call, "name"), text_of(call, "arguments")});
    }
    return message;
}

std::vector<ArgumentText> argument_texts_of(const Napi::Array & array) {
    std::vector<ArgumentText> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto text = array.Get(i).As<Napi::Object>();
        texts.push_back({text_of(text, "name"), text_of(text, "gbnf"), boolean_of(text, "isWhole")});
    }
    return texts;
}

std::vector<QuotedValue> quoted_values_of(const Napi::Array & array) {
    std::vector<QuotedValue> values;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto value = array.Get(i).As<Napi::Object>();
        values.push_back({text_of(value, "name"), text_of(value, "gbnf")});
    }
    return values;
}

ToolSettings tools_of(const Napi::Object & object) {
    ToolSettings settings;
    const auto tools = object.Get("tools").As<Napi::Array>();
    for (uint32_t i = 0; i < tools.Length(); i++) {
        const auto tool = tools.Get(i).As<Napi::Object>();
        settings.tools.push_back({text_of(tool, "name"), text_of(tool, "description"), text_of(tool, "parameters"),
                                  text_of(tool, "schema"), text_of(tool, "rules"),
                                  argument_texts_of(tool.Get("argumentTexts").As<Napi::Array>()),
                                  quoted_values_of(tool.Get("quotedValues").As<Napi::Array>())});
    }
    const std::string choice = text_of(object, "toolChoice");
    settings.choice = choice == "none"       ? ToolSettings::Choice::none
                      : choice == "required" ? ToolSettings::Choice::required
                                             : ToolSettings::Choice::automatic;
    settings.only = text_of(object, "onlyTool");
    const auto parallel = object.Get("parallelCalls");
    if (parallel.IsBoolean()) {
        settings.parallel = parallel.As<Napi::Boolean>().Value();
    }
    return settings;
}

std::vector<PromptPiece> pieces_of(const Napi::Array & array) {
    std::vector<PromptPiece> pieces;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto tokens = object.Get("tokens").As<Napi::Int32Array>();
        pieces.push_back({text_of(object, "text"), {tokens.Data(), tokens.Data() + tokens.ElementLength()},
                          integer_of(object, "image")});
    }
    return pieces;
}

}  // namespace

Conversation conversation_of(const Napi::Object & object) {
    Conversation conversation;
    if (object.Get("prompt").IsArray()) {
        conversation.prompt = pieces_of(object.Get("prompt").As<Napi::Array>());
        return conversation;
    }
    const auto messages = object.Get("messages").As<Napi::Array>();
    for (uint32_t i = 0; i < messages.Length(); i++) {
        conversation.messages.push_back(message_of(messages.Get(i).As<Napi::Object>()));
    }
    conversation.settings.variables = text_of(object, "variables");
    conversation.settings.add_generation_prompt = boolean_of(object, "addGenerationPrompt");
    conversation.settings.continue_final_message = boolean_of(object, "continueFinalMessage");
    if (object.Get("asked").IsObject()) {
        const auto asked = object.Get("asked").As<Napi::Object>();
        conversation.tools = tools_of(asked);
        conversation.reasoning.is_apart = boolean_of(asked, "reasoningApart");
        conversation.reasoning.max_tokens = integer_of(asked, "maxReasoningTokens");
        conversation.reasoning.end_message = text_of(asked, "reasoningEndMessage");
    }
    return conversation;
}

}  // namespace vserve
