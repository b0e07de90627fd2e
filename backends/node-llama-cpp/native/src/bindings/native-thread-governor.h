#pragma once

#include <napi.h>

#include "thread-governor.h"

namespace vserve {

// A ThreadGovernor by itself, for tests of its policy: new NativeThreadGovernor(most, firstRetryMs, lastRetryMs,
// leastFreeShare). native-addon.ts has the types.
class NativeThreadGovernor : public Napi::ObjectWrap<NativeThreadGovernor> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit NativeThreadGovernor(const Napi::CallbackInfo & info);

  private:
    Napi::Value threads(const Napi::CallbackInfo & info);
    Napi::Value resume(const Napi::CallbackInfo & info);
    Napi::Value observe(const Napi::CallbackInfo & info);

    ThreadGovernor governor_;
};

}  // namespace vserve
