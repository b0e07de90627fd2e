#pragma once

#include <memory>
#include <vector>

#include <napi.h>

#include "answer-syntax.h"
#include "chat-parser.h"
#include "engine.h"
#include "grammar-rules.h"
#include "image-processor.h"
#include "prompt.h"
#include "rendered-run.h"

namespace vserve {

// What the engine makes, but for its events.

Napi::Array to_js(Napi::Env env, const Prompt & prompt);
Napi::Array to_js(Napi::Env env, const std::vector<Run> & runs);
Napi::Array to_js(Napi::Env env, const std::vector<EncoderInput> & inputs);
Napi::Object to_js(Napi::Env env, const AnswerPlan & plan);
Napi::Array to_js(Napi::Env env, const std::vector<ChatParser::Piece> & pieces);
Napi::Object to_js(Napi::Env env, const Engine::Stats & stats);
Napi::Object to_js(Napi::Env env, const EngineWork & work);
// A handle for JavaScript to hold, which settings_of() takes.
Napi::External<std::shared_ptr<const GrammarRules>> to_js(Napi::Env env, std::shared_ptr<const GrammarRules> grammar);
// A handle for JavaScript to hold, which images_of() takes in place of pixels.
Napi::External<std::vector<Embeddings>> to_js(Napi::Env env, std::vector<Embeddings> embeddings);

}  // namespace vserve
