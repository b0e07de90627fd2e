#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "answer-syntax.h"
#include "chat-template.h"
#include "message.h"
#include "own-calls.h"
#include "rendered-run.h"

namespace vserve {

// How a model writes thoughts and tool calls, which llama.cpp finds out from its chat template. What the template has no
// form for is written in one of our own (tool-envelope.h). Const members are thread-safe.
class ChatFormat {
  public:
    // `rendering` must outlive it.
    explicit ChatFormat(const ChatTemplate & rendering);
    ~ChatFormat();
    ChatFormat(const ChatFormat &) = delete;
    ChatFormat & operator=(const ChatFormat &) = delete;

    // The conversation as the template takes it: tools that it would not show the model become text.
    Conversation prepared(const Conversation & conversation) const;

    // What an answer to the conversation has to be, which prepared() was given and of which `prompt` was made. Throws
    // EngineError: invalid_request.
    AnswerPlan plan(const Conversation & conversation, const std::vector<Run> & prompt) const;

    // Whether the model has thoughts, which can be told apart.
    bool thinks() const { return !thought_start_.empty(); }
    // Of the strings in calls; empty where those are JSON, or text between tags.
    const std::string & string_quote() const { return string_quote_; }
    // Whether tools are written in the template's own form.
    bool has_own_calls() const { return has_own_calls_; }

  private:
    // What llama.cpp makes of a request: all but its messages.
    struct Compiled;
    using CompiledPtr = std::shared_ptr<const Compiled>;

    bool uses_envelope(const Conversation & conversation) const;
    CompiledPtr compiled(const Conversation & conversation, bool enable_thinking) const;
    CompiledPtr compile(const Conversation & conversation, bool enable_thinking) const;
    Compiled compile_own(const Conversation & conversation, bool enable_thinking) const;
    void add_grammar(Compiled & compiled, const std::vector<Tool> & tools, const common_chat_params & params,
                     const common_peg_arena & parser, common_chat_templates_inputs inputs) const;
    std::string opening_in(const std::string & prompt, const Compiled & compiled, const TemplateSettings & settings) const;
    void find_calls();
    bool reads_own_calls() const;

    const ChatTemplate & rendering_;
    common_chat_templates_ptr templates_;  // null: llama.cpp cannot use the template
    std::string thought_start_;
    std::vector<std::string> thought_ends_;
    std::string string_quote_;
    bool has_own_calls_ = false;
    OwnCalls own_calls_ = OwnCalls::none;
    bool calls_in_parallel_ = true;

    mutable std::mutex mutex_;
    mutable std::list<std::pair<std::string, CompiledPtr>> recent_;  // by request, the latest first; guarded by mutex_
    mutable size_t recent_bytes_ = 0;
};

}  // namespace vserve
