#pragma once

#include <string>
#include <vector>

#include "message.h"

namespace vserve {

// A grammar of calls whose arguments stand between tags, for families of which llama.cpp's own lets any arguments pass: each
// is what its schema allows and comes once, and none is missing that has to be there. `gbnf` is llama.cpp's; empty where
// that is of another family.
std::string tagged_calls_grammar(const std::string & gbnf, const std::vector<Tool> & tools, bool in_parallel);

}  // namespace vserve
