#include "other-properties.h"

#include <map>
#include <set>
#include <string_view>
#include <vector>

namespace vserve {

namespace {

constexpr std::string_view defined_as = " ::= ";

struct Rule {
    std::string name;
    std::string body;
};

std::vector<Rule> rules_of(const std::string & grammar) {
    std::vector<Rule> rules;
    for (size_t begin = 0; begin < grammar.size();) {
        const size_t end = std::min(grammar.find('\n', begin), grammar.size());
        const std::string line = grammar.substr(begin, end - begin);
        const size_t defined = line.find(defined_as);
        if (defined != std::string::npos) {
            rules.push_back({line.substr(0, defined), line.substr(defined + defined_as.size())});
        }
        begin = end + 1;
    }
    return rules;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// `leaf7` of `shape-leaf7-kv`, where the name ends with that; empty otherwise.
std::string property_of(const std::string & name, const std::string & prefix, std::string_view end) {
    if (!ends_with(name, end)) {
        return "";
    }
    const std::string rest = name.substr(0, name.size() - end.size());
    const size_t begin = rest.rfind('-') + 1;  // npos + 1 is 0
    const bool is_numbered = rest.size() > begin + prefix.size() &&
                             rest.find_first_not_of("0123456789", begin + prefix.size()) == std::string::npos;
    return is_numbered && rest.compare(begin, prefix.size(), prefix) == 0 ? rest.substr(begin) : "";
}

// The rule of what follows the last placeholder has additional properties, `( "," space shape-additional-kv )*`; those before
// it have the next placeholder, `( "," space shape-leaf7-kv )? shape-leaf7-rest`. There may be no `space`.
std::string first_name_in(const std::string & body) {
    constexpr std::string_view space = "space ";
    size_t begin = body.find_first_not_of(' ', body.find("\" ") + 1);
    if (body.compare(begin, space.size(), space) == 0) {
        begin += space.size();
    }
    return body.substr(begin, body.find(' ', begin) - begin);
}

}  // namespace

std::string with_other_properties(const std::string & grammar, const std::string & prefix) {
    if (grammar.find(prefix) == std::string::npos || grammar.find("-kv") == std::string::npos) {
        return grammar;
    }
    std::vector<Rule> rules = rules_of(grammar);
    std::map<std::string, std::string> members;  // the rule of a placeholder's name and value
    std::map<std::string, std::string> next;     // the rule that comes after that
    for (const Rule & rule : rules) {
        if (const auto name = property_of(rule.name, prefix, "-kv"); !name.empty()) {
            members[name] = rule.name;
        }
        if (const auto name = property_of(rule.name, prefix, "-rest"); !name.empty()) {
            next[name] = first_name_in(rule.body);
        }
    }
    std::map<std::string, std::string> alternatives;  // by the rule of additional properties
    for (const auto & [name, rule] : members) {
        std::string after = next[name];
        for (auto inner = property_of(after, prefix, "-kv"); !inner.empty(); inner = property_of(after, prefix, "-kv")) {
            after = next[inner];
        }
        std::string & all = alternatives[after];
        all += (all.empty() ? "" : " | ") + rule;
    }
    std::string result;
    std::set<std::string> unused;
    for (Rule & rule : rules) {
        if (const auto found = alternatives.find(rule.name); found != alternatives.end()) {
            const std::string key = rule.body.substr(0, rule.body.find(' '));
            if (ends_with(key, "-k")) {
                unused.insert(key);
            }
            rule.body = found->second;
        }
    }
    for (const Rule & rule : rules) {
        if (unused.count(rule.name) == 0) {
            result.append(rule.name).append(defined_as).append(rule.body) += '\n';
        }
    }
    return result;
}

}  // namespace vserve
