#pragma once

#include <string>

#include "peg-parser.h"  // llama.cpp's

namespace vserve {

// The grammar of an answer that is nothing but calls, made of llama.cpp's for an answer with a text before them. `parser` is
// what it was made of. Without `in_parallel`, it is one call. Empty if there is no such thing in it.
std::string grammar_of_calls(const std::string & gbnf, const common_peg_arena & parser, bool in_parallel);

}  // namespace vserve
