#include "bindings/piece-sender.h"

namespace vserve {

void PieceSender::send(const Event & event) const {
    const Napi::Env env = on_piece_.Env();
    const Napi::HandleScope scope(env);
    on_piece_.Call({Napi::Number::New(env, static_cast<double>(event.id)), Napi::Number::New(env, event.index),
                    Napi::String::New(env, event.text), Napi::Number::New(env, event.completion_tokens),
                    Napi::Boolean::New(env, event.kind == Event::Kind::thought)});
}

}  // namespace vserve
