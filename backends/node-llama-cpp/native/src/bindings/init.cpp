// The Node-API surface: backends/node-llama-cpp/native-addon.ts types it.

#include <napi.h>

#include "AddonModel.h"
#include "bindings/crash-report.h"
#include "bindings/gpu-devices.h"
#include "bindings/native-embedder.h"
#include "bindings/native-engine.h"
#include "bindings/native-thread-governor.h"
#include "bindings/read-images.h"
#include "bindings/read-prompt.h"
#include "bindings/task.h"
#include "bindings/write-values.h"
#include "chat-format.h"
#include "chat-parser.h"
#include "chat-template.h"
#include "cleared-buffers.h"
#include "free-memory.h"
#include "grammar-source.h"
#include "log.h"  // llama.cpp's
#include "quantize.h"

namespace vserve {

namespace {

// keepWeightsAsInFile(model): call it before the model is loaded
Napi::Value keep_weights_as_in_file(const Napi::CallbackInfo & info) {
    Napi::ObjectWrap<AddonModel>::Unwrap(info[0].As<Napi::Object>())->model_params.use_extra_bufts = false;
    return info.Env().Undefined();
}

// explainBusErrors(paths)
Napi::Value explain_bus_errors_of(const Napi::CallbackInfo & info) {
    const auto array = info[0].As<Napi::Array>();
    std::vector<std::string> paths;
    for (uint32_t i = 0; i < array.Length(); i++) {
        paths.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    }
    explain_bus_errors(paths);
    return info.Env().Undefined();
}

// quantize(source, destination, type, threads): Promise<void>
Napi::Value quantize_file(const Napi::CallbackInfo & info) {
    return Task::run(
        info.Env(),
        [source = info[0].As<Napi::String>().Utf8Value(), destination = info[1].As<Napi::String>().Utf8Value(),
         type = info[2].As<Napi::String>().Utf8Value(), threads = info[3].As<Napi::Number>().Int32Value()] {
            quantize(source, destination, type, threads);
        },
        [](Napi::Env env) { return env.Undefined(); });
}

// returnFreeMemory(): Promise<void>
Napi::Value return_memory(const Napi::CallbackInfo & info) {
    return Task::run(info.Env(), return_free_memory, [](Napi::Env env) { return env.Undefined(); });
}

ChatTemplate::Variables variables_of(const Napi::Object & object) {
    ChatTemplate::Variables variables;
    const auto names = object.GetPropertyNames();
    for (uint32_t i = 0; i < names.Length(); i++) {
        const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
        variables.emplace_back(name, object.Get(name).As<Napi::String>().Utf8Value());
    }
    return variables;
}

struct LoadedTemplate {
    LoadedTemplate(const std::string & source, ChatTemplate::Variables tokens, ImagePlacement placement)
        : rendering(source, std::move(tokens), std::move(placement)), format(rendering) {}

    ChatTemplate rendering;
    ChatFormat format;
};

// loadTemplate(source, specialTokens, imagePlacement)
Napi::Value load_template(const Napi::CallbackInfo & info) {
    try {
        return Napi::External<LoadedTemplate>::New(
            info.Env(),
            new LoadedTemplate(info[0].As<Napi::String>().Utf8Value(), variables_of(info[1].As<Napi::Object>()),
                               placement_of(info[2])),
            [](Napi::Env, LoadedTemplate * loaded) { delete loaded; });
    } catch (const EngineError & error) {
        throw to_js_error(info.Env(), error.code, error.what());
    }
}

// renderTemplate(template, conversation, imageCount): what a chat template makes of a conversation, in runs of one origin
Napi::Value render_template(const Napi::CallbackInfo & info) {
    try {
        const LoadedTemplate & loaded = *info[0].As<Napi::External<LoadedTemplate>>().Data();
        const Conversation conversation = loaded.format.prepared(conversation_of(info[1].As<Napi::Object>()));
        return to_js(info.Env(), loaded.rendering.render(conversation, info[2].As<Napi::Number>().Uint32Value()));
    } catch (const EngineError & error) {
        throw to_js_error(info.Env(), error.code, error.what());
    }
}

// readAnswer(template, conversation, imageCount, pieces, isCut): what has to follow the prompt, and what is read in an answer
// that comes in pieces
Napi::Value read_answer(const Napi::CallbackInfo & info) {
    try {
        const LoadedTemplate & loaded = *info[0].As<Napi::External<LoadedTemplate>>().Data();
        const Conversation conversation = conversation_of(info[1].As<Napi::Object>());
        const auto runs =
            loaded.rendering.render(loaded.format.prepared(conversation), info[2].As<Napi::Number>().Uint32Value());
        const AnswerPlan plan = loaded.format.plan(conversation, runs);
        const auto texts = info[3].As<Napi::Array>();
        Napi::Array read = Napi::Array::New(info.Env());
        if (plan.syntax != nullptr) {
            ChatParser parser(plan);
            for (uint32_t i = 0; i < texts.Length(); i++) {
                read.Set(i, to_js(info.Env(), parser.push(texts.Get(i).As<Napi::String>().Utf8Value())));
            }
            read.Set(texts.Length(), to_js(info.Env(), parser.finish(info[4].As<Napi::Boolean>().Value())));
        }
        Napi::Object object = to_js(info.Env(), plan);
        object.Set("read", read);
        return object;
    } catch (const EngineError & error) {
        throw to_js_error(info.Env(), error.code, error.what());
    }
}

// matchGrammar(schema, gbnf, texts): of each text, whether the grammar of the two matches all of it
Napi::Value match_grammar(const Napi::CallbackInfo & info) {
    const auto array = info[2].As<Napi::Array>();
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    }
    try {
        const auto matched = matches({info[0].As<Napi::String>().Utf8Value(), info[1].As<Napi::String>().Utf8Value()}, texts);
        auto results = Napi::Array::New(info.Env(), matched.size());
        for (uint32_t i = 0; i < matched.size(); i++) {
            results.Set(i, Napi::Boolean::New(info.Env(), matched[i]));
        }
        return results;
    } catch (const EngineError & error) {
        throw to_js_error(info.Env(), error.code, error.what());
    }
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
    // libllama-common writes warnings to stderr; anything important reaches JavaScript as an error.
    common_log_set_verbosity_thold(LOG_LEVEL_ERROR);
    populate_cleared_buffers();
    exports.Set("NativeEngine", NativeEngine::define(env));
    exports.Set("NativeEmbedder", NativeEmbedder::define(env));
    exports.Set("NativeThreadGovernor", NativeThreadGovernor::define(env));
    exports.Set("keepWeightsAsInFile", Napi::Function::New(env, keep_weights_as_in_file, "keepWeightsAsInFile"));
    exports.Set("gpuDevices", Napi::Function::New(env, gpu_devices, "gpuDevices"));
    exports.Set("splitLayers", Napi::Function::New(env, split_layers, "splitLayers"));
    exports.Set("layersOfGpus", Napi::Function::New(env, layers_of_gpus, "layersOfGpus"));
    exports.Set("loadTemplate", Napi::Function::New(env, load_template, "loadTemplate"));
    exports.Set("renderTemplate", Napi::Function::New(env, render_template, "renderTemplate"));
    exports.Set("readAnswer", Napi::Function::New(env, read_answer, "readAnswer"));
    exports.Set("matchGrammar", Napi::Function::New(env, match_grammar, "matchGrammar"));
    exports.Set("quantize", Napi::Function::New(env, quantize_file, "quantize"));
    exports.Set("returnFreeMemory", Napi::Function::New(env, return_memory, "returnFreeMemory"));
    exports.Set("explainBusErrors", Napi::Function::New(env, explain_bus_errors_of, "explainBusErrors"));
    exports.Set("nodeLlamaCppVersion", VSERVE_NODE_LLAMA_CPP_VERSION);
    return exports;
}

}  // namespace

}  // namespace vserve

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) {
    return vserve::init(env, exports);
}

NODE_API_MODULE(vserve_engine, init_addon)
