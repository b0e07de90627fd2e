#include "bindings/native-thread-governor.h"

namespace vserve {

namespace {

double number_of(const Napi::Object & object, const char * key) {
    return object.Get(key).As<Napi::Number>().DoubleValue();
}

}  // namespace

Napi::Function NativeThreadGovernor::define(Napi::Env env) {
    return DefineClass(env, "NativeThreadGovernor",
                       {InstanceMethod("threads", &NativeThreadGovernor::threads),
                        InstanceMethod("resume", &NativeThreadGovernor::resume),
                        InstanceMethod("observe", &NativeThreadGovernor::observe)});
}

NativeThreadGovernor::NativeThreadGovernor(const Napi::CallbackInfo & info)
    : Napi::ObjectWrap<NativeThreadGovernor>(info),
      governor_(info[0].As<Napi::Number>().Int32Value(),
                {info[1].As<Napi::Number>().DoubleValue(), info[2].As<Napi::Number>().DoubleValue(),
                 info[3].As<Napi::Number>().DoubleValue()}) {}

// threads(): for the next step
Napi::Value NativeThreadGovernor::threads(const Napi::CallbackInfo & info) {
    return Napi::Number::New(info.Env(), governor_.threads());
}

// resume(): before the first step after a pause
Napi::Value NativeThreadGovernor::resume(const Napi::CallbackInfo & info) {
    governor_.resume();
    return info.Env().Undefined();
}

// observe({tokens, wallMs, endedAtMs, waitingThreads, freeCpus}): a step that was computed by threads()
Napi::Value NativeThreadGovernor::observe(const Napi::CallbackInfo & info) {
    const auto step = info[0].As<Napi::Object>();
    const auto tokens = static_cast<int32_t>(number_of(step, "tokens"));
    const auto waiting_threads = static_cast<int32_t>(number_of(step, "waitingThreads"));
    governor_.observe({governor_.threads(), tokens, number_of(step, "wallMs"), number_of(step, "endedAtMs")},
                      {waiting_threads, number_of(step, "freeCpus")});
    return info.Env().Undefined();
}

}  // namespace vserve
