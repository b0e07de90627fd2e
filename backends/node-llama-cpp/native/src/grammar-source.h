#pragma once

#include <memory>
#include <string>

#include "grammar-rules.h"

namespace vserve {

// What the grammar of an answer is made of.
struct GrammarSource {
    std::string schema;  // JSON; empty without one
    std::string gbnf;    // the grammar, or the rules that schema_grammar() takes
};

// Parses a grammar. Throws EngineError: invalid_request.
std::shared_ptr<const GrammarRules> compile(const GrammarSource & source, const llama_vocab * vocab);

// Whether a grammar matches a text, all of it: for tests.
bool matches(const GrammarSource & source, const std::string & text);

}  // namespace vserve
