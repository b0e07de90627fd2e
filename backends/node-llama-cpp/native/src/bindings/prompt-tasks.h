#pragma once

#include <functional>
#include <string>
#include <vector>

#include <napi.h>

#include "message.h"
#include "prompt-threads.h"
#include "prompt.h"

namespace vserve {

// The cost of building a prompt, in bytes of text.
size_t prompt_bytes(const Conversation & conversation, const std::vector<Image> & images);

// Where tasks on prompts run, and the way back to JavaScript's thread: both must exist until the threads are drained.
struct PromptTasks {
    PromptThreads & threads;
    const Napi::ThreadSafeFunction & to_js;
};

// What an engine and an embedder do alike for JavaScript. `info` has the arguments that are named first.

// renderPrompt(conversation, imageCount, marker): Promise<string>
Napi::Value render_prompt(
    const Napi::CallbackInfo & info, PromptTasks tasks,
    std::function<std::string(const Conversation & conversation, size_t n_images, const std::string & marker)> render);

// tokenize(text, parseSpecial, addSpecial): Promise<Int32Array>
Napi::Value tokenize(
    const Napi::CallbackInfo & info, PromptTasks tasks,
    std::function<std::vector<llama_token>(const std::string & text, bool parse_special, bool add_special)> tokens_of);

// pieces(tokens): Promise<Array<string>>: the bytes of each token, as characters below 256
Napi::Value pieces(const Napi::CallbackInfo & info, PromptTasks tasks,
                   std::function<std::vector<std::string>(const std::vector<llama_token> & tokens)> pieces_of);

}  // namespace vserve
