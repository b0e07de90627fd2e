#include "grammar-rules.h"

#include <algorithm>
#include <string_view>

namespace vserve {

namespace {

// What llama.cpp's parser makes of a text is bounded before it begins: it copies what is repeated, and recurses into groups.
constexpr size_t most_text_bytes = 4 << 20;
constexpr size_t most_elements = 2 << 20;
constexpr int deepest_group = 500;
constexpr uint64_t most_repetitions = 2000;  // llama.cpp reads a greater upper limit as none

// Looks over the text for what the parser would choke on.
class Survey {
  public:
    explicit Survey(const std::string & text) : text_(text) {}

    void run() {
        if (text_.size() > most_text_bytes) {
            throw GrammarError("it has " + std::to_string(text_.size()) + " bytes, more than " +
                               std::to_string(most_text_bytes));
        }
        if (text_.find('\0') != std::string::npos) {
            fail("a NUL character", text_.find('\0'));
        }
        while (at_ < text_.size()) {
            take();
        }
    }

  private:
    void take() {
        const char c = text_[at_];
        if (c == '#') {
            at_ = std::min(text_.find('\n', at_), text_.size());
        } else if (c == '"' || c == '[') {
            skip_quoted(c == '"' ? '"' : ']');
        } else if (c == '{') {
            count_repetitions();
        } else {
            depth_ += c == '(' ? 1 : c == ')' ? -1 : 0;
            if (depth_ > deepest_group) {
                fail("groups within more than " + std::to_string(deepest_group) + " others", at_);
            }
            last_length_ = std::string_view(" \t\r\n").find(c) == std::string_view::npos ? 1 : last_length_;
            at_++;
        }
    }

    void skip_quoted(char end) {
        const size_t begin = at_++;
        while (at_ < text_.size() && text_[at_] != end) {
            at_ += text_[at_] == '\\' ? 2 : 1;
        }
        at_ = std::min(at_ + 1, text_.size());
        last_length_ = at_ - begin;
    }

    void count_repetitions() {
        const size_t begin = at_;
        uint64_t most = 0;
        for (at_++; at_ < text_.size() && text_[at_] != '}';) {
            uint64_t count = 0;
            const size_t digits = at_;
            for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; at_++) {
                count = std::min<uint64_t>(count * 10 + (text_[at_] - '0'), most_repetitions + 1);
            }
            most = std::max(most, count);
            at_ += at_ == digits ? 1 : 0;
        }
        if (most > most_repetitions) {
            fail("more than " + std::to_string(most_repetitions) + " repetitions", begin);
        }
        elements_ += most * last_length_;
        if (elements_ > most_elements) {
            fail("repetitions of too much", begin);
        }
    }

    [[noreturn]] void fail(const std::string & reason, size_t offset) const;

    const std::string & text_;
    size_t at_ = 0;
    size_t last_length_ = 1;  // of what a repetition would repeat, in characters at most
    size_t elements_ = 0;
    int depth_ = 0;
};

GrammarError error_at(const std::string & text, size_t offset, const std::string & reason) {
    const std::string_view before = std::string_view(text).substr(0, offset);
    const size_t line_begin = before.rfind('\n') + 1;  // npos + 1 is 0
    return {reason, static_cast<size_t>(std::count(before.begin(), before.end(), '\n')) + 1, offset - line_begin + 1};
}

void Survey::fail(const std::string & reason, size_t offset) const {
    throw error_at(text_, offset, reason);
}

// The parser's messages end with the rest of the text, which tells the place.
GrammarError located(const std::string & text, const std::string & rule_begin, const std::string & message) {
    const size_t at = message.find(" at ");
    if (at == std::string::npos) {
        return error_at(text, text.size() - rule_begin.size(), message);
    }
    const size_t rest = message.size() - at - 4;
    return error_at(text, text.size() - std::min(rest, text.size()), message.substr(0, at));
}

size_t skip_space(const std::string & text) {
    size_t at = 0;
    while (at < text.size() && std::string_view(" \t\r\n#").find(text[at]) != std::string_view::npos) {
        at = text[at] == '#' ? std::min(text.find('\n', at), text.size()) : at + 1;
    }
    return at;
}

void parse(llama_grammar_parser & parser, const std::string & text) {
    const char * at = text.c_str() + skip_space(text);
    while (*at != 0) {
        const char * const begin = at;
        try {
            at = parser.parse_rule(at);
        } catch (const std::exception & error) {
            throw located(text, begin, error.what());
        }
    }
}

}  // namespace

GrammarError::GrammarError(const std::string & reason, size_t line, size_t column)
    : std::runtime_error(reason), line(line), column(column) {}

GrammarRules::GrammarRules(const std::string & gbnf, const llama_vocab * vocab) {
    Survey(gbnf).run();
    llama_grammar_parser parser(vocab);
    parse(parser, gbnf);
    const auto root = parser.symbol_ids.find("root");
    if (root == parser.symbol_ids.end()) {
        throw GrammarError("it has no rule named root");
    }
    root_ = root->second;
    for (const auto & [name, id] : parser.symbol_ids) {
        if (id >= parser.rules.size() || parser.rules[id].empty()) {
            throw GrammarError("the rule " + name + " is not defined");
        }
    }
    flatten(parser.rules);
    check_characters();
    check_recursion();
}

void GrammarRules::flatten(const llama_grammar_rules & rules) {
    for (const auto & rule : rules) {
        std::vector<uint32_t> begins{static_cast<uint32_t>(elements_.size())};
        for (const auto & element : rule) {
            elements_.push_back(element);
            if (element.type == LLAMA_GRETYPE_ALT) {
                begins.push_back(static_cast<uint32_t>(elements_.size()));
            }
        }
        alternatives_.push_back(std::move(begins));
        if (elements_.size() > most_elements) {
            throw GrammarError("it is too large");
        }
    }
}

GrammarRules GrammarRules::either(const GrammarRules & first, const GrammarRules & second) {
    GrammarRules rules;
    const uint32_t one = rules.append(first);
    const uint32_t other = rules.append(second);
    rules.flatten({{{LLAMA_GRETYPE_RULE_REF, one}, {LLAMA_GRETYPE_ALT, 0}, {LLAMA_GRETYPE_RULE_REF, other}, {LLAMA_GRETYPE_END, 0}}});
    rules.root_ = static_cast<uint32_t>(rules.alternatives_.size()) - 1;
    return rules;
}

// Returns what the other's root is here.
uint32_t GrammarRules::append(const GrammarRules & other) {
    const auto first_rule = static_cast<uint32_t>(alternatives_.size());
    const auto first_element = static_cast<uint32_t>(elements_.size());
    for (llama_grammar_element element : other.elements_) {
        element.value += element.type == LLAMA_GRETYPE_RULE_REF ? first_rule : 0;
        elements_.push_back(element);
    }
    for (std::vector<uint32_t> begins : other.alternatives_) {
        for (uint32_t & begin : begins) {
            begin += first_element;
        }
        alternatives_.push_back(std::move(begins));
    }
    return other.root_ + first_rule;
}

// No answer has half a surrogate pair, so a place where nothing else may stand could not be passed.
void GrammarRules::check_characters() const {
    const auto is_half = [this](size_t position) {
        return elements_[position].value >= 0xD800 && elements_[position].value <= 0xDFFF;
    };
    for (size_t at = 0; at < elements_.size(); at++) {
        if (elements_[at].type != LLAMA_GRETYPE_CHAR) {
            continue;
        }
        bool halves = is_half(at);
        for (; elements_[at + 1].type == LLAMA_GRETYPE_CHAR_RNG_UPPER || elements_[at + 1].type == LLAMA_GRETYPE_CHAR_ALT; at++) {
            halves = halves && is_half(at + 1);
        }
        if (halves) {
            throw GrammarError("half a surrogate pair is no character");
        }
    }
}

std::vector<bool> GrammarRules::rules_that_may_be_empty() const {
    std::vector<bool> may_be_empty(alternatives_.size(), false);
    const auto is_empty = [&](uint32_t position) {
        for (; !ends_at(position); position++) {
            const auto & element = elements_[position];
            if (element.type != LLAMA_GRETYPE_RULE_REF || !may_be_empty[element.value]) {
                return false;
            }
        }
        return true;
    };
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t rule = alternatives_.size(); rule-- > 0;) {
            const auto & begins = alternatives_[rule];
            if (!may_be_empty[rule] && std::any_of(begins.begin(), begins.end(), is_empty)) {
                may_be_empty[rule] = changed = true;
            }
        }
    }
    return may_be_empty;
}

// No rule may come back to itself before it has taken a character.
void GrammarRules::check_recursion() const {
    const auto may_be_empty = rules_that_may_be_empty();
    std::vector<std::vector<uint32_t>> first(alternatives_.size());  // rules with which each can begin
    for (size_t rule = 0; rule < alternatives_.size(); rule++) {
        for (uint32_t position : alternatives_[rule]) {
            for (; !ends_at(position) && elements_[position].type == LLAMA_GRETYPE_RULE_REF; position++) {
                first[rule].push_back(elements_[position].value);
                if (!may_be_empty[elements_[position].value]) {
                    break;
                }
            }
        }
    }
    enum class Visit : uint8_t { none, open, done };
    std::vector<Visit> visits(first.size(), Visit::none);
    std::vector<std::pair<uint32_t, size_t>> path;  // rules, and how many of `first` were seen
    for (uint32_t start = 0; start < first.size(); start++) {
        if (visits[start] == Visit::none) {
            visits[start] = Visit::open;
            path.emplace_back(start, 0);
        }
        while (!path.empty()) {
            auto & [rule, seen] = path.back();
            if (seen == first[rule].size()) {
                visits[rule] = Visit::done;
                path.pop_back();
                continue;
            }
            const uint32_t next = first[rule][seen++];
            if (visits[next] == Visit::open) {
                throw GrammarError("a rule begins with itself (left recursion)");
            }
            if (visits[next] == Visit::none) {
                visits[next] = Visit::open;
                path.emplace_back(next, 0);
            }
        }
    }
}

size_t GrammarRules::bytes() const {
    size_t bytes = elements_.capacity() * sizeof(elements_[0]) + alternatives_.capacity() * sizeof(alternatives_[0]);
    for (const auto & begins : alternatives_) {
        bytes += begins.capacity() * sizeof(uint32_t);
    }
    return bytes;
}

uint32_t after_characters(const GrammarRules & rules, uint32_t position) {
    for (position++; rules.at(position).type == LLAMA_GRETYPE_CHAR_RNG_UPPER || rules.at(position).type == LLAMA_GRETYPE_CHAR_ALT;) {
        position++;
    }
    return position;
}

bool includes_any(const GrammarRules & rules, uint32_t position, uint32_t low, uint32_t high) {
    const auto type = rules.at(position).type;
    if (type == LLAMA_GRETYPE_CHAR_ANY) {
        return true;
    }
    if (type != LLAMA_GRETYPE_CHAR && type != LLAMA_GRETYPE_CHAR_NOT) {
        return false;
    }
    const uint32_t end = after_characters(rules, position);
    bool touches = false;
    uint32_t next = low;  // those before it are in the set
    for (bool grows = true; grows;) {
        grows = false;
        for (uint32_t at = position; at < end;) {
            const uint32_t first = rules.at(at++).value;
            const bool is_range = at < end && rules.at(at).type == LLAMA_GRETYPE_CHAR_RNG_UPPER;
            const uint32_t last = is_range ? rules.at(at++).value : first;
            touches = touches || (first <= high && low <= last);
            if (first <= next && next <= last && next <= high) {
                next = last + 1;
                grows = true;
            }
        }
    }
    return type == LLAMA_GRETYPE_CHAR ? touches : next <= high;
}

}  // namespace vserve
