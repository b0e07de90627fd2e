#pragma once

#include <vector>

#include <napi.h>

#include "engine.h"

namespace vserve {

// What native-addon.ts declares, read and written. A test compares the keys that are read with those it declares.

EngineOptions options_of(const Napi::Object & object);
GenerationSettings settings_of(const Napi::Object & object);
Conversation conversation_of(const Napi::Object & object);
// Empty where it is undefined.
ImagePlacement placement_of(const Napi::Value & value);
std::vector<Image> images_of(const Napi::Array & array);

Napi::Array to_js(Napi::Env env, const std::vector<Event> & events);
Napi::Array to_js(Napi::Env env, const Prompt & prompt);
Napi::Array to_js(Napi::Env env, const std::vector<Run> & runs);
Napi::Array to_js(Napi::Env env, const std::vector<EncoderInput> & inputs);
Napi::Int32Array to_js(Napi::Env env, const std::vector<llama_token> & tokens);
Napi::Object to_js(Napi::Env env, const Engine::Stats & stats);

}  // namespace vserve
