#include "schema-grammar.h"

#include <map>
#include <string_view>
#include <unordered_map>

#include "grammar-rules.h"
#include "json-schema-to-grammar.h"
#include "json.h"
#include "other-properties.h"

namespace vserve {

namespace {

// In place of llama.cpp's: no half of a surrogate pair, which is no text, and no number that is infinite as a double.
const std::map<std::string_view, std::string_view> own_rules{
    {"char", R"gbnf([^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt] | "u" ([0-9a-cA-CefEF] [0-9a-fA-F] | [dD] [0-7]) [0-9a-fA-F] [0-9a-fA-F]))gbnf"},
    {"number", R"gbnf("-"? integral-part ("." decimal-part)? ([eE] [-+]? [0-9] [0-9]?)?)gbnf"},
};

std::string replaced(const std::string & text, std::string_view from, std::string_view to) {
    std::string result;
    size_t begin = 0;
    for (size_t found; (found = text.find(from, begin)) != std::string::npos; begin = found + from.size()) {
        result.append(text, begin, found - begin).append(to);
    }
    return result.append(text, begin, std::string::npos);
}

// Each rule is a line.
std::string with_own_rules(const std::string & grammar) {
    constexpr std::string_view defined_as = " ::= ";
    std::string result;
    for (size_t begin = 0; begin < grammar.size();) {
        const size_t end = std::min(grammar.find('\n', begin), grammar.size());
        const std::string_view line = std::string_view(grammar).substr(begin, end - begin);
        const size_t defined = line.find(defined_as);
        const auto own = own_rules.find(line.substr(0, defined));
        if (defined == std::string_view::npos || own == own_rules.end()) {
            result.append(line);
        } else {
            result.append(own->first).append(defined_as).append(own->second);
        }
        result += '\n';
        begin = end + 1;
    }
    return result;
}

// `"\"name\""`, the text of a constant or of a property's name, becomes `name`, for all the names at once.
std::string with_references(const std::string & original, const std::string & rules) {
    const size_t first = rules.find(" ::= ");
    if (first == std::string::npos) {
        return original;
    }
    const std::string prefix = rules.substr(0, rules.find_first_of("0123456789"));  // of all names
    const std::string grammar = with_other_properties(original, prefix);
    const std::string quote = "\"\\\"";
    std::string result;
    size_t begin = 0;
    for (size_t found; (found = grammar.find(quote + prefix, begin)) != std::string::npos;) {
        const size_t name = found + quote.size();
        const size_t end = grammar.find_first_not_of("0123456789", name + prefix.size());
        if (grammar.compare(end, 3, "\\\"\"") != 0) {
            result.append(grammar, begin, name - begin);
            begin = name;
            continue;
        }
        result.append(grammar, begin, found - begin).append(grammar, name, end - name);
        begin = end + 3;
    }
    return result.append(grammar, begin, std::string::npos);
}

}  // namespace

std::string with_fixed_spaces(const std::string & grammar) {
    // A quote within a literal has a backslash before it: these texts are never in one.
    std::string result = replaced(replaced(grammar, R"(":" space)", R"(": ")"), R"("," space)", R"(", ")");
    const std::string_view rule = "space ::= ";
    const size_t begin = result.compare(0, rule.size(), rule) == 0 ? 0 : result.find("\nspace ::= ") + 1;
    if (begin != 0 || result.compare(0, rule.size(), rule) == 0) {
        const size_t body = begin + rule.size();
        result.replace(body, std::min(result.find('\n', body), result.size()) - body, "\"\"");
    }
    return result;
}

std::string with_rules(const std::string & grammar, const std::string & rules) {
    return with_references(with_own_rules(grammar), rules) + rules;
}

std::string schema_grammar(const std::string & schema, const std::string & rules) {
    std::string grammar;
    try {
        grammar = json_schema_to_grammar(common_json::parse(schema), true);
    } catch (const std::exception & error) {
        throw GrammarError(error.what());
    }
    return with_references(with_own_rules(with_fixed_spaces(grammar)), rules) + rules;
}

}  // namespace vserve
