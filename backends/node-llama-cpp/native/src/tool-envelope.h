#pragma once

#include <string>

#include "message.h"

namespace vserve {

// How tools are told to a model whose chat template has no place for them, and how it calls them: each call is a JSON
// object with a name and arguments, between two tags.
constexpr const char * envelope_start = "<tool_call>";
constexpr const char * envelope_end = "</tool_call>";

// The conversation with its tools, if there are any, as text of the system message, and with calls and results of earlier turns as text of the
// assistant and of the user. Throws EngineError: invalid_request.
Conversation in_envelope(const Conversation & conversation);

}  // namespace vserve
