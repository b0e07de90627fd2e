#pragma once

#include <string>

namespace vserve {

// Of an object whose other properties have names of certain forms, llama.cpp is told a property of the name of a rule for
// each form, and of additional ones: this makes the additional ones those properties. `prefix` begins the names of rules.
std::string with_other_properties(const std::string & grammar, const std::string & prefix);

}  // namespace vserve
