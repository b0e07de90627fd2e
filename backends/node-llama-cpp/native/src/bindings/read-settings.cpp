#include "bindings/read-settings.h"

#include <map>
#include <string>

#include "bindings/js-values.h"
#include "bindings/task.h"

namespace vserve {

namespace {

constexpr float greedy_below = 1e-5f;

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

}  // namespace

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

}  // namespace vserve
