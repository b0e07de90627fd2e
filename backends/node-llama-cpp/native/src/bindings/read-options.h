#pragma once

#include <napi.h>

#include "embedder.h"
#include "engine.h"

namespace vserve {

EngineOptions options_of(const Napi::Object & object);
EmbedderOptions embedder_options_of(const Napi::Object & object);

}  // namespace vserve
