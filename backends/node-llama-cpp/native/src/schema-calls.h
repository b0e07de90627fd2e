#pragma once

#include <string>
#include <vector>

#include "message.h"

namespace vserve {

// Grammars of calls whose arguments are not JSON, for which llama.cpp's own let any arguments pass: these keep them to the
// tools' schemas.

// LFM2's: [name(argument="value", other=2)]
std::string python_calls_grammar(const std::vector<Tool> & tools, bool in_parallel);
constexpr const char * gemma_quote = "<|\"|>";
// Gemma 4's: call:name{argument:<|"|>value<|"|>,other:2}
std::string gemma_calls_grammar(const std::vector<Tool> & tools, bool in_parallel);

}  // namespace vserve
