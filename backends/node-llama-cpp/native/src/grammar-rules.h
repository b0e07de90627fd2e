#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "llama-grammar.h"
#include "llama.h"

namespace vserve {

// A grammar that cannot be used, and where: a line and a column of its text, from 1; 0 where it is about no place.
struct GrammarError : std::runtime_error {
    size_t line;
    size_t column;
    GrammarError(const std::string & reason, size_t line = 0, size_t column = 0);
};

// A grammar in llama.cpp's GBNF, parsed by llama.cpp, and checked so that a text can be matched against it: all rules are
// there, and none begins with itself. Immutable: many answers share one.
class GrammarRules {
  public:
    // `vocab` knows the tokens that a grammar names (`<think>`). Throws GrammarError.
    GrammarRules(const std::string & gbnf, const llama_vocab * vocab);

    // What matches one of two grammars. Throws GrammarError.
    static GrammarRules either(const GrammarRules & first, const GrammarRules & second);

    const llama_grammar_element & at(uint32_t position) const { return elements_[position]; }
    // Whether an alternative of a rule ends at a position.
    bool ends_at(uint32_t position) const {
        return elements_[position].type == LLAMA_GRETYPE_END || elements_[position].type == LLAMA_GRETYPE_ALT;
    }
    // The positions at which the alternatives of a rule begin.
    const std::vector<uint32_t> & alternatives_of(uint32_t rule) const { return alternatives_[rule]; }
    uint32_t root() const { return root_; }
    size_t bytes() const;

  private:
    GrammarRules() = default;
    uint32_t append(const GrammarRules & other);
    void flatten(const llama_grammar_rules & rules);
    void check_characters() const;
    void check_recursion() const;
    std::vector<bool> rules_that_may_be_empty() const;

    std::vector<llama_grammar_element> elements_;  // of all rules
    std::vector<std::vector<uint32_t>> alternatives_;
    uint32_t root_ = 0;
};

// The position after the character, or set of characters, at `position`.
uint32_t after_characters(const GrammarRules & rules, uint32_t position);
// Whether the characters at `position` include one of those from `low` to `high`.
bool includes_any(const GrammarRules & rules, uint32_t position, uint32_t low, uint32_t high);

}  // namespace vserve
