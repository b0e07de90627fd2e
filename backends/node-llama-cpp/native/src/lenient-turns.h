#pragma once

#include <optional>

#include "message.h"

namespace vserve {

// A conversation that a chat template has rejected, or would lose some of, in a form that stricter templates take: calls and
// results of earlier turns as text, where no tools are given, and what one speaker says in several messages as one of them.
// Nothing where that changes nothing.
std::optional<Conversation> in_lenient_turns(const Conversation & conversation);

}  // namespace vserve
