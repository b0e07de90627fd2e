#pragma once

#include <vector>

#include <napi.h>

#include "engine.h"

namespace vserve {

Napi::Array to_js(Napi::Env env, std::vector<Event>::const_iterator begin, std::vector<Event>::const_iterator end);

}  // namespace vserve
