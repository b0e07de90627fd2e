#pragma once

#include <string>

namespace vserve {

// What llama.cpp makes of a JSON Schema, in its GBNF, with two changes. JSON is written in one way, `{"a": 1, "b": [2, 3]}`:
// white space is no choice, and forced where a key is. And a `const` that is the name of one of the lines of `rules`
// (`name ::= …`) stands for that rule: for what llama.cpp's converter has no words for. Throws GrammarError.
std::string schema_grammar(const std::string & schema, const std::string & rules);

// A grammar that llama.cpp made of other things beside such a schema, with its rules.
std::string with_rules(const std::string & grammar, const std::string & rules);

// Makes the white space of a grammar that llama.cpp made, of a schema or of tools, no choice.
std::string with_fixed_spaces(const std::string & grammar);

}  // namespace vserve
