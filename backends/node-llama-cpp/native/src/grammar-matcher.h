#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "grammar-rules.h"

namespace vserve {

// Follows a text through a grammar, character by character. What may come next is a state, and states that were met before
// are remembered with what followed them, so that a character usually costs one look-up.
//
// A state is a set of stacks. A stack is a place in a rule, and the stack to go on with after that rule. Equal stacks, and
// equal states, exist once. States are numbers: 0 is the end of the road, where nothing can match.
class GrammarMatcher {
  public:
    using State = uint32_t;
    static constexpr State none = 0;

    // Throws GrammarError, as all that can meet a new state, for a grammar so ambiguous that its states grow out of hand, or
    // that there are too many of them.
    explicit GrammarMatcher(std::shared_ptr<const GrammarRules> rules);

    State start() const { return start_; }
    State after(State state, uint32_t character);
    // After a token that the grammar names.
    State after_token(State state, llama_token token);

    // Whether the text may end here.
    bool may_end(State state) const { return states_[state].may_end; }
    bool may_continue(State state) const { return states_[state].may_continue; }
    bool names_tokens(State state) const { return states_[state].names_tokens; }
    // The one character that may come next, where the text may not end either.
    std::optional<uint32_t> only_character(State state) const { return states_[state].only_character; }
    // Whether one of the characters from `low` to `high` may come next.
    bool may_match(State state, uint32_t low, uint32_t high) const;

    // To be called with the state after each token: forgets all others, where they have become too many, and returns its new
    // number.
    State tidy(State state);

  private:
    using Stack = uint32_t;  // 0 is the empty one
    struct Frame {
        uint32_t position;
        Stack rest;
    };
    struct StateInfo {
        std::vector<Stack> stacks;
        bool may_end = false;
        bool may_continue = false;
        bool names_tokens = false;
        std::optional<uint32_t> only_character;
    };
    // Sets of stacks that all begin with a character or a token.
    class Closure;

    void forget();
    void spend(size_t work);
    Stack stack(uint32_t position, Stack rest);
    Stack continued(uint32_t position, Stack rest);
    State state_of(std::vector<Stack> stacks);
    std::optional<uint32_t> only_character_of(const std::vector<Stack> & stacks) const;
    Stack move(const GrammarMatcher & from, Stack stack);

    std::shared_ptr<const GrammarRules> rules_;
    std::vector<Frame> frames_;
    std::unordered_map<uint64_t, Stack> stack_numbers_;
    std::vector<StateInfo> states_;
    std::unordered_multimap<uint64_t, State> state_numbers_;  // by a hash of their stacks
    std::unordered_map<uint64_t, State> followers_;           // of a state and a character
    State start_ = none;
    int64_t work_left_;
};

}  // namespace vserve
