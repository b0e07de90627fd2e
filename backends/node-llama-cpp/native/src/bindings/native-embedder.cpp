#include "bindings/native-embedder.h"

#include <algorithm>

#include "AddonModel.h"
#include "bindings/js-values.h"
#include "bindings/native-engine.h"
#include "bindings/prompt-tasks.h"
#include "bindings/read-images.h"
#include "bindings/read-options.h"
#include "bindings/read-prompt.h"
#include "bindings/task.h"
#include "prompt-scope.h"

namespace vserve {

namespace {

// An input on its way, and the promise of its vector. JavaScript owns the pixels: the reference keeps them alive.
struct Call {
    Call(Napi::Env env, Conversation conversation, const Napi::Value & images)
        : deferred(env),
          conversation(std::move(conversation)),
          images(images_of(images.As<Napi::Array>())),
          pixels(Napi::Persistent(images.As<Napi::Object>())),
          job(std::make_shared<EmbedJob>()) {}

    Napi::Promise::Deferred deferred;
    Conversation conversation;
    std::vector<Image> images;
    Napi::ObjectReference pixels;
    std::shared_ptr<EmbedJob> job;
    std::vector<float> vector;
    std::optional<EngineError> error;

    void settle(Napi::Env env) {
        Napi::HandleScope scope(env);
        pixels.Reset();
        if (error) {
            deferred.Reject(to_js_error(env, error->code, error->what(), error->image).Value());
            return;
        }
        auto array = Napi::Float32Array::New(env, vector.size());
        std::copy(vector.begin(), vector.end(), array.Data());
        Napi::Object object = Napi::Object::New(env);
        object.Set("vector", array);
        object.Set("promptTokens", job->prompt.n_tokens);
        deferred.Resolve(object);
    }
};

}  // namespace

Napi::Function NativeEmbedder::define(Napi::Env env) {
    return DefineClass(env, "NativeEmbedder",
                       {InstanceMethod("load", &NativeEmbedder::load), InstanceMethod("embed", &NativeEmbedder::embed),
                        InstanceMethod("countPrompt", &NativeEmbedder::count_prompt),
                        InstanceMethod("renderPrompt", &NativeEmbedder::render_prompt),
                        InstanceMethod("tokenize", &NativeEmbedder::tokenize),
                        InstanceMethod("pieces", &NativeEmbedder::pieces),
                        InstanceMethod("forget", &NativeEmbedder::forget),
                        InstanceMethod("close", &NativeEmbedder::close)});
}

NativeEmbedder::NativeEmbedder(const Napi::CallbackInfo & info)
    : Napi::ObjectWrap<NativeEmbedder>(info), options_(embedder_options_of(info[1].As<Napi::Object>())) {
    const auto model = info[0].As<Napi::Object>();
    model_object_ = Napi::Persistent(model);
    model_ = Napi::ObjectWrap<AddonModel>::Unwrap(model)->model;
    if (info[2].IsObject()) {
        engine_ = Napi::ObjectWrap<NativeEngine>::Unwrap(info[2].As<Napi::Object>())->engine();
    }
    to_js_ = Napi::ThreadSafeFunction::New(
        info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo &) {}), "vserve embeddings", 0, 1);
}

// load(): Promise<{dimensions, vocabularySize, seesImages}>
Napi::Value NativeEmbedder::load(const Napi::CallbackInfo & info) {
    // Until close(), neither the garbage collector nor process exit may free the embedder under its thread.
    Ref();
    napi_add_env_cleanup_hook(info.Env(), stop_at_exit, this);
    return Task::run(
        info.Env(), [this] { embedder_ = std::make_shared<Embedder>(model_, options_, engine_); },
        [this](Napi::Env env) {
            Napi::Object object = Napi::Object::New(env);
            object.Set("dimensions", embedder_->dimensions());
            object.Set("vocabularySize", embedder_->vocabulary_size());
            object.Set("seesImages", embedder_->sees_images());
            return object;
        });
}

// embed(id, prompt, images, cacheSalt, client): Promise<{vector: Float32Array, promptTokens}>. forget(id) cancels it.
Napi::Value NativeEmbedder::embed(const Napi::CallbackInfo & info) {
    const auto id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
    const auto call = std::make_shared<Call>(info.Env(), conversation_of(info[1].As<Napi::Object>()), info[2]);
    call->job->cache_salt = info[3].As<Napi::String>().Utf8Value();
    call->job->client = texts_of(info[4].As<Napi::Array>());
    jobs_[id] = call->job;
    const auto settle = [call, to_js = to_js_](std::vector<float> vector, std::optional<EngineError> error) {
        call->vector = std::move(vector);
        call->error = std::move(error);
        if (to_js.NonBlockingCall([call](Napi::Env env, Napi::Function) { call->settle(env); }) != napi_ok) {
            // The process is exiting. Leak JavaScript's values: this thread must not free them.
            new std::shared_ptr<Call>(call);
        }
    };
    call->job->on_done = settle;
    prompt_threads_.run(prompt_bytes(call->conversation, call->images), [embedder = embedder_, call, settle] {
        try {
            embedder->prepare(*call->job, *call->conversation.prompt, call->images);
            embedder->submit(call->job);
        } catch (const Cancelled &) {
            call->job->on_done = nullptr;
            settle({}, EngineError("request_cancelled", "The request was cancelled while its prompt was built."));
        } catch (...) {
            call->job->on_done = nullptr;
            settle({}, engine_error_of(std::current_exception()));
        }
    });
    return call->deferred.Promise();
}

// countPrompt(prompt, images): Promise<number>
Napi::Value NativeEmbedder::count_prompt(const Napi::CallbackInfo & info) {
    const auto conversation = std::make_shared<Conversation>(conversation_of(info[0].As<Napi::Object>()));
    const auto images = std::make_shared<std::vector<Image>>(images_of(info[1].As<Napi::Array>(), true));
    const auto count = std::make_shared<int32_t>(0);
    return Task::run_on(
        prompt_threads_, prompt_bytes(*conversation, *images), to_js_, info.Env(),
        [embedder = embedder_, conversation, images, count] {
            *count = embedder->prompts().build(*conversation, *images, INT32_MAX, [] { return false; }).n_tokens;
        },
        [count](Napi::Env env) -> Napi::Value { return Napi::Number::New(env, *count); });
}

Napi::Value NativeEmbedder::render_prompt(const Napi::CallbackInfo & info) {
    return vserve::render_prompt(
        info, {prompt_threads_, to_js_},
        [embedder = embedder_](const Conversation & conversation, size_t n_images, const std::string & marker) {
            return embedder->prompts().text_of(conversation, n_images, marker, [] { return false; });
        });
}

Napi::Value NativeEmbedder::tokenize(const Napi::CallbackInfo & info) {
    return vserve::tokenize(info, {prompt_threads_, to_js_},
                            [embedder = embedder_](const std::string & text, bool parse_special, bool add_special) {
                                return embedder->prompts().tokens(text, parse_special, add_special, [] { return false; });
                            });
}

Napi::Value NativeEmbedder::pieces(const Napi::CallbackInfo & info) {
    return vserve::pieces(info, {prompt_threads_, to_js_}, [embedder = embedder_](const std::vector<llama_token> & tokens) {
        return embedder->prompts().pieces(tokens);
    });
}

// forget(id): cancels an input, and drops it
Napi::Value NativeEmbedder::forget(const Napi::CallbackInfo & info) {
    const auto found = jobs_.find(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
    if (found != jobs_.end()) {
        found->second->cancelled = true;
        jobs_.erase(found);
    }
    return info.Env().Undefined();
}

// close(): Promise<void>. Inputs fail with model_closed first. Call it after a failed load() too.
Napi::Value NativeEmbedder::close(const Napi::CallbackInfo & info) {
    return Task::run(
        info.Env(),
        [this] {
            if (embedder_) {
                prompt_threads_.drain();
                embedder_->stop();
                embedder_.reset();
            }
            engine_.reset();
        },
        [this](Napi::Env env) {
            napi_remove_env_cleanup_hook(env, stop_at_exit, this);
            to_js_.Release();
            model_object_.Reset();
            jobs_.clear();
            Unref();
            return env.Undefined();
        });
}

void NativeEmbedder::stop_at_exit(void * pointer) {
    auto & self = *static_cast<NativeEmbedder *>(pointer);
    if (const auto embedder = self.embedder_) {
        self.prompt_threads_.drain();
        embedder->stop();
    }
}

}  // namespace vserve
