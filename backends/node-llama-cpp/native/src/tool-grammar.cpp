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

}  // namespace

std::string grammar_of_calls(const std::string & gbnf, const common_peg_arena & parser, bool in_parallel) {
    GrammarLines lines(gbnf);
    std::string * root = lines.body_of("root");
    for (const auto & name : names_of_calls(parser)) {
        std::string * calls = lines.body_of(name);
        if (root == nullptr || calls == nullptr) {
            continue;
        }
        if (!in_parallel && *calls == "(tool-call space)+") {
            *calls = "tool-call space";
        }
        *root = name;
        return lines.text();
    }
    return "";
}

}  // namespace vserve
