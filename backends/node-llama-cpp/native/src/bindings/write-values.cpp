#include "bindings/write-values.h"

#include <algorithm>
#include <utility>

#include "bindings/js-values.h"

namespace vserve {

namespace {

template <size_t n>
Napi::Object to_js(Napi::Env env, const Distribution<n> & distribution) {
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

}  // namespace

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
