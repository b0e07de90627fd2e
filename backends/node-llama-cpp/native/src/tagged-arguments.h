#pragma once

#include <string>
#include <vector>

#include "message.h"
#include "peg-parser.h"  // llama.cpp's

namespace vserve {

// In llama.cpp's grammars of calls whose arguments stand between tags, a string may be any text whatever its schema says,
// and an argument that may be left out may come again and again. With these rules, each is what its schema allows, and comes
// once. `parser` is what the grammar was made of; one of another form stays as it is.
std::string hold_tagged_arguments(const std::string & gbnf, const common_peg_arena & parser, const std::vector<Tool> & tools);

// The parameters of a tool, in which lists and objects are as its schema has them: those stand as JSON between the tags.
std::string parameters_between_tags(const Tool & tool);

}  // namespace vserve
