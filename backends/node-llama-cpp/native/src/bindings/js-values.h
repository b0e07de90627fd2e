#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <napi.h>

#include "llama.h"

namespace vserve {

// The simple values of JavaScript. The types of native-addon.ts are read by read-*.h, and written by write-*.h; a test checks
// that every declared key is read.

// Of an object's key, which has such a value.
std::string text_of(const Napi::Object & object, const char * key);
std::vector<std::string> texts_of(const Napi::Array & array);
std::vector<std::string> texts_of(const Napi::Object & object, const char * key);
std::vector<int32_t> integers_of(const Napi::Object & object, const char * key);
int32_t integer_of(const Napi::Object & object, const char * key);
float float_of(const Napi::Object & object, const char * key);
bool boolean_of(const Napi::Object & object, const char * key);
size_t size_of(const Napi::Object & object, const char * key);

// Empty where it has another.
std::optional<size_t> optional_size_of(const Napi::Object & object, const char * key);
std::optional<std::string> optional_text_of(const Napi::Object & object, const char * key);

// Bytes cross over as a string of characters below 256: the fastest way for a few of them.
Napi::Value latin1(Napi::Env env, const std::string & bytes);

Napi::Int32Array to_js(Napi::Env env, const std::vector<llama_token> & tokens);
// As strings of characters below 256.
Napi::Array to_js(Napi::Env env, const std::vector<std::string> & byte_strings);

}  // namespace vserve
