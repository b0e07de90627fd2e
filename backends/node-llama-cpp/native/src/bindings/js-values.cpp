#include "bindings/js-values.h"

#include <algorithm>

namespace vserve {

std::string text_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::String>().Utf8Value();
}

std::vector<std::string> texts_of(const Napi::Array & array) {
    std::vector<std::string> texts;
    for (uint32_t i = 0; i < array.Length(); i++) {
        texts.push_back(array.Get(i).As<Napi::String>().Utf8Value());
    }
    return texts;
}

std::vector<std::string> texts_of(const Napi::Object & object, const char * key) {
    return texts_of(object.Get(key).As<Napi::Array>());
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

Napi::Value latin1(Napi::Env env, const std::string & bytes) {
    napi_value value = nullptr;
    napi_create_string_latin1(env, bytes.data(), bytes.size(), &value);
    return {env, value};
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

}  // namespace vserve
