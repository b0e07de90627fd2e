#include "bindings/write-events.h"

#include "bindings/js-values.h"

namespace vserve {

namespace {

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

Napi::Array to_js(Napi::Env env, std::vector<Event>::const_iterator begin, std::vector<Event>::const_iterator end) {
    Napi::Array array = Napi::Array::New(env, static_cast<size_t>(end - begin));
    for (auto event = begin; event != end; event++) {
        array.Set(static_cast<uint32_t>(event - begin), to_js(env, *event));
    }
    return array;
}

}  // namespace vserve
