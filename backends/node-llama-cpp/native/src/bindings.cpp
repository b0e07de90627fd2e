// The Node-API surface: backends/node-llama-cpp/native-addon.ts types it.

#include <napi.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "AddonModel.h"
#include "chat-template.h"
#include "engine.h"
#include "error.h"
#include "log.h"  // llama.cpp's
#include "quantize.h"

namespace vserve {

namespace {

Napi::Error to_js_error(Napi::Env env, const std::string & code, const std::string & message, int image = -1) {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, code));
    if (image >= 0) {
        error.Set("image", Napi::Number::New(env, image));
    }
    return error;
}

// Runs `work` on a libuv worker thread and settles a promise. An EngineError keeps its code and its image.
class Task : public Napi::AsyncWorker {
  public:
    using Settle = std::function<Napi::Value(Napi::Env)>;

    static Napi::Promise run(Napi::Env env, std::function<void()> work, Settle result) {
        auto * task = new Task(env, std::move(work), std::move(result));
        task->Queue();
        return task->deferred_.Promise();
    }

    void Execute() override {
        try {
            work_();
        } catch (const EngineError & error) {
            code_ = error.code;
            image_ = error.image;
            SetError(error.what());
        } catch (const std::exception & error) {
            code_ = "generation_failed";
            SetError(error.what());
        }
    }
    void OnOK() override {
        Napi::HandleScope scope(Env());
        deferred_.Resolve(result_(Env()));
    }
    void OnError(const Napi::Error & error) override {
        Napi::HandleScope scope(Env());
        result_ = nullptr;
        deferred_.Reject(to_js_error(Env(), code_, error.Message(), image_).Value());
    }

  private:
    Task(Napi::Env env, std::function<void()> work, Settle result)
        : Napi::AsyncWorker(env), deferred_(env), work_(std::move(work)), result_(std::move(result)) {}

    Napi::Promise::Deferred deferred_;
    std::function<void()> work_;
    Settle result_;
    std::string code_;
    int image_ = -1;
};

constexpr float greedy_below = 1e-5f;

std::string text_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::String>().Utf8Value();
}

std::vector<std::string> texts_of(const Napi::Object & object, const char * key) {
    const auto array = object.Get(key).As<Napi::Array>();
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    }
    return texts;
}

int32_t integer_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::Number>().Int32Value();
}

float float_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::Number>().FloatValue();
}

Vision::Encoding encoding_of(const std::string & name) {
    return name == "original" ? Vision::Encoding::original
           : name == "f32"    ? Vision::Encoding::f32
                              : Vision::Encoding::automatic;
}

llama_flash_attn_type flash_attention_of(const std::string & name) {
    return name == "on"    ? LLAMA_FLASH_ATTN_TYPE_ENABLED
           : name == "off" ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                           : LLAMA_FLASH_ATTN_TYPE_AUTO;
}

ggml_type kv_type_of(Napi::Env env, const std::string & name) {
    for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16, GGML_TYPE_Q8_0, GGML_TYPE_Q5_1,
                                 GGML_TYPE_Q5_0, GGML_TYPE_Q4_1, GGML_TYPE_Q4_0, GGML_TYPE_IQ4_NL}) {
        if (name == ggml_type_name(type)) {
            return type;
        }
    }
    throw to_js_error(env, "invalid_setting", "The KV cache cannot be of the type " + name + ".");
}

std::optional<std::string> optional_text_of(const Napi::Object & object, const char * key) {
    const auto value = object.Get(key);
    return value.IsString() ? std::optional<std::string>(value.As<Napi::String>().Utf8Value()) : std::nullopt;
}

Message message_of(const Napi::Object & object) {
    Message message;
    message.role = text_of(object, "role");
    const auto parts = object.Get("parts").As<Napi::Array>();
    for (uint32_t i = 0; i < parts.Length(); i++) {
        const auto part = parts.Get(i).As<Napi::Object>();
        const int32_t image = integer_of(part, "image");
        message.parts.push_back({image >= 0 ? "" : text_of(part, "text"), image});
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

Conversation conversation_of(const Napi::Object & object) {
    Conversation conversation;
    const auto messages = object.Get("messages").As<Napi::Array>();
    for (uint32_t i = 0; i < messages.Length(); i++) {
        conversation.messages.push_back(message_of(messages.Get(i).As<Napi::Object>()));
    }
    conversation.settings.variables = text_of(object, "variables");
    conversation.settings.add_generation_prompt = object.Get("addGenerationPrompt").As<Napi::Boolean>().Value();
    conversation.settings.continue_final_message = object.Get("continueFinalMessage").As<Napi::Boolean>().Value();
    return conversation;
}

ImagePlacement placement_of(const Napi::Object & object) {
    return {text_of(object, "slot"), text_of(object, "before"), text_of(object, "after"), text_of(object, "written"),
            texts_of(object, "spoken")};
}

std::vector<Image> images_of(const Napi::Array & array) {
    std::vector<Image> images;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto rgb = object.Get("rgb").As<Napi::Uint8Array>();
        images.push_back({rgb.Data(), static_cast<uint32_t>(integer_of(object, "width")),
                          static_cast<uint32_t>(integer_of(object, "height")), text_of(object, "id")});
        if (rgb.ByteLength() != static_cast<size_t>(images.back().width) * images.back().height * 3) {
            throw to_js_error(array.Env(), "undecodable", "The image's pixels do not have the size it claims.",
                              static_cast<int>(i));
        }
    }
    return images;
}

GenerationSettings settings_of(const Napi::Object & object) {
    GenerationSettings settings;
    auto & sampling = settings.sampling;
    sampling.temp = float_of(object, "temperature");
    if (sampling.temp < greedy_below) {
        sampling.temp = 0;  // logits divided by less overflow
    }
    sampling.top_p = float_of(object, "topP");
    sampling.top_k = integer_of(object, "topK");
    sampling.min_p = float_of(object, "minP");
    sampling.penalty_freq = float_of(object, "frequencyPenalty");
    sampling.penalty_present = float_of(object, "presencePenalty");
    sampling.penalty_repeat = float_of(object, "repetitionPenalty");
    sampling.no_perf = true;
    const auto seed = object.Get("seed");
    if (seed.IsNumber()) {
        sampling.seed = seed.As<Napi::Number>().Uint32Value();
    }
    // As Hugging Face has it, the repetition penalty knows the prompt; OpenAI's penalties know the answer alone. The
    // chain has one memory for both, so where both are asked for, OpenAI's know the prompt too.
    settings.penalize_prompt = sampling.penalty_repeat != 1.0f;
    settings.max_tokens = integer_of(object, "maxTokens");
    settings.reported_logits = integer_of(object, "reportedLogits");
    settings.cache_salt = text_of(object, "cacheSalt");
    settings.ignore_eos = object.Get("ignoreEos").As<Napi::Boolean>().Value();
    settings.skip_special_tokens = object.Get("skipSpecialTokens").As<Napi::Boolean>().Value();
    settings.stop_strings = texts_of(object, "stop");
    return settings;
}

Napi::Array to_js(Napi::Env env, const std::vector<llama_token_data> & tokens) {
    Napi::Array array = Napi::Array::New(env, tokens.size());
    for (uint32_t i = 0; i < tokens.size(); i++) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("token", tokens[i].id);
        object.Set("logit", tokens[i].logit);
        array.Set(i, object);
    }
    return array;
}

Napi::Object to_js(Napi::Env env, const Event & event) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("id", static_cast<double>(event.id));
    object.Set("text", event.text);
    switch (event.kind) {
        case Event::Kind::delta:
            object.Set("kind", "delta");
            object.Set("completionTokens", event.completion_tokens);
            break;
        case Event::Kind::finish:
            object.Set("kind", "finish");
            object.Set("reason", event.reason);
            object.Set("promptTokens", event.prompt_tokens);
            object.Set("cachedTokens", event.cached_tokens);
            object.Set("completionTokens", event.completion_tokens);
            object.Set("queueMs", event.queue_ms);
            object.Set("prefillMs", event.prefill_ms);
            object.Set("decodeMs", event.decode_ms);
            object.Set("firstLogits", to_js(env, event.first_logits));
            break;
        case Event::Kind::failure:
            object.Set("kind", "failure");
            object.Set("code", event.reason);
            break;
    }
    return object;
}

}  // namespace

// JavaScript's handle of an Engine: new NativeEngine(model, options, onEvents, onProgress), load(),
// submit(), forget(), stats(), close().
class NativeEngine : public Napi::ObjectWrap<NativeEngine> {
  public:
    static Napi::Function define(Napi::Env env) {
        return DefineClass(env, "NativeEngine",
                           {InstanceMethod("load", &NativeEngine::load), InstanceMethod("submit", &NativeEngine::submit),
                            InstanceMethod("forget", &NativeEngine::forget), InstanceMethod("stats", &NativeEngine::stats),
                            InstanceMethod("resetPrefixCache", &NativeEngine::reset_prefix_cache),
                            InstanceMethod("leaveCpus", &NativeEngine::leave_cpus),
                            InstanceMethod("inspectPrompt", &NativeEngine::inspect_prompt),
                            InstanceMethod("inspectImages", &NativeEngine::inspect_images),
                            InstanceMethod("close", &NativeEngine::close)});
    }

    explicit NativeEngine(const Napi::CallbackInfo & info) : Napi::ObjectWrap<NativeEngine>(info) {
        const auto model = info[0].As<Napi::Object>();
        model_object_ = Napi::Persistent(model);
        model_ = Napi::ObjectWrap<AddonModel>::Unwrap(model)->model;
        const auto options = info[1].As<Napi::Object>();
        options_.mmproj_path = text_of(options, "mmprojPath");
        const auto placement = options.Get("imagePlacement");
        if (placement.IsObject()) {
            options_.placement = placement_of(placement.As<Napi::Object>());
        }
        options_.context_cells = integer_of(options, "contextCells");
        options_.max_length = integer_of(options, "maxLength");
        options_.max_sequences = integer_of(options, "maxSequences");
        options_.batch_tokens = integer_of(options, "batchTokens");
        options_.n_threads = integer_of(options, "threads");
        options_.n_threads_batch = integer_of(options, "threadsBatch");
        options_.n_cpus = integer_of(options, "cpus");
        options_.flash_attention = flash_attention_of(text_of(options, "flashAttention"));
        options_.encoder_flash_attention = flash_attention_of(text_of(options, "encoderFlashAttention"));
        options_.kv_type = kv_type_of(info.Env(), text_of(options, "kvCacheFormat"));
        options_.use_gpu = options.Get("useGpu").As<Napi::Boolean>().Value();
        options_.keep_prefixes = options.Get("enablePrefixCaching").As<Napi::Boolean>().Value();
        options_.copy_bytes = static_cast<size_t>(options.Get("kvCopyBytes").As<Napi::Number>().Int64Value());
        options_.cached_images = static_cast<size_t>(options.Get("maxVisionCacheEntries").As<Napi::Number>().Int64Value());
        options_.cached_image_bytes =
            static_cast<size_t>(options.Get("cachedImageBytes").As<Napi::Number>().Int64Value());
        options_.mmproj_encoding = encoding_of(text_of(options, "mmprojEncoding"));
        on_events_ = EventsFunction::New(info.Env(), info[2].As<Napi::Function>(), "vserve events", 0, 1,
                                         new EventQueue, [](Napi::Env, void *, EventQueue * queue) { delete queue; });
        on_progress_ = ProgressFunction::New(info.Env(), info[3].As<Napi::Function>(), "vserve progress", 0, 1);
    }

  private:
    // The events that no call has taken yet. It outlives the calls, whatever becomes of the engine.
    struct EventQueue {
        std::mutex mutex;
        std::vector<Event> events;  // guarded by mutex
    };

    // Hands over the events of every step since the last call: of one, unless JavaScript has much to do.
    static void call_on_events(Napi::Env env, Napi::Function function, EventQueue * queue, void *) {
        std::vector<Event> events;
        {
            const std::lock_guard<std::mutex> lock(queue->mutex);
            events.swap(queue->events);
        }
        if (env != nullptr && function != nullptr) {
            Napi::Array array = Napi::Array::New(env, events.size());
            for (uint32_t i = 0; i < events.size(); i++) {
                array.Set(i, to_js(env, events[i]));
            }
            function.Call({array});
        }
    }

    // Engine thread.
    void post(std::vector<Event> && events) {
        EventQueue & queue = *on_events_.GetContext();
        const std::lock_guard<std::mutex> lock(queue.mutex);
        const bool call_is_due = !queue.events.empty();
        std::move(events.begin(), events.end(), std::back_inserter(queue.events));
        if (!call_is_due) {
            on_events_.NonBlockingCall();
        }
    }

    static void call_on_progress(Napi::Env env, Napi::Function function, std::nullptr_t *, float * progress) {
        const std::unique_ptr<float> owned(progress);
        if (env != nullptr && function != nullptr) {
            function.Call({Napi::Number::New(env, *owned)});
        }
    }

    using EventsFunction = Napi::TypedThreadSafeFunction<EventQueue, void, call_on_events>;
    using ProgressFunction = Napi::TypedThreadSafeFunction<std::nullptr_t, float, call_on_progress>;

    // load(): Promise<string>, the name of the encoder's own kernels; empty where it uses ggml's
    Napi::Value load(const Napi::CallbackInfo & info) {
        options_.on_events = [this](std::vector<Event> && events) { post(std::move(events)); };
        options_.on_projector_progress = [this](float progress) {
            auto * posted = new float(progress);
            if (on_progress_.NonBlockingCall(posted) != napi_ok) {
                delete posted;
            }
        };
        // Until close(), neither the garbage collector nor the end of the process may take the engine from its thread.
        Ref();
        napi_add_env_cleanup_hook(info.Env(), stop_at_exit, this);
        return Task::run(
            info.Env(), [this] { engine_ = std::make_shared<Engine>(model_, options_); },
            [this](Napi::Env env) {
                const char * kernel = engine_->vision_kernel();
                return Napi::String::New(env, kernel == nullptr ? "" : kernel);
            });
    }

    // submit(id, conversation, images, settings): Promise<number>, the prompt's tokens
    Napi::Value submit(const Napi::CallbackInfo & info) {
        const uint64_t id = static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value());
        auto sequence = std::make_shared<Sequence>(id, settings_of(info[3].As<Napi::Object>()));
        auto conversation = std::make_shared<Conversation>(conversation_of(info[1].As<Napi::Object>()));
        auto images = std::make_shared<std::vector<Image>>(images_of(info[2].As<Napi::Array>()));
        // The pixels stay JavaScript's: the reference keeps them until the prompt has its own copy.
        auto pixels = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[2].As<Napi::Object>()));
        sequences_[id] = sequence;
        auto preparing = std::make_shared<Engine::Preparing>(*engine_);
        return Task::run(
            info.Env(),
            [engine = engine_, preparing = std::move(preparing), sequence, conversation, images]() mutable {
                engine->prepare(*sequence, *conversation, *images);
                preparing.reset();
                if (!sequence->cancelled) {
                    engine->submit(sequence);
                }
            },
            [n_tokens = sequence, pixels](Napi::Env env) -> Napi::Value {
                return Napi::Number::New(env, n_tokens->prompt.n_tokens);
            });
    }

    // inspectPrompt(conversation, images): Promise<Array<Int32Array | number>>, tokens of text, and how many an image takes
    Napi::Value inspect_prompt(const Napi::CallbackInfo & info) {
        auto conversation = std::make_shared<Conversation>(conversation_of(info[0].As<Napi::Object>()));
        auto images = std::make_shared<std::vector<Image>>(images_of(info[1].As<Napi::Array>()));
        auto pixels = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[1].As<Napi::Object>()));
        auto prompt = std::make_shared<Prompt>();
        return Task::run(
            info.Env(),
            [engine = engine_, conversation, images, prompt] { *prompt = engine->prompt(*conversation, *images); },
            [prompt, pixels](Napi::Env env) -> Napi::Value {
                Napi::Array runs = Napi::Array::New(env);
                for (uint32_t i = 0; i < prompt->chunks.size(); i++) {
                    const Chunk & chunk = prompt->chunks[i];
                    if (chunk.media != nullptr) {
                        runs.Set(i, chunk.n_tokens);
                        continue;
                    }
                    auto tokens = Napi::Int32Array::New(env, chunk.tokens.size());
                    std::copy(chunk.tokens.begin(), chunk.tokens.end(), tokens.Data());
                    runs.Set(i, tokens);
                }
                return runs;
            });
    }

    // inspectImages(images): Promise<Array<{width, height, pixels: Float32Array}>>, what the encoder gets of them
    Napi::Value inspect_images(const Napi::CallbackInfo & info) {
        auto images = std::make_shared<std::vector<Image>>(images_of(info[0].As<Napi::Array>()));
        auto pixels = std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
        auto inputs = std::make_shared<std::vector<EncoderInput>>();
        return Task::run(
            info.Env(),
            [engine = engine_, images, inputs] {
                for (const auto & image : *images) {
                    auto prepared = engine->prepare_image(image);
                    std::move(prepared.begin(), prepared.end(), std::back_inserter(*inputs));
                }
            },
            [inputs, pixels](Napi::Env env) -> Napi::Value {
                Napi::Array result = Napi::Array::New(env);
                for (uint32_t i = 0; i < inputs->size(); i++) {
                    const EncoderInput & input = (*inputs)[i];
                    auto values = Napi::Float32Array::New(env, input.pixels.size());
                    std::copy(input.pixels.begin(), input.pixels.end(), values.Data());
                    Napi::Object object = Napi::Object::New(env);
                    object.Set("width", input.width);
                    object.Set("height", input.height);
                    object.Set("pixels", values);
                    result.Set(i, object);
                }
                return result;
            });
    }

    // forget(id): cancels a request, whatever its state, and drops it
    Napi::Value forget(const Napi::CallbackInfo & info) {
        const auto found = sequences_.find(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
        if (found != sequences_.end()) {
            found->second->cancelled = true;
            sequences_.erase(found);
            engine_->wake();
        }
        return info.Env().Undefined();
    }

    // resetPrefixCache(): forgets what finished requests left in the KV cache
    Napi::Value reset_prefix_cache(const Napi::CallbackInfo & info) {
        engine_->reset_prefix_cache();
        return info.Env().Undefined();
    }

    // leaveCpus(count): leaves so many CPUs to other work of the process
    Napi::Value leave_cpus(const Napi::CallbackInfo & info) {
        engine_->leave_cpus(info[0].As<Napi::Number>().Int32Value());
        return info.Env().Undefined();
    }

    // stats(): {running, queued, threads}
    Napi::Value stats(const Napi::CallbackInfo & info) {
        const auto stats = engine_->stats();
        Napi::Object object = Napi::Object::New(info.Env());
        object.Set("running", static_cast<double>(stats.running));
        object.Set("queued", static_cast<double>(stats.queued));
        object.Set("threads", stats.threads);
        return object;
    }

    // close(): Promise<void>. Running requests end with model_closed first. Also after a load() that failed.
    Napi::Value close(const Napi::CallbackInfo & info) {
        return Task::run(
            info.Env(),
            [this] {
                if (engine_) {
                    engine_->stop();
                    engine_.reset();
                }
            },
            [this](Napi::Env env) {
                napi_remove_env_cleanup_hook(env, stop_at_exit, this);
                on_events_.Release();
                on_progress_.Release();
                model_object_.Reset();
                sequences_.clear();
                Unref();
                return env.Undefined();
            });
    }

    static void stop_at_exit(void * self) {
        if (const auto engine = static_cast<NativeEngine *>(self)->engine_) {
            engine->stop();
        }
    }

    Napi::ObjectReference model_object_;
    llama_model * model_;
    EngineOptions options_;
    EventsFunction on_events_;
    ProgressFunction on_progress_;
    std::shared_ptr<Engine> engine_;
    std::unordered_map<uint64_t, std::shared_ptr<Sequence>> sequences_;
};

// keepWeightsAsInFile(model): before the model is loaded
static Napi::Value keep_weights_as_in_file(const Napi::CallbackInfo & info) {
    Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>())->model_params.use_extra_bufts = false;
    return info.Env().Undefined();
}

// quantize(source, destination, type, threads): Promise<void>
static Napi::Value quantize_file(const Napi::CallbackInfo & info) {
    return Task::run(
        info.Env(),
        [source = info[0].As<Napi::String>().Utf8Value(), destination = info[1].As<Napi::String>().Utf8Value(),
         type = info[2].As<Napi::String>().Utf8Value(), threads = info[3].As<Napi::Number>().Int32Value()] {
            quantize(source, destination, type, threads);
        },
        [](Napi::Env env) { return env.Undefined(); });
}

// renderTemplate(source, specialTokens, imagePlacement, conversation, imageCount): what a chat template makes of a
// conversation, in runs of one origin
static Napi::Value render_template(const Napi::CallbackInfo & info) {
    ChatTemplate::Variables special_tokens;
    const auto names = info[1].As<Napi::Object>().GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); i++) {
        const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
        special_tokens.emplace_back(name, text_of(info[1].As<Napi::Object>(), name.c_str()));
    }
    Napi::Array runs = Napi::Array::New(info.Env());
    try {
        const ChatTemplate chat_template(info[0].As<Napi::String>().Utf8Value(), std::move(special_tokens),
                                         info[2].IsObject() ? placement_of(info[2].As<Napi::Object>()) : ImagePlacement{});
        const Conversation conversation = conversation_of(info[3].As<Napi::Object>());
        for (const auto & run : chat_template.render(conversation, info[4].As<Napi::Number>().Uint32Value())) {
            Napi::Object object = Napi::Object::New(info.Env());
            object.Set("text", run.text);
            object.Set("fromUser", run.from_user);
            object.Set("image", run.image);
            runs.Set(runs.Length(), object);
        }
    } catch (const EngineError & error) {
        throw to_js_error(info.Env(), error.code, error.what());
    }
    return runs;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    // libllama-common writes warnings to stderr by itself; what matters reaches JavaScript as an error.
    common_log_set_verbosity_thold(LOG_LEVEL_ERROR);
    exports.Set("NativeEngine", NativeEngine::define(env));
    exports.Set("keepWeightsAsInFile", Napi::Function::New(env, keep_weights_as_in_file, "keepWeightsAsInFile"));
    exports.Set("renderTemplate", Napi::Function::New(env, render_template, "renderTemplate"));
    exports.Set("quantize", Napi::Function::New(env, quantize_file, "quantize"));
    exports.Set("nodeLlamaCppVersion", VSERVE_NODE_LLAMA_CPP_VERSION);
    return exports;
}

}  // namespace vserve

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
    return vserve::init(env, exports);
}

NODE_API_MODULE(vserve_engine, init_addon)
