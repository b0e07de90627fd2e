#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "image-placement.h"
#include "llama.h"
#include "message-value.h"
#include "message.h"
#include "rendered-run.h"

namespace jinja {
struct program;
}

namespace vserve {

// A Jinja chat template. llama.cpp's engine renders it, with the same result as transformers' apply_chat_template.
// Rendering is thread-safe.
class ChatTemplate {
  public:
    using Variables = std::vector<std::pair<std::string, std::string>>;

    // `special_tokens` are variables too: `bos_token`, `eos_token`, … Throws EngineError:
    // model_load_failed.
    ChatTemplate(const std::string & source, Variables special_tokens, ImagePlacement placement);
    ~ChatTemplate();
    ChatTemplate(const ChatTemplate &) = delete;
    ChatTemplate & operator=(const ChatTemplate &) = delete;

    // `given`, or if it is empty the model's template, or ChatML if it has none. Throws EngineError: model_load_failed.
    static std::unique_ptr<ChatTemplate> of_model(const llama_model * model, const std::string & given,
                                                  ImagePlacement placement);
    // The one that the model has for conversations with tools; null where that is the same, as with one that is given.
    static std::unique_ptr<ChatTemplate> for_tools(const llama_model * model, const std::string & given,
                                                   ImagePlacement placement);

    // Renders a conversation that has `n_images` images. Throws EngineError: chat_template_failed, also if the template
    // leaves out an image, a message or a tool call; invalid_request.
    std::vector<Run> render(const Conversation & conversation, size_t n_images) const;

    // Whether it shows the model the conversation's tools, and calls and results of earlier turns where there are some.
    bool shows_tools(const Conversation & conversation) const;
    const std::string & source() const { return source_; }
    // The text of a special token; empty if the model has none of the name.
    std::string special_token(const std::string & name) const;

  private:
    // A conversation, and the form in which it is given to the template.
    struct Rendering {
        const Conversation & conversation;
        bool images_as_text;
        std::string nonce;
        // Override the form of this role, and of tool calls, in a probe.
        std::string probed_role{};
        ContentForm probed_form{};
        const CallForm * probed_calls = nullptr;
        bool whole_tools = false;  // see tools_value
    };

    void probe();
    ContentForm probe(const std::string & role);
    bool keeps(const Rendering & rendering) const;
    CallForm probe_calls(const std::vector<MessagePart> & content, std::initializer_list<CallForm> forms) const;
    bool keeps_calls(const Conversation & conversation, const CallForm & form) const;
    void probe_tools();
    const ContentForm & form_of(const std::string & role) const;
    std::vector<Run> apply(const Rendering & rendering) const;
    std::vector<Run> apply_once(const Rendering & rendering) const;
    std::vector<Run> render_typed(const Conversation & conversation, const std::string & nonce) const;
    std::vector<Run> render_kept(const Conversation & conversation, size_t n_images, bool is_folded) const;
    std::vector<Run> render_as_given(const Conversation & conversation, size_t n_images) const;
    bool was_probed(const std::vector<Message> & messages) const;
    void check_kept(const Conversation & conversation, bool is_folded) const;

    std::string source_;
    std::unique_ptr<jinja::program> program_;
    Variables special_tokens_;
    ImagePlacement placement_;
    bool writes_slots_ = false;
    bool shows_tools_ = false;
    bool shows_calls_ = false;  // and results, besides tools
    bool shortens_ids_ = false;  // it takes ids of nine characters only, as Mistral's do
    bool folds_system_ = false;  // the template drops or rejects system messages
    std::vector<std::pair<std::string, ContentForm>> forms_;  // by role
    CallForms call_forms_;
};

}  // namespace vserve
