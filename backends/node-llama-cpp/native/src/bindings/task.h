#pragma once

#include <functional>
#include <optional>
#include <string>

#include <napi.h>

#include "error.h"
#include "prompt-threads.h"

namespace vserve {

// An error with a code of src/errors/error-codes.ts, and the index of the image at fault.
Napi::Error to_js_error(Napi::Env env, const std::string & code, const std::string & message, int image = -1);

// Work that settles a promise. Exceptions reject it, an EngineError with its code and image.
class Task {
  public:
    using Settle = std::function<Napi::Value(Napi::Env)>;

    // On a thread of libuv's pool.
    static Napi::Promise run(Napi::Env env, std::function<void()> work, Settle result);
    // On a thread for prompts; `bytes` is the size of the prompt.
    static Napi::Promise run_on(PromptThreads & threads, size_t bytes, Napi::Env env, std::function<void()> work,
                                Settle result);

  private:
    class OnPool;

    Task(Napi::Env env, std::function<void()> work, Settle result)
        : deferred_(env), work_(std::move(work)), result_(std::move(result)) {}

    void execute();
    void settle(Napi::Env env);

    Napi::Promise::Deferred deferred_;
    std::function<void()> work_;
    Settle result_;
    std::optional<EngineError> error_;
};

}  // namespace vserve
