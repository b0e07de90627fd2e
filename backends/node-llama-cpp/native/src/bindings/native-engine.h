#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <napi.h>

#include "bindings/piece-sender.h"
#include "engine.h"
#include "huge-pages.h"
#include "prompt-threads.h"

namespace vserve {

// JavaScript's handle of an Engine: new NativeEngine(model, options, onEvents, onProgress, onPiece?). native-addon.ts has the
// types.
class NativeEngine : public Napi::ObjectWrap<NativeEngine> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit NativeEngine(const Napi::CallbackInfo & info);

    // Null before load() and after close().
    std::shared_ptr<Engine> engine() const { return engine_; }

  private:
    // Events not yet delivered to JavaScript. Outlives the engine.
    struct EventQueue {
        std::mutex mutex;
        std::vector<Event> events;  // guarded by mutex
        PieceSender pieces;         // for JavaScript's thread only
    };

    static void call_on_events(Napi::Env env, Napi::Function function, EventQueue * queue, void *);
    static void call_on_progress(Napi::Env env, Napi::Function function, std::nullptr_t *, float * progress);
    using EventsFunction = Napi::TypedThreadSafeFunction<EventQueue, void, call_on_events>;
    using ProgressFunction = Napi::TypedThreadSafeFunction<std::nullptr_t, float, call_on_progress>;

    void post(std::vector<Event> && events);
    static void stop_at_exit(void * self);

    Napi::Value load(const Napi::CallbackInfo & info);
    Napi::Value submit(const Napi::CallbackInfo & info);
    Napi::Value inspect_prompt(const Napi::CallbackInfo & info);
    Napi::Value count_prompt(const Napi::CallbackInfo & info);
    Napi::Value render_prompt(const Napi::CallbackInfo & info);
    Napi::Value tokenize(const Napi::CallbackInfo & info);
    Napi::Value pieces(const Napi::CallbackInfo & info);
    Napi::Value inspect_images(const Napi::CallbackInfo & info);
    Napi::Value encoded_image(const Napi::CallbackInfo & info);
    Napi::Value compile_grammar(const Napi::CallbackInfo & info);
    Napi::Value load_adapter(const Napi::CallbackInfo & info);
    Napi::Value unload_adapter(const Napi::CallbackInfo & info);
    Napi::Value forget(const Napi::CallbackInfo & info);
    Napi::Value reset_prefix_cache(const Napi::CallbackInfo & info);
    Napi::Value leave_cpus(const Napi::CallbackInfo & info);
    Napi::Value stats(const Napi::CallbackInfo & info);
    Napi::Value work(const Napi::CallbackInfo & info);
    Napi::Value close(const Napi::CallbackInfo & info);

    Napi::ObjectReference model_object_;
    llama_model * model_;
    EngineOptions options_;
    EventsFunction on_events_;
    ProgressFunction on_progress_;
    // Settles the promises of prompts. Created before the cleanup hook is registered, so that Node.js frees it after.
    Napi::ThreadSafeFunction to_js_;
    std::shared_ptr<Engine> engine_;
    std::unique_ptr<HugePages> huge_pages_;
    PromptThreads prompt_threads_;
    std::unordered_map<uint64_t, std::shared_ptr<Request>> requests_;
    bool has_compiled_ = false;  // a grammar
};

}  // namespace vserve
