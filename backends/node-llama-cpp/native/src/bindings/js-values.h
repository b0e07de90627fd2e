#pragma once

#include <vector>

#include <napi.h>

#include "chat-parser.h"
#include "embedder.h"
#include "engine.h"

namespace vserve {

// Conversions between the types of native-addon.ts and the engine's. A test checks that every declared key is read.

std::vector<std::string> texts_of(const Napi::Array & array);
EngineOptions options_of(const Napi::Object & object);
EmbedderOptions embedder_options_of(const Napi::Object & object);
GenerationSettings settings_of(const Napi::Object & object);
Conversation conversation_of(const Napi::Object & object);
// Empty where it is undefined.
ImagePlacement placement_of(const Napi::Value & value);
// None where it is undefined.
ProcessorChanges changes_of(const Napi::Value & value);
// With `sizes_only` they need no pixels.
std::vector<Image> images_of(const Napi::Array & array, bool sizes_only = false);

Napi::Array to_js(Napi::Env env, std::vector<Event>::const_iterator begin, std::vector<Event>::const_iterator end);
Napi::Array to_js(Napi::Env env, const Prompt & prompt);
Napi::Array to_js(Napi::Env env, const std::vector<Run> & runs);
Napi::Array to_js(Napi::Env env, const std::vector<EncoderInput> & inputs);
Napi::Object to_js(Napi::Env env, const AnswerPlan & plan);
Napi::Array to_js(Napi::Env env, const std::vector<ChatParser::Piece> & pieces);
Napi::Int32Array to_js(Napi::Env env, const std::vector<llama_token> & tokens);
// As strings of characters below 256.
Napi::Array to_js(Napi::Env env, const std::vector<std::string> & byte_strings);
Napi::Object to_js(Napi::Env env, const Engine::Stats & stats);
Napi::Object to_js(Napi::Env env, const EngineWork & work);
// A handle for JavaScript to hold, which settings_of() takes.
Napi::External<std::shared_ptr<const GrammarRules>> to_js(Napi::Env env, std::shared_ptr<const GrammarRules> grammar);
// A handle for JavaScript to hold, which images_of() takes in place of pixels.
Napi::External<std::vector<Embeddings>> to_js(Napi::Env env, std::vector<Embeddings> embeddings);

}  // namespace vserve
