#pragma once

#include <memory>
#include <string>
#include <vector>

#include "grammar-rules.h"

namespace vserve {

// What the grammar of an answer is made of.
struct GrammarSource {
    std::string schema;  // JSON; empty without one
    std::string gbnf;    // the grammar, or the rules that schema_grammar() takes
};

// Parses a grammar. Throws EngineError: invalid_request.
std::shared_ptr<const GrammarRules> compile(const GrammarSource & source, const llama_vocab * vocab);

// Whether a grammar matches each of some texts, all of it: for tests.
std::vector<bool> matches(const GrammarSource & source, const std::vector<std::string> & texts);

}  // namespace vserve
