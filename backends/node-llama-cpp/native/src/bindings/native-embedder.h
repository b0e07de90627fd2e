#pragma once

#include <memory>
#include <unordered_map>

#include <napi.h>

#include "embedder.h"
#include "prompt-threads.h"

namespace vserve {

// JavaScript's handle of an Embedder: new NativeEmbedder(model, options, engine?). native-addon.ts has the types.
class NativeEmbedder : public Napi::ObjectWrap<NativeEmbedder> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit NativeEmbedder(const Napi::CallbackInfo & info);

  private:
    static void stop_at_exit(void * self);

    Napi::Value load(const Napi::CallbackInfo & info);
    Napi::Value embed(const Napi::CallbackInfo & info);
    Napi::Value count_prompt(const Napi::CallbackInfo & info);
    Napi::Value render_prompt(const Napi::CallbackInfo & info);
    Napi::Value tokenize(const Napi::CallbackInfo & info);
    Napi::Value pieces(const Napi::CallbackInfo & info);
    Napi::Value forget(const Napi::CallbackInfo & info);
    Napi::Value close(const Napi::CallbackInfo & info);

    Napi::ObjectReference model_object_;
    llama_model * model_;
    EmbedderOptions options_;
    // Created before the cleanup hook is registered, so that Node.js frees it after.
    Napi::ThreadSafeFunction to_js_;
    std::shared_ptr<Engine> engine_;  // null where the embedder works alone
    std::shared_ptr<Embedder> embedder_;
    PromptThreads prompt_threads_;
    std::unordered_map<uint64_t, std::shared_ptr<EmbedJob>> jobs_;
};

}  // namespace vserve
