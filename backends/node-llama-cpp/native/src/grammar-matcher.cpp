#include "grammar-matcher.h"

#include <algorithm>
#include <unordered_set>

namespace vserve {

namespace {

// Of one state. Grammars that people write stay below a hundred.
constexpr size_t most_stacks = 4096;
// About 10 MB: then they are forgotten.
constexpr size_t many_states = 20'000;
constexpr size_t many_frames = 500'000;

// In stacks that are looked at for a new state. Others wait meanwhile, half a second for all of it; what a token takes off
// comes back with each. Grammars that people write take some hundreds a token.
constexpr int64_t most_work = 4'000'000;
constexpr int64_t work_for_token = 50'000;

uint64_t pair_of(uint32_t high, uint32_t low) {
    return static_cast<uint64_t>(high) << 32 | low;
}

uint64_t hash_of(const std::vector<uint32_t> & numbers) {
    uint64_t hash = 14695981039346656037ull;
    for (const uint32_t number : numbers) {
        hash = (hash ^ number) * 1099511628211ull;
    }
    return hash;
}

}  // namespace

// Replaces references to rules by what these begin with.
class GrammarMatcher::Closure {
  public:
    explicit Closure(GrammarMatcher & matcher) : matcher_(matcher) {}

    void add(Stack stack) {
        waiting_.push_back(stack);
        while (!waiting_.empty()) {
            const Stack next = waiting_.back();
            waiting_.pop_back();
            if (seen_.insert(next).second) {
                matcher_.spend(1);
                expand(next);
            }
        }
    }

    std::vector<Stack> stacks() && { return std::move(stacks_); }

  private:
    void expand(Stack stack) {
        if (seen_.size() > most_stacks) {
            throw GrammarError("the grammar is too ambiguous: there are more than " + std::to_string(most_stacks) +
                               " ways to read a text");
        }
        const GrammarRules & rules = *matcher_.rules_;
        const Frame frame = matcher_.frames_[stack];
        if (stack == 0 || rules.at(frame.position).type != LLAMA_GRETYPE_RULE_REF) {
            stacks_.push_back(stack);
            return;
        }
        const Stack rest = matcher_.continued(frame.position + 1, frame.rest);
        for (const uint32_t begin : rules.alternatives_of(rules.at(frame.position).value)) {
            waiting_.push_back(matcher_.continued(begin, rest));
        }
    }

    GrammarMatcher & matcher_;
    std::vector<Stack> waiting_;
    std::vector<Stack> stacks_;
    std::unordered_set<Stack> seen_;
};

GrammarMatcher::GrammarMatcher(std::shared_ptr<const GrammarRules> rules)
    : rules_(std::move(rules)), work_left_(most_work) {
    forget();
    Closure closure(*this);
    for (const uint32_t begin : rules_->alternatives_of(rules_->root())) {
        closure.add(continued(begin, 0));
    }
    start_ = state_of(std::move(closure).stacks());
}

void GrammarMatcher::forget() {
    frames_.assign(1, {0, 0});
    stack_numbers_.clear();
    states_.assign(1, {});
    state_numbers_.clear();
    followers_.clear();
}

void GrammarMatcher::spend(size_t work) {
    work_left_ -= static_cast<int64_t>(work);
    if (work_left_ < 0) {
        throw GrammarError("the grammar is too ambiguous: it takes too long to tell what may come next");
    }
}

GrammarMatcher::Stack GrammarMatcher::stack(uint32_t position, Stack rest) {
    const auto [found, is_new] = stack_numbers_.emplace(pair_of(position, rest), static_cast<Stack>(frames_.size()));
    if (is_new) {
        frames_.push_back({position, rest});
    }
    return found->second;
}

// `rest` alone where the rule ends at the position.
GrammarMatcher::Stack GrammarMatcher::continued(uint32_t position, Stack rest) {
    return rules_->ends_at(position) ? rest : stack(position, rest);
}

GrammarMatcher::State GrammarMatcher::state_of(std::vector<Stack> stacks) {
    if (stacks.empty()) {
        return none;
    }
    std::sort(stacks.begin(), stacks.end());
    stacks.erase(std::unique(stacks.begin(), stacks.end()), stacks.end());
    const uint64_t hash = hash_of(stacks);
    const auto [first, last] = state_numbers_.equal_range(hash);
    for (auto known = first; known != last; known++) {
        if (states_[known->second].stacks == stacks) {
            return known->second;
        }
    }
    StateInfo info;
    info.may_end = stacks.front() == 0;
    info.may_continue = stacks.back() != 0;
    info.names_tokens = std::any_of(stacks.begin(), stacks.end(), [this](Stack stack) {
        const auto type = rules_->at(frames_[stack].position).type;
        return stack != 0 && (type == LLAMA_GRETYPE_TOKEN || type == LLAMA_GRETYPE_TOKEN_NOT);
    });
    info.only_character = only_character_of(stacks);
    info.stacks = std::move(stacks);
    const State state = static_cast<State>(states_.size());
    states_.push_back(std::move(info));
    state_numbers_.emplace(hash, state);
    return state;
}

std::optional<uint32_t> GrammarMatcher::only_character_of(const std::vector<Stack> & stacks) const {
    std::optional<uint32_t> only;
    for (const Stack stack : stacks) {
        const uint32_t position = frames_[stack].position;
        const auto & element = rules_->at(position);
        const bool is_one = stack != 0 && element.type == LLAMA_GRETYPE_CHAR &&
                            after_characters(*rules_, position) == position + 1;
        if (!is_one || (only && *only != element.value)) {
            return std::nullopt;
        }
        only = element.value;
    }
    return only;
}

GrammarMatcher::State GrammarMatcher::after(State state, uint32_t character) {
    const uint64_t key = pair_of(state, character);
    if (const auto known = followers_.find(key); known != followers_.end()) {
        return known->second;
    }
    spend(states_[state].stacks.size());
    Closure closure(*this);
    for (size_t i = 0; i < states_[state].stacks.size(); i++) {
        const Stack stack = states_[state].stacks[i];
        const Frame frame = frames_[stack];
        if (stack != 0 && includes_any(*rules_, frame.position, character, character)) {
            closure.add(continued(after_characters(*rules_, frame.position), frame.rest));
        }
    }
    const State next = state_of(std::move(closure).stacks());
    followers_.emplace(key, next);
    return next;
}

GrammarMatcher::State GrammarMatcher::after_token(State state, llama_token token) {
    Closure closure(*this);
    for (size_t i = 0; i < states_[state].stacks.size(); i++) {
        const Stack stack = states_[state].stacks[i];
        const Frame frame = frames_[stack];
        const auto & element = rules_->at(frame.position);
        const bool is_named = element.value == static_cast<uint32_t>(token);
        if (stack != 0 && ((element.type == LLAMA_GRETYPE_TOKEN && is_named) ||
                           (element.type == LLAMA_GRETYPE_TOKEN_NOT && !is_named))) {
            closure.add(continued(frame.position + 1, frame.rest));
        }
    }
    return state_of(std::move(closure).stacks());
}

bool GrammarMatcher::may_match(State state, uint32_t low, uint32_t high) const {
    const auto & stacks = states_[state].stacks;
    return std::any_of(stacks.begin(), stacks.end(), [&](Stack stack) {
        return stack != 0 && includes_any(*rules_, frames_[stack].position, low, high);
    });
}

GrammarMatcher::State GrammarMatcher::tidy(State state) {
    work_left_ = std::min(work_left_ + work_for_token, most_work);
    if (states_.size() < many_states && frames_.size() < many_frames) {
        return state;
    }
    const GrammarMatcher before = std::move(*this);
    rules_ = before.rules_;
    forget();
    std::vector<Stack> stacks;
    for (const Stack stack : before.states_[state].stacks) {
        stacks.push_back(move(before, stack));
    }
    start_ = none;  // long past
    return state_of(std::move(stacks));
}

GrammarMatcher::Stack GrammarMatcher::move(const GrammarMatcher & from, Stack top) {
    std::vector<uint32_t> positions;
    for (Stack at = top; at != 0; at = from.frames_[at].rest) {
        positions.push_back(from.frames_[at].position);
    }
    Stack moved = 0;
    for (auto position = positions.rbegin(); position != positions.rend(); position++) {
        moved = stack(*position, moved);
    }
    return moved;
}

}  // namespace vserve
