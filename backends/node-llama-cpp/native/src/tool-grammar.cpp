#include "tool-grammar.h"

#include <variant>
#include <vector>

#include "grammar-lines.h"

namespace vserve {

namespace {

// Of the rules with which calls begin, in llama.cpp's parsers: the widest comes first.
std::vector<std::string> names_of_calls(const common_peg_arena & parser) {
    std::vector<std::string> names{"tool-calls", "tool-call-root", "tool-call"};
    for (size_t id = 0; id < parser.size(); id++) {
        const auto * rule = std::get_if<common_peg_rule_parser>(&parser.get(id));
        if (rule != nullptr && rule->trigger) {
            names.push_back(rule->name);
        }
    }
    return names;
}

// `(a | b)+`, or `a+`.
bool is_repeated(const std::string & body) {
    if (body.empty() || body.back() != '+') {
        return false;
    }
    int depth = 0;
    for (size_t at = 0; at + 1 < body.size(); at++) {
        if (body[at] == '"') {
            for (at++; at < body.size() && body[at] != '"'; at++) {
                at += body[at] == '\\' ? 1 : 0;
            }
        }
        depth += body[at] == '(' ? 1 : body[at] == ')' ? -1 : 0;
        if (depth == 0 && (body[at] == ' ' || (body[at] == ')' && at + 2 < body.size()))) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::string grammar_of_calls(const std::string & gbnf, const common_peg_arena & parser, bool in_parallel) {
    GrammarLines lines(gbnf);
    std::string * root = lines.body_of("root");
    for (const auto & name : names_of_calls(parser)) {
        std::string * calls = lines.body_of(name);
        if (root == nullptr || calls == nullptr) {
            continue;
        }
        if (!in_parallel && is_repeated(*calls)) {
            calls->pop_back();
        }
        *root = name;
        return lines.text();
    }
    return "";
}

}  // namespace vserve
