#include "tool-grammar.h"

#include <algorithm>
#include <sstream>
#include <variant>
#include <vector>

namespace vserve {

namespace {

struct Rule {
    std::string name;
    std::string body;
};

std::vector<Rule> rules_of(const std::string & gbnf) {
    std::vector<Rule> rules;
    std::istringstream lines(gbnf);
    for (std::string line; std::getline(lines, line);) {
        const size_t mark = line.find(" ::= ");
        if (mark != std::string::npos) {
            rules.push_back({line.substr(0, mark), line.substr(mark + 5)});
        }
    }
    return rules;
}

Rule * find(std::vector<Rule> & rules, const std::string & name) {
    const auto found = std::find_if(rules.begin(), rules.end(), [&name](const Rule & rule) { return rule.name == name; });
    return found == rules.end() ? nullptr : &*found;
}

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
    auto rules = rules_of(gbnf);
    Rule * root = find(rules, "root");
    for (const auto & name : names_of_calls(parser)) {
        Rule * calls = find(rules, name);
        if (root == nullptr || calls == nullptr) {
            continue;
        }
        if (!in_parallel && calls->body == "(tool-call space)+") {
            calls->body = "tool-call space";
        }
        root->body = name;
        std::string result;
        for (const auto & rule : rules) {
            result += rule.name + " ::= " + rule.body + "\n";
        }
        return result;
    }
    return "";
}

}  // namespace vserve
