#include "grammar-lines.h"

#include <algorithm>
#include <sstream>

namespace vserve {

GrammarLines::GrammarLines(const std::string & gbnf) {
    std::istringstream lines(gbnf);
    for (std::string line; std::getline(lines, line);) {
        const size_t mark = line.find(" ::= ");
        if (mark != std::string::npos) {
            add(line.substr(0, mark), line.substr(mark + 5));
        }
    }
}

std::string * GrammarLines::body_of(const std::string & name) {
    const auto found = std::find_if(rules_.begin(), rules_.end(), [&name](const Rule & rule) { return rule.name == name; });
    return found == rules_.end() ? nullptr : &found->body;
}

void GrammarLines::add(const std::string & name, const std::string & body) {
    rules_.push_back({name, body});
}

std::string GrammarLines::text() const {
    std::string result;
    for (const auto & rule : rules_) {
        result += rule.name + " ::= " + rule.body + "\n";
    }
    return result;
}

std::string gbnf_literal(const std::string & text) {
    std::string result = "\"";
    for (const char character : text) {
        switch (character) {
            case '\n':
                result += "\\n";
                break;
            case '"':
            case '\\':
                result += '\\';
                [[fallthrough]];
            default:
                result += character;
        }
    }
    return result + "\"";
}

}  // namespace vserve
