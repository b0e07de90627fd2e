#include "bindings/native-engine.h"

#include <algorithm>
#include <iterator>

#include "AddonModel.h"
#include "bindings/prompt-tasks.h"
#include "bindings/read-images.h"
#include "bindings/read-options.h"
#include "bindings/read-prompt.h"
#include "bindings/read-settings.h"
#include "bindings/task.h"
#include "bindings/write-events.h"
#include "bindings/write-values.h"

namespace vserve {

namespace {

// Text is tokenized that much faster than a schema becomes a grammar.
constexpr size_t text_bytes_for_grammar_byte = 32;

// The input of a prompt. JavaScript owns the pixels: the reference keeps them alive until the prompt has its own copy.
struct Content {
    Content(Conversation conversation, const Napi::Value & images, bool sizes_only = false)
        : conversation(std::move(conversation)),
          images(images_of(images.As<Napi::Array>(), sizes_only)),
          pixels(Napi::Persistent(images.As<Napi::Object>())),
          bytes(prompt_bytes(this->conversation, this->images)) {}

    Conversation conversation;
    std::vector<Image> images;
    Napi::ObjectReference pixels;
    size_t bytes;
};

}  // namespace

Napi::Function NativeEngine::define(Napi::Env env) {
    return DefineClass(
        env, "NativeEngine",
        {InstanceMethod("load", &NativeEngine::load), InstanceMethod("submit", &NativeEngine::submit),
         InstanceMethod("encodedImage", &NativeEngine::encoded_image),
         InstanceMethod("compileGrammar", &NativeEngine::compile_grammar),
         InstanceMethod("loadAdapter", &NativeEngine::load_adapter),
         InstanceMethod("unloadAdapter", &NativeEngine::unload_adapter),
         InstanceMethod("forget", &NativeEngine::forget), InstanceMethod("stats", &NativeEngine::stats),
         InstanceMethod("work", &NativeEngine::work),
         InstanceMethod("resetPrefixCache", &NativeEngine::reset_prefix_cache),
         InstanceMethod("leaveCpus", &NativeEngine::leave_cpus),
         InstanceMethod("inspectPrompt", &NativeEngine::inspect_prompt),
         InstanceMethod("countPrompt", &NativeEngine::count_prompt),
         InstanceMethod("renderPrompt", &NativeEngine::render_prompt),
         InstanceMethod("tokenize", &NativeEngine::tokenize), InstanceMethod("pieces", &NativeEngine::pieces),
         InstanceMethod("inspectImages", &NativeEngine::inspect_images), InstanceMethod("close", &NativeEngine::close)});
}

NativeEngine::NativeEngine(const Napi::CallbackInfo & info)
    : Napi::ObjectWrap<NativeEngine>(info), options_(options_of(info[1].As<Napi::Object>())) {
    const auto model = info[0].As<Napi::Object>();
    model_object_ = Napi::Persistent(model);
    model_ = Napi::ObjectWrap<AddonModel>::Unwrap(model)->model;
    auto * queue = new EventQueue;
    on_events_ = EventsFunction::New(info.Env(), info[2].As<Napi::Function>(), "vserve events", 0, 1, queue,
                                     [](Napi::Env, void *, EventQueue * queue) { delete queue; });
    if (info[4].IsFunction()) {
        queue->pieces = PieceSender(info[4].As<Napi::Function>());
    }
    on_progress_ = ProgressFunction::New(info.Env(), info[3].As<Napi::Function>(), "vserve progress", 0, 1);
    to_js_ = Napi::ThreadSafeFunction::New(
        info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo &) {}), "vserve prompts", 0, 1);
}

// Delivers the events of all steps since the last call: one step, unless JavaScript is busy.
void NativeEngine::call_on_events(Napi::Env env, Napi::Function function, EventQueue * queue, void *) {
    std::vector<Event> events;
    {
        const std::lock_guard<std::mutex> lock(queue->mutex);
        events.swap(queue->events);
    }
    if (env == nullptr || function == nullptr) {
        return;
    }
    const auto is_piece = [queue](const Event & event) { return queue->pieces.takes(event); };
    for (auto event = events.cbegin(); event != events.cend();) {
        if (is_piece(*event)) {
            queue->pieces.send(*event++);
        } else {
            const auto end = std::find_if(event, events.cend(), is_piece);
            function.Call({to_js(env, event, end)});
            event = end;
        }
    }
}

void NativeEngine::call_on_progress(Napi::Env env, Napi::Function function, std::nullptr_t *, float * progress) {
    const std::unique_ptr<float> owned(progress);
    if (env != nullptr && function != nullptr) {
        function.Call({Napi::Number::New(env, *owned)});
    }
}

// Engine thread.
void NativeEngine::post(std::vector<Event> && events) {
    EventQueue & queue = *on_events_.GetContext();
    const std::lock_guard<std::mutex> lock(queue.mutex);
    const bool call_is_due = !queue.events.empty();
    std::move(events.begin(), events.end(), std::back_inserter(queue.events));
    if (!call_is_due) {
        on_events_.NonBlockingCall();
    }
}

// load(): Promise<LoadedTraits>, of native-addon.ts
Napi::Value NativeEngine::load(const Napi::CallbackInfo & info) {
    options_.on_events = [this](std::vector<Event> && events) { post(std::move(events)); };
    options_.on_projector_progress = [this](float progress) {
        auto * posted = new float(progress);
        if (on_progress_.NonBlockingCall(posted) != napi_ok) {
            delete posted;
        }
    };
    // Until close(), neither the garbage collector nor process exit may free the engine under its thread.
    Ref();
    napi_add_env_cleanup_hook(info.Env(), stop_at_exit, this);
    return Task::run(
        info.Env(), [this] {
            engine_ = std::make_shared<Engine>(model_, options_);
            huge_pages_ = std::make_unique<HugePages>(model_);
        },
        [this](Napi::Env env) {
            const char * kernel = engine_->vision_kernel();
            Napi::Object object = Napi::Object::New(env);
            object.Set("visionKernel", kernel == nullptr ? "" : kernel);
            object.Set("thinks", engine_->thinks());
            object.Set("stringQuote", engine_->string_quote());
            object.Set("vocabularySize", engine_->vocabulary_size());
            object.Set("mostImageTokens", engine_->most_image_tokens());
            return object;
        });
}

// submit(id, conversation, images, settings): Promise<number>, the prompt's tokens
Napi::Value NativeEngine::submit(const Napi::CallbackInfo & info) {
    const uint64_t id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    const auto request = std::make_shared<Request>(id, settings_of(info[3].As<Napi::Object>()));
    const auto content = std::make_shared<Content>(conversation_of(info[1].As<Napi::Object>()), info[2]);
    requests_[id] = request;
    // A short one takes less time than a step loses by a CPU.
    auto preparing =
        PromptThreads::is_long(content->bytes) ? std::make_shared<Engine::Preparing>(*engine_) : nullptr;
    return Task::run_on(
        prompt_threads_, content->bytes, to_js_, info.Env(),
        [engine = engine_, preparing = std::move(preparing), request, content]() mutable {
            const auto answers = engine->prepare(request, content->conversation, content->images);
            preparing.reset();
            if (!request->cancelled) {
                engine->submit(answers);
            }
        },
        [request, content](Napi::Env env) -> Napi::Value {
            return Napi::Number::New(env, request->prompt.n_tokens);
        });
}

// inspectPrompt(conversation, images): Promise<Array<Int32Array | number>>: the tokens of text, or the number that an image
// takes
Napi::Value NativeEngine::inspect_prompt(const Napi::CallbackInfo & info) {
    const auto content = std::make_shared<Content>(conversation_of(info[0].As<Napi::Object>()), info[1]);
    const auto prompt = std::make_shared<Prompt>();
    return Task::run_on(
        prompt_threads_, content->bytes, to_js_, info.Env(),
        [engine = engine_, content, prompt] {
            *prompt = engine->prompt(content->conversation, content->images);
        },
        [prompt, content](Napi::Env env) -> Napi::Value { return to_js(env, *prompt); });
}

// countPrompt(id, conversation, images): Promise<number>. The images need no pixels. forget(id) cancels it.
Napi::Value NativeEngine::count_prompt(const Napi::CallbackInfo & info) {
    const uint64_t id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    const auto request = std::make_shared<Request>(id, GenerationSettings{});
    const auto content = std::make_shared<Content>(conversation_of(info[1].As<Napi::Object>()), info[2], true);
    requests_[id] = request;
    const auto count = std::make_shared<int32_t>(0);
    return Task::run_on(
        prompt_threads_, content->bytes, to_js_, info.Env(),
        [engine = engine_, request, content, count] {
            *count = engine->count_prompt(*request, content->conversation, content->images);
        },
        [count, content](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *count); });
}

Napi::Value NativeEngine::render_prompt(const Napi::CallbackInfo & info) {
    return vserve::render_prompt(
        info, {prompt_threads_, to_js_},
        [engine = engine_](const Conversation & conversation, size_t n_images, const std::string & marker) {
            return engine->prompt_text(conversation, n_images, marker);
        });
}

Napi::Value NativeEngine::tokenize(const Napi::CallbackInfo & info) {
    return vserve::tokenize(info, {prompt_threads_, to_js_},
                            [engine = engine_](const std::string & text, bool parse_special, bool add_special) {
                                return engine->tokens(text, parse_special, add_special);
                            });
}

Napi::Value NativeEngine::pieces(const Napi::CallbackInfo & info) {
    return vserve::pieces(info, {prompt_threads_, to_js_},
                          [engine = engine_](const std::vector<llama_token> & tokens) { return engine->pieces(tokens); });
}

// inspectImages(images): Promise<Array<{width, height, pixels: Float32Array}>>, the encoder's input
Napi::Value NativeEngine::inspect_images(const Napi::CallbackInfo & info) {
    const auto content = std::make_shared<Content>(Conversation{}, info[0]);
    const auto inputs = std::make_shared<std::vector<EncoderInput>>();
    return Task::run_on(
        prompt_threads_, content->bytes, to_js_, info.Env(),
        [engine = engine_, content, inputs] {
            for (const auto & image : content->images) {
                auto prepared = engine->prepare_image(image);
                std::move(prepared.begin(), prepared.end(), std::back_inserter(*inputs));
            }
        },
        [inputs, content](Napi::Env env) -> Napi::Value { return to_js(env, *inputs); });
}

// encodedImage(id, salt): a handle that holds the image's embeddings, or undefined
Napi::Value NativeEngine::encoded_image(const Napi::CallbackInfo & info) {
    const std::string image_id = info[0].As<Napi::String>().Utf8Value();
    auto embeddings = engine_->encoded_image(info[1].As<Napi::String>().Utf8Value(), image_id);
    return embeddings.empty() ? info.Env().Undefined() : to_js(info.Env(), std::move(embeddings));
}

// compileGrammar(schema, gbnf): Promise of a handle for submit()'s settings
Napi::Value NativeEngine::compile_grammar(const Napi::CallbackInfo & info) {
    const auto source = std::make_shared<const GrammarSource>(
        GrammarSource{info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value()});
    const auto grammar = std::make_shared<std::shared_ptr<const GrammarRules>>();
    // The first one looks over the vocabulary, too.
    const size_t bytes =
        has_compiled_ ? (source->schema.size() + source->gbnf.size()) * text_bytes_for_grammar_byte : SIZE_MAX;
    has_compiled_ = true;
    return Task::run_on(
        prompt_threads_, bytes, to_js_, info.Env(),
        [engine = engine_, source, grammar] { *grammar = engine->compile_grammar(*source); },
        [grammar](Napi::Env env) -> Napi::Value { return to_js(env, *grammar); });
}

// loadAdapter(path): Promise<number>, its id for submit()'s settings
Napi::Value NativeEngine::load_adapter(const Napi::CallbackInfo & info) {
    const auto id = std::make_shared<uint64_t>(0);
    return Task::run(
        info.Env(), [engine = engine_, id, path = info[0].As<Napi::String>().Utf8Value()] { *id = engine->load_adapter(path); },
        [id](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, static_cast<double>(*id)); });
}

// unloadAdapter(id): Promise<void>
Napi::Value NativeEngine::unload_adapter(const Napi::CallbackInfo & info) {
    const auto id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    return Task::run(
        info.Env(), [engine = engine_, id] { engine->unload_adapter(id); },
        [](Napi::Env env) -> Napi::Value { return env.Undefined(); });
}

// forget(id): cancels and drops a request in any state
Napi::Value NativeEngine::forget(const Napi::CallbackInfo & info) {
    const auto found = requests_.find(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
    if (found != requests_.end()) {
        found->second->cancelled = true;
        requests_.erase(found);
        engine_->wake();
    }
    return info.Env().Undefined();
}

// resetPrefixCache(): drops the KV cells of finished requests
Napi::Value NativeEngine::reset_prefix_cache(const Napi::CallbackInfo & info) {
    engine_->reset_prefix_cache();
    return info.Env().Undefined();
}

// leaveCpus(count): reserves CPUs for other work of the process
Napi::Value NativeEngine::leave_cpus(const Napi::CallbackInfo & info) {
    engine_->leave_cpus(info[0].As<Napi::Number>().Int32Value());
    return info.Env().Undefined();
}

// work(): what was done so far
Napi::Value NativeEngine::work(const Napi::CallbackInfo & info) {
    return to_js(info.Env(), engine_->work());
}

// stats(): {running, queued, threads}
Napi::Value NativeEngine::stats(const Napi::CallbackInfo & info) {
    return to_js(info.Env(), engine_->stats());
}

// close(): Promise<void>. Running requests fail with model_closed first. Call it after a failed load() too.
Napi::Value NativeEngine::close(const Napi::CallbackInfo & info) {
    return Task::run(
        info.Env(),
        [this] {
            huge_pages_.reset();
            if (engine_) {
                engine_->stop();
                prompt_threads_.drain();
                engine_.reset();
            }
        },
        [this](Napi::Env env) {
            napi_remove_env_cleanup_hook(env, stop_at_exit, this);
            on_events_.Release();
            on_progress_.Release();
            to_js_.Release();
            model_object_.Reset();
            requests_.clear();
            Unref();
            return env.Undefined();
        });
}

void NativeEngine::stop_at_exit(void * pointer) {
    auto & self = *static_cast<NativeEngine *>(pointer);
    self.huge_pages_.reset();
    if (const auto engine = self.engine_) {
        engine->stop();
        self.prompt_threads_.drain();
    }
}

}  // namespace vserve
