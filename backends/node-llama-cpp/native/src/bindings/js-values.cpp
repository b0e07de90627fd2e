#include "bindings/js-values.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "bindings/task.h"

namespace vserve {

namespace {

constexpr float greedy_below = 1e-5f;

std::string text_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::String>().Utf8Value();
}

std::vector<std::string> texts_of(const Napi::Object & object, const char * key) {
    return vserve::texts_of(object.Get(key).As<Napi::Array>());
}

std::vector<int32_t> integers_of(const Napi::Object & object, const char * key) {
    const auto array = object.Get(key).As<Napi::Array>();
    std::vector<int32_t> integers;
    for (uint32_t i = 0; i < array.Length(); i++) {
        integers.push_back(array.Get(i).As<Napi::Number>().Int32Value());
    }
    return integers;
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

SamplerKind sampler_kind_of(Napi::Env env, const std::string & name) {
    static const std::map<std::string, SamplerKind> kinds{{"penalties", SamplerKind::penalties},
                                                          {"noRepeatNgram", SamplerKind::no_repeat_ngram},
                                                          {"dry", SamplerKind::dry},
                                                          {"topNSigma", SamplerKind::top_n_sigma},
                                                          {"temperature", SamplerKind::temperature},
                                                          {"topK", SamplerKind::top_k},
                                                          {"typicalP", SamplerKind::typical_p},
                                                          {"topP", SamplerKind::top_p},
                                                          {"minP", SamplerKind::min_p},
                                                          {"xtc", SamplerKind::xtc},
                                                          {"adaptiveP", SamplerKind::adaptive_p}};
    const auto found = kinds.find(name);
    if (found == kinds.end()) {
        throw to_js_error(env, "invalid_request", "There is no sampler " + name + ".");
    }
    return found->second;
}

bool boolean_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::Boolean>().Value();
}

size_t size_of(const Napi::Object & object, const char * key) {
    return static_cast<size_t>(object.Get(key).As<Napi::Number>().Int64Value());
}

std::optional<size_t> optional_size_of(const Napi::Object & object, const char * key) {
    const auto value = object.Get(key);
    return value.IsNumber() ? std::optional<size_t>(static_cast<size_t>(value.As<Napi::Number>().Int64Value()))
                            : std::nullopt;
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
        message.parts.push_back({image >= 0 ? "" : text_of(part, "text"), image, part.Get("isMark").ToBoolean()});
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

std::vector<ArgumentText> argument_texts_of(const Napi::Array & array) {
    std::vector<ArgumentText> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto text = array.Get(i).As<Napi::Object>();
        texts.push_back({text_of(text, "name"), text_of(text, "gbnf"), boolean_of(text, "isWhole")});
    }
    return texts;
}

std::vector<QuotedValue> quoted_values_of(const Napi::Array & array) {
    std::vector<QuotedValue> values;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto value = array.Get(i).As<Napi::Object>();
        values.push_back({text_of(value, "name"), text_of(value, "gbnf")});
    }
    return values;
}

ToolSettings tools_of(const Napi::Object & object) {
    ToolSettings settings;
    const auto tools = object.Get("tools").As<Napi::Array>();
    for (uint32_t i = 0; i < tools.Length(); i++) {
        const auto tool = tools.Get(i).As<Napi::Object>();
        settings.tools.push_back({text_of(tool, "name"), text_of(tool, "description"), text_of(tool, "parameters"),
                                  text_of(tool, "schema"), text_of(tool, "rules"),
                                  argument_texts_of(tool.Get("argumentTexts").As<Napi::Array>()),
                                  quoted_values_of(tool.Get("quotedValues").As<Napi::Array>())});
    }
    const std::string choice = text_of(object, "toolChoice");
    settings.choice = choice == "none"       ? ToolSettings::Choice::none
                      : choice == "required" ? ToolSettings::Choice::required
                                             : ToolSettings::Choice::automatic;
    settings.only = text_of(object, "onlyTool");
    const auto parallel = object.Get("parallelCalls");
    if (parallel.IsBoolean()) {
        settings.parallel = parallel.As<Napi::Boolean>().Value();
    }
    return settings;
}

std::vector<llama_logit_bias> biases_of(const Napi::Array & array) {
    std::vector<llama_logit_bias> biases;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto bias = array.Get(i).As<Napi::Object>();
        biases.push_back({integer_of(bias, "token"), float_of(bias, "bias")});
    }
    return biases;
}

void read_penalties(const Napi::Object & object, SamplingSettings & sampling) {
    sampling.frequency_penalty = float_of(object, "frequencyPenalty");
    sampling.presence_penalty = float_of(object, "presencePenalty");
    sampling.repetition_penalty = float_of(object, "repetitionPenalty");
    sampling.penalty_window = integer_of(object, "penaltyWindow");
    sampling.no_repeat_ngram_size = integer_of(object, "noRepeatNgramSize");
    sampling.no_repeat_ngram_window = integer_of(object, "noRepeatNgramWindow");
    sampling.no_repeat_ngram_prompt = boolean_of(object, "noRepeatNgramPrompt");
    sampling.no_repeat_ngram_allowed = integers_of(object, "noRepeatNgramAllowed");
    sampling.dry_multiplier = float_of(object, "dryMultiplier");
    sampling.dry_base = float_of(object, "dryBase");
    sampling.dry_allowed_length = integer_of(object, "dryAllowedLength");
    sampling.dry_window = integer_of(object, "dryWindow");
    sampling.dry_breakers = texts_of(object, "dryBreakers");
}

// Undefined: never.
RepetitionStop repetition_stop_of(const Napi::Value & value) {
    if (!value.IsObject()) {
        return {};
    }
    const auto object = value.As<Napi::Object>();
    return {integer_of(object, "minPatternTokens"), integer_of(object, "maxPatternTokens"), integer_of(object, "minCount")};
}

SamplingSettings sampling_of(const Napi::Object & object) {
    SamplingSettings sampling;
    sampling.temperature = float_of(object, "temperature");
    if (sampling.temperature < greedy_below) {
        sampling.temperature = 0;  // logits divided by less overflow
    }
    sampling.top_p = float_of(object, "topP");
    sampling.top_k = integer_of(object, "topK");
    sampling.min_p = float_of(object, "minP");
    sampling.temperature_range = float_of(object, "temperatureRange");
    sampling.temperature_exponent = float_of(object, "temperatureExponent");
    sampling.typical_p = float_of(object, "typicalP");
    sampling.top_n_sigma = float_of(object, "topNSigma");
    sampling.min_keep = integer_of(object, "minKeep");
    sampling.xtc_probability = float_of(object, "xtcProbability");
    sampling.xtc_threshold = float_of(object, "xtcThreshold");
    sampling.adaptive_target = float_of(object, "adaptiveTarget");
    sampling.adaptive_decay = float_of(object, "adaptiveDecay");
    sampling.mirostat = integer_of(object, "mirostat");
    sampling.mirostat_tau = float_of(object, "mirostatTau");
    sampling.mirostat_eta = float_of(object, "mirostatEta");
    read_penalties(object, sampling);
    sampling.biases = biases_of(object.Get("logitBias").As<Napi::Array>());
    const auto seed = object.Get("seed");
    if (seed.IsNumber()) {
        sampling.seed = seed.As<Napi::Number>().Uint32Value();
    }
    sampling.samplers.clear();
    for (const auto & name : texts_of(object, "samplers")) {
        sampling.samplers.push_back(sampler_kind_of(object.Env(), name));
    }
    return sampling;
}

std::vector<ForcedRun> forced_runs_of(const Napi::Array & array) {
    std::vector<ForcedRun> runs;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto tokens = object.Get("tokens").As<Napi::Int32Array>();
        runs.push_back({integer_of(object, "after"), {tokens.Data(), tokens.Data() + tokens.ElementLength()}});
    }
    return runs;
}

std::vector<PromptPiece> pieces_of(const Napi::Array & array) {
    std::vector<PromptPiece> pieces;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto tokens = object.Get("tokens").As<Napi::Int32Array>();
        pieces.push_back({text_of(object, "text"), {tokens.Data(), tokens.Data() + tokens.ElementLength()},
                          integer_of(object, "image")});
    }
    return pieces;
}

// Bytes cross over as a string of characters below 256: the fastest way for a few of them.
Napi::Value latin1(Napi::Env env, const std::string & bytes) {
    napi_value value = nullptr;
    napi_create_string_latin1(env, bytes.data(), bytes.size(), &value);
    return {env, value};
}

Napi::Object to_js(Napi::Env env, const TokenLogit & token) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("token", token.token);
    object.Set("logit", token.logit);
    object.Set("bytes", latin1(env, token.bytes));
    return object;
}

Napi::Array to_js(Napi::Env env, const std::vector<TokenReport> & reports) {
    Napi::Array array = Napi::Array::New(env, reports.size());
    for (uint32_t i = 0; i < reports.size(); i++) {
        Napi::Array likeliest = Napi::Array::New(env, reports[i].likeliest.size());
        for (uint32_t k = 0; k < likeliest.Length(); k++) {
            likeliest.Set(k, to_js(env, reports[i].likeliest[k]));
        }
        Napi::Object object = to_js(env, reports[i].chosen);
        object.Set("logSum", reports[i].log_sum);
        object.Set("likeliest", likeliest);
        array.Set(i, object);
    }
    return array;
}

Napi::Array to_js(Napi::Env env, const std::vector<PromptReport> & reports) {
    Napi::Array array = Napi::Array::New(env, reports.size());
    for (uint32_t i = 0; i < reports.size(); i++) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("token", reports[i].token.token);
        object.Set("bytes", latin1(env, reports[i].token.bytes));
        if (reports[i].report) {
            object.Set("report", to_js(env, std::vector<TokenReport>{*reports[i].report}).Get(0u));
        }
        array.Set(i, object);
    }
    return array;
}

void add_piece(Napi::Env env, const Event & event, Napi::Object & object) {
    object.Set("completionTokens", event.completion_tokens);
    if (!event.reports.empty()) {
        object.Set("reports", to_js(env, event.reports));
    }
}

void add_finish(Napi::Env env, const Event & event, Napi::Object & object) {
    object.Set("kind", "finish");
    object.Set("reason", event.reason);
    if (event.stop_string) {
        object.Set("stoppedBy", *event.stop_string);
    } else if (event.stop_token) {
        object.Set("stoppedBy", *event.stop_token);
    }
    object.Set("thoughtTokens", event.thought_tokens);
    object.Set("promptTokens", event.prompt_tokens);
    object.Set("cachedTokens", event.cached_tokens);
    object.Set("completionTokens", event.completion_tokens);
    object.Set("prefillSteps", static_cast<double>(event.prefill_steps));
    object.Set("decodeSteps", static_cast<double>(event.decode_steps));
    object.Set("queueMs", event.queue_ms);
    object.Set("prefillMs", event.prefill_ms);
    object.Set("encodeMs", event.encode_ms);
    object.Set("decodeMs", event.decode_ms);
    object.Set("reports", to_js(env, event.reports));
    object.Set("unshownReports", to_js(env, event.unshown_reports));
}

Napi::Array images_to_js(Napi::Env env, const Event & event) {
    Napi::Array array = Napi::Array::New(env, event.images.size());
    for (uint32_t i = 0; i < event.images.size(); i++) {
        const ImageReport & image = event.images[i];
        Napi::Object object = Napi::Object::New(env);
        object.Set("width", image.seen.width);
        object.Set("height", image.seen.height);
        object.Set("tiles", image.seen.tiles);
        object.Set("tokens", image.n_tokens);
        object.Set("wasEncoded", image.was_known);
        object.Set("wasComputed", image.last_chunk < event.cached_chunks);
        object.Set("encodeMs", image.encode_ms);
        array.Set(i, object);
    }
    return array;
}

Napi::Object to_js(Napi::Env env, const Event & event) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("id", static_cast<double>(event.id));
    object.Set("index", event.index);
    object.Set("text", event.text);
    switch (event.kind) {
        case Event::Kind::progress:
            object.Set("kind", "progress");
            object.Set("promptTokens", event.prompt_tokens);
            object.Set("cachedTokens", event.cached_tokens);
            object.Set("doneTokens", event.done_tokens);
            object.Set("ms", event.prefill_ms);
            break;
        case Event::Kind::prefilled:
            object.Set("kind", "prefilled");
            object.Set("cachedTokens", event.cached_tokens);
            object.Set("queueMs", event.queue_ms);
            object.Set("prefillMs", event.prefill_ms);
            object.Set("encodeMs", event.encode_ms);
            if (!event.images.empty()) {
                object.Set("images", images_to_js(env, event));
            }
            if (!event.prompt_reports.empty()) {
                object.Set("promptReports", to_js(env, event.prompt_reports));
            }
            break;
        case Event::Kind::delta:
            object.Set("kind", "delta");
            add_piece(env, event, object);
            break;
        case Event::Kind::thought:
            object.Set("kind", "thought");
            add_piece(env, event, object);
            break;
        case Event::Kind::call:
            object.Set("kind", "call");
            object.Set("call", event.call);
            object.Set("callId", event.call_id);
            object.Set("callName", event.call_name);
            add_piece(env, event, object);
            break;
        case Event::Kind::finish:
            add_finish(env, event, object);
            break;
        case Event::Kind::failure:
            object.Set("kind", "failure");
            object.Set("code", event.reason);
            break;
    }
    return object;
}

}  // namespace

std::vector<std::string> texts_of(const Napi::Array & array) {
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    }
    return texts;
}

EngineOptions options_of(const Napi::Object & object) {
    EngineOptions options;
    options.mmproj_path = text_of(object, "mmprojPath");
    options.chat_template = optional_text_of(object, "chatTemplate").value_or("");
    options.placement = placement_of(object.Get("imagePlacement"));
    options.context_cells = integer_of(object, "contextCells");
    options.separate_cells = boolean_of(object, "separateCells");
    options.max_length = integer_of(object, "maxLength");
    options.max_sequences = integer_of(object, "maxSequences");
    options.batch_tokens = integer_of(object, "batchTokens");
    options.n_threads = integer_of(object, "threads");
    options.n_threads_batch = integer_of(object, "threadsBatch");
    options.threads_adapt = boolean_of(object, "threadsAdapt");
    options.threads_batch_adapt = boolean_of(object, "threadsBatchAdapt");
    options.throttle_counter = optional_text_of(object, "throttleCounter").value_or("");
    options.n_cpus = integer_of(object, "cpus");
    options.flash_attention = flash_attention_of(text_of(object, "flashAttention"));
    options.encoder_flash_attention = flash_attention_of(text_of(object, "encoderFlashAttention"));
    options.kv_type = kv_type_of(object.Env(), text_of(object, "kvCacheFormat"));
    options.use_gpu = boolean_of(object, "useGpu");
    options.encoder_bytes = optional_size_of(object, "encoderBytes").value_or(SIZE_MAX);
    options.image_defaults = changes_of(object.Get("imageDefaults"));
    options.largest_image = changes_of(object.Get("largestImage"));
    if (object.Get("maxImageTokens").IsNumber()) {
        options.max_image_tokens = integer_of(object, "maxImageTokens");
    }
    options.keep_prefixes = boolean_of(object, "enablePrefixCaching");
    options.copy_bytes = size_of(object, "kvCopyBytes");
    options.cached_images = size_of(object, "maxVisionCacheEntries");
    options.cached_image_bytes = size_of(object, "cachedImageBytes");
    options.end_tokens = integers_of(object, "endTokens");
    options.mmproj_encoding = encoding_of(text_of(object, "mmprojEncoding"));
    return options;
}

EmbedderOptions embedder_options_of(const Napi::Object & object) {
    EmbedderOptions options;
    options.mmproj_path = text_of(object, "mmprojPath");
    options.placement = placement_of(object.Get("imagePlacement"));
    options.max_length = integer_of(object, "maxLength");
    options.max_sequences = integer_of(object, "maxSequences");
    options.n_threads = integer_of(object, "threads");
    options.use_gpu = boolean_of(object, "useGpu");
    const std::string pooling = text_of(object, "pooling");
    options.pooling = pooling == "cls"    ? LLAMA_POOLING_TYPE_CLS
                      : pooling == "last" ? LLAMA_POOLING_TYPE_LAST
                                          : LLAMA_POOLING_TYPE_MEAN;
    options.is_causal = boolean_of(object, "isCausal");
    options.flash_attention = flash_attention_of(text_of(object, "flashAttention"));
    options.encoder_flash_attention = flash_attention_of(text_of(object, "encoderFlashAttention"));
    options.mmproj_encoding = encoding_of(text_of(object, "mmprojEncoding"));
    options.cached_images = size_of(object, "maxVisionCacheEntries");
    options.cached_image_bytes = size_of(object, "cachedImageBytes");
    options.image_defaults = changes_of(object.Get("imageDefaults"));
    options.largest_image = changes_of(object.Get("largestImage"));
    return options;
}

Conversation conversation_of(const Napi::Object & object) {
    Conversation conversation;
    if (object.Get("prompt").IsArray()) {
        conversation.prompt = pieces_of(object.Get("prompt").As<Napi::Array>());
        return conversation;
    }
    const auto messages = object.Get("messages").As<Napi::Array>();
    for (uint32_t i = 0; i < messages.Length(); i++) {
        conversation.messages.push_back(message_of(messages.Get(i).As<Napi::Object>()));
    }
    conversation.settings.variables = text_of(object, "variables");
    conversation.settings.add_generation_prompt = boolean_of(object, "addGenerationPrompt");
    conversation.settings.continue_final_message = boolean_of(object, "continueFinalMessage");
    if (object.Get("asked").IsObject()) {
        const auto asked = object.Get("asked").As<Napi::Object>();
        conversation.tools = tools_of(asked);
        conversation.reasoning.is_apart = boolean_of(asked, "reasoningApart");
        conversation.reasoning.max_tokens = integer_of(asked, "maxReasoningTokens");
        conversation.reasoning.end_message = text_of(asked, "reasoningEndMessage");
    }
    return conversation;
}

ImagePlacement placement_of(const Napi::Value & value) {
    if (!value.IsObject()) {
        return {};
    }
    const auto object = value.As<Napi::Object>();
    return {text_of(object, "slot"), text_of(object, "before"), text_of(object, "after"), text_of(object, "written"),
            texts_of(object, "spoken")};
}

ProcessorChanges changes_of(const Napi::Value & value) {
    ProcessorChanges changes;
    if (!value.IsObject()) {
        return changes;
    }
    const auto object = value.As<Napi::Object>();
    const auto number = [&object](const char * key) {
        const auto given = object.Get(key);
        return given.IsNumber() ? std::optional<uint32_t>(given.As<Napi::Number>().Uint32Value()) : std::nullopt;
    };
    const auto boolean = [&object](const char * key) {
        const auto given = object.Get(key);
        return given.IsBoolean() ? std::optional<bool>(given.As<Napi::Boolean>().Value()) : std::nullopt;
    };
    changes.min_pixels = number("minPixels");
    changes.max_pixels = number("maxPixels");
    changes.min_tiles = number("minTiles");
    changes.max_tiles = number("maxTiles");
    changes.longest_edge = number("longestEdge");
    if (object.Get("tileTolerance").IsNumber()) {
        changes.tile_tolerance = float_of(object, "tileTolerance");
    }
    changes.has_thumbnail = boolean("hasThumbnail");
    changes.fills_canvas = boolean("fillsCanvas");
    if (object.Get("panAndScan").IsObject()) {
        const auto crops = object.Get("panAndScan").As<Napi::Object>();
        changes.pan_and_scan = PanAndScan{static_cast<uint32_t>(integer_of(crops, "maxCrops")),
                                          static_cast<uint32_t>(integer_of(crops, "minCropSize")),
                                          float_of(crops, "minRatio")};
    }
    return changes;
}

std::vector<Image> images_of(const Napi::Array & array, bool sizes_only) {
    std::vector<Image> images;
    for (uint32_t i = 0; i < array.Length(); i++) {
        const auto object = array.Get(i).As<Napi::Object>();
        const auto rgb = object.Get("rgb").As<Napi::Uint8Array>();
        images.push_back({rgb.Data(), static_cast<uint32_t>(integer_of(object, "width")),
                          static_cast<uint32_t>(integer_of(object, "height")), text_of(object, "id")});
        images.back().frames = object.Get("frames").IsNumber() ? integer_of(object, "frames") : 1;
        images.back().video_pos = object.Get("videoPosition").IsNumber() ? integer_of(object, "videoPosition") : 0;
        if (object.Get("settings").IsObject()) {
            images.back().changes = changes_of(object.Get("settings"));
        }
        if (const auto encoded = object.Get("encoded"); encoded.IsExternal()) {
            images.back().rgb = nullptr;
            images.back().embeddings = *encoded.As<Napi::External<std::vector<Embeddings>>>().Data();
            continue;
        }
        const auto & image = images.back();
        if (!sizes_only && rgb.ByteLength() != static_cast<size_t>(image.width) * image.height * 3 * image.frames) {
            throw to_js_error(array.Env(), "undecodable", "The image's pixels do not have the size it claims.",
                              static_cast<int>(i));
        }
    }
    return images;
}

GenerationSettings settings_of(const Napi::Object & object) {
    GenerationSettings settings;
    settings.sampling = sampling_of(object);
    settings.choices = integer_of(object, "choices");
    settings.max_tokens = integer_of(object, "maxTokens");
    settings.min_tokens = integer_of(object, "minTokens");
    if (const auto likeliest = object.Get("logProbs"); likeliest.IsNumber()) {
        settings.log_probs = likeliest.As<Napi::Number>().Int32Value();
    }
    if (const auto likeliest = object.Get("promptLogProbs"); likeliest.IsNumber()) {
        settings.prompt_log_probs = likeliest.As<Napi::Number>().Int32Value();
    }
    settings.report_progress = boolean_of(object, "reportProgress");
    settings.repetition_stop = repetition_stop_of(object.Get("repetitionStop"));
    settings.forced_runs = forced_runs_of(object.Get("forcedRuns").As<Napi::Array>());
    settings.adapter = static_cast<uint64_t>(integer_of(object, "adapter"));
    settings.cache_salt = text_of(object, "cacheSalt");
    settings.client = texts_of(object, "client");
    settings.ignore_eos = boolean_of(object, "ignoreEos");
    settings.skip_special_tokens = boolean_of(object, "skipSpecialTokens");
    settings.include_stop = boolean_of(object, "includeStop");
    settings.stop_strings = texts_of(object, "stop");
    settings.stop_tokens = integers_of(object, "stopTokens");
    settings.begun_text = text_of(object, "begunText");
    if (const auto grammar = object.Get("grammar"); grammar.IsExternal()) {
        // The handle is left empty: it stays until JavaScript collects its garbage, which knows nothing of a grammar's size.
        settings.grammar = std::move(*grammar.As<Napi::External<std::shared_ptr<const GrammarRules>>>().Data());
    }
    return settings;
}

Napi::Array to_js(Napi::Env env, std::vector<Event>::const_iterator begin, std::vector<Event>::const_iterator end) {
    Napi::Array array = Napi::Array::New(env, static_cast<size_t>(end - begin));
    for (auto event = begin; event != end; event++) {
        array.Set(static_cast<uint32_t>(event - begin), to_js(env, *event));
    }
    return array;
}

Napi::Array to_js(Napi::Env env, const Prompt & prompt) {
    Napi::Array runs = Napi::Array::New(env);
    for (uint32_t i = 0; i < prompt.chunks.size(); i++) {
        const Chunk & chunk = prompt.chunks[i];
        if (chunk.media != nullptr) {
            runs.Set(i, chunk.n_tokens);
            continue;
        }
        runs.Set(i, to_js(env, chunk.tokens));
    }
    return runs;
}

Napi::Array to_js(Napi::Env env, const std::vector<Run> & runs) {
    Napi::Array array = Napi::Array::New(env, runs.size());
    for (uint32_t i = 0; i < runs.size(); i++) {
        Napi::Object object = Napi::Object::New(env);
        object.Set("text", runs[i].text);
        object.Set("fromUser", runs[i].from_user);
        object.Set("image", runs[i].image);
        array.Set(i, object);
    }
    return array;
}

Napi::Object to_js(Napi::Env env, const AnswerPlan & plan) {
    const auto array_of = [env](const std::vector<std::string> & texts) {
        Napi::Array array = Napi::Array::New(env);
        for (uint32_t i = 0; i < texts.size(); i++) {
            array.Set(i, texts[i]);
        }
        return array;
    };
    Napi::Object object = Napi::Object::New(env);
    object.Set("opening", plan.opening);
    object.Set("isThinking", plan.is_thinking);
    object.Set("grammar", plan.grammar);
    object.Set("grammarWaits", plan.grammar_waits);
    object.Set("triggerWords", array_of(plan.trigger_words));
    object.Set("triggerPatterns", array_of(plan.trigger_patterns));
    return object;
}

Napi::Array to_js(Napi::Env env, const std::vector<ChatParser::Piece> & pieces) {
    Napi::Array array = Napi::Array::New(env);
    for (uint32_t i = 0; i < pieces.size(); i++) {
        const ChatParser::Piece & piece = pieces[i];
        using Kind = ChatParser::Piece::Kind;
        Napi::Object object = Napi::Object::New(env);
        object.Set("kind", piece.kind == Kind::text ? "text" : piece.kind == Kind::thought ? "thought" : "call");
        object.Set("text", piece.text);
        object.Set("call", piece.call);
        object.Set("callId", piece.call_id);
        object.Set("callName", piece.call_name);
        array.Set(i, object);
    }
    return array;
}

Napi::Array to_js(Napi::Env env, const std::vector<EncoderInput> & inputs) {
    Napi::Array result = Napi::Array::New(env);
    for (uint32_t i = 0; i < inputs.size(); i++) {
        const EncoderInput & input = inputs[i];
        auto values = Napi::Float32Array::New(env, input.pixels.size());
        std::copy(input.pixels.begin(), input.pixels.end(), values.Data());
        Napi::Object object = Napi::Object::New(env);
        object.Set("width", input.width);
        object.Set("height", input.height);
        object.Set("pixels", values);
        result.Set(i, object);
    }
    return result;
}

Napi::Int32Array to_js(Napi::Env env, const std::vector<llama_token> & tokens) {
    auto array = Napi::Int32Array::New(env, tokens.size());
    std::copy(tokens.begin(), tokens.end(), array.Data());
    return array;
}

Napi::Array to_js(Napi::Env env, const std::vector<std::string> & byte_strings) {
    Napi::Array array = Napi::Array::New(env, byte_strings.size());
    for (uint32_t i = 0; i < byte_strings.size(); i++) {
        array.Set(i, latin1(env, byte_strings[i]));
    }
    return array;
}

Napi::External<std::shared_ptr<const GrammarRules>> to_js(Napi::Env env, std::shared_ptr<const GrammarRules> grammar) {
    using Handle = std::shared_ptr<const GrammarRules>;
    return Napi::External<Handle>::New(env, new Handle(std::move(grammar)), [](Napi::Env, Handle * handle) { delete handle; });
}

Napi::External<std::vector<Embeddings>> to_js(Napi::Env env, std::vector<Embeddings> embeddings) {
    return Napi::External<std::vector<Embeddings>>::New(
        env, new std::vector<Embeddings>(std::move(embeddings)),
        [](Napi::Env, std::vector<Embeddings> * held) { delete held; });
}

Napi::Object to_js(Napi::Env env, const Engine::Stats & stats) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("running", static_cast<double>(stats.running));
    object.Set("queued", static_cast<double>(stats.queued));
    object.Set("threads", stats.threads);
    return object;
}

template <size_t n>
static Napi::Object to_js(Napi::Env env, const Distribution<n> & distribution) {
    Napi::Array bounds = Napi::Array::New(env, n);
    Napi::Array counts = Napi::Array::New(env, distribution.ranges());
    for (uint32_t i = 0; i < n; i++) {
        bounds.Set(i, distribution.bounds()[i]);
    }
    for (uint32_t i = 0; i < distribution.ranges(); i++) {
        counts.Set(i, static_cast<double>(distribution.count(i)));
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("bounds", bounds);
    object.Set("counts", counts);
    object.Set("sum", distribution.sum());
    return object;
}

Napi::Object to_js(Napi::Env env, const EngineWork & work) {
    Napi::Object object = Napi::Object::New(env);
    const auto set = [&object](const char * name, uint64_t count) { object.Set(name, static_cast<double>(count)); };
    object.Set("stepMs", to_js(env, work.step_ms));
    object.Set("stepSequences", to_js(env, work.step_sequences));
    set("promptTokens", work.prompt_tokens);
    set("forcedTokens", work.forced_tokens);
    set("preemptions", work.preemptions);
    set("encodes", work.encodes);
    set("encodedTokens", work.encoded_tokens);
    set("knownImages", work.known_images);
    set("copiedBytes", work.copied_bytes);
    object.Set("cachedTokens", static_cast<double>(work.cached_tokens));
    return object;
}

}  // namespace vserve
