#pragma once

#include <napi.h>

#include "request.h"

namespace vserve {

// Of a request.
GenerationSettings settings_of(const Napi::Object & object);

}  // namespace vserve
