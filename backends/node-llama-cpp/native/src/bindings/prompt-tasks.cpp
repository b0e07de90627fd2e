#include "bindings/prompt-tasks.h"

#include <memory>
#include <utility>

#include "bindings/js-values.h"
#include "bindings/read-prompt.h"
#include "bindings/task.h"

namespace vserve {

namespace {

// Images are prepared a few hundred times faster than text is tokenized.
constexpr size_t pixel_bytes_for_text_byte = 256;

}  // namespace

size_t prompt_bytes(const Conversation & conversation, const std::vector<Image> & images) {
    size_t bytes = 0;
    for (const auto & piece : conversation.prompt.value_or(std::vector<PromptPiece>{})) {
        bytes += piece.text.size() + sizeof(piece);
    }
    for (const auto & message : conversation.messages) {
        for (const auto & part : message.parts) {
            bytes += part.text.size() + sizeof(part);
        }
    }
    for (const auto & tool : conversation.tools.tools) {
        bytes += tool.description.size() + tool.parameters.size() + sizeof(tool);
    }
    for (const auto & image : images) {
        bytes += static_cast<size_t>(image.width) * image.height * 3 / pixel_bytes_for_text_byte;
    }
    return bytes;
}

Napi::Value render_prompt(const Napi::CallbackInfo & info, PromptTasks tasks,
                          std::function<std::string(const Conversation &, size_t, const std::string &)> render) {
    const auto conversation = std::make_shared<Conversation>(conversation_of(info[0].As<Napi::Object>()));
    const size_t n_images = info[1].As<Napi::Number>().Uint32Value();
    const auto text = std::make_shared<std::string>();
    return Task::run_on(
        tasks.threads, prompt_bytes(*conversation, {}), tasks.to_js, info.Env(),
        [render = std::move(render), conversation, n_images, marker = info[2].As<Napi::String>().Utf8Value(), text] {
            *text = render(*conversation, n_images, marker);
        },
        [text](Napi::Env env) -> Napi::Value { return Napi::String::New(env, *text); });
}

Napi::Value tokenize(const Napi::CallbackInfo & info, PromptTasks tasks,
                     std::function<std::vector<llama_token>(const std::string &, bool, bool)> tokens_of) {
    const auto text = std::make_shared<std::string>(info[0].As<Napi::String>().Utf8Value());
    const bool parse_special = info[1].As<Napi::Boolean>().Value();
    const bool add_special = info[2].As<Napi::Boolean>().Value();
    const auto tokens = std::make_shared<std::vector<llama_token>>();
    return Task::run_on(
        tasks.threads, text->size(), tasks.to_js, info.Env(),
        [tokens_of = std::move(tokens_of), text, parse_special, add_special, tokens] {
            *tokens = tokens_of(*text, parse_special, add_special);
        },
        [tokens](Napi::Env env) -> Napi::Value { return to_js(env, *tokens); });
}

Napi::Value pieces(const Napi::CallbackInfo & info, PromptTasks tasks,
                   std::function<std::vector<std::string>(const std::vector<llama_token> &)> pieces_of) {
    const auto given = info[0].As<Napi::Int32Array>();
    const auto tokens = std::make_shared<std::vector<llama_token>>(given.Data(), given.Data() + given.ElementLength());
    const auto pieces = std::make_shared<std::vector<std::string>>();
    return Task::run_on(
        tasks.threads, tokens->size(), tasks.to_js, info.Env(),
        [pieces_of = std::move(pieces_of), tokens, pieces] { *pieces = pieces_of(*tokens); },
        [pieces](Napi::Env env) -> Napi::Value { return to_js(env, *pieces); });
}

}  // namespace vserve
