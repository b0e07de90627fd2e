#pragma once

#include <napi.h>

#include "message.h"

namespace vserve {

// Messages with their tools, or pieces that no template writes.
Conversation conversation_of(const Napi::Object & object);

}  // namespace vserve
