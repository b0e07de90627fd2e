#include "grammar-source.h"

#include "error.h"
#include "grammar-position.h"
#include "schema-grammar.h"

namespace vserve {

namespace {

std::string described(const GrammarError & error) {
    const std::string place = error.line == 0 ? "" : "line " + std::to_string(error.line) + ", column " +
                                                         std::to_string(error.column) + ": ";
    return place + error.what();
}

}  // namespace

std::shared_ptr<const GrammarRules> compile(const GrammarSource & source, const llama_vocab * vocab) {
    const bool is_schema = !source.schema.empty();
    try {
        auto rules = std::make_shared<const GrammarRules>(
            is_schema ? schema_grammar(source.schema, source.gbnf) : source.gbnf, vocab);
        GrammarMatcher matcher(rules);  // so that it fails here if it cannot even begin
        return rules;
    } catch (const GrammarError & error) {
        throw EngineError("invalid_request", (is_schema ? "The schema cannot be made a grammar: " : "The grammar cannot be used: ") +
                                                 described(error) + ".");
    }
}

std::vector<bool> matches(const GrammarSource & source, const std::vector<std::string> & texts) {
    GrammarMatcher matcher(compile(source, nullptr));
    std::vector<bool> results;
    for (const auto & text : texts) {
        GrammarPosition position{matcher.start(), 0, 0, 0};
        for (const char byte : text) {
            position = after_byte(matcher, position, static_cast<unsigned char>(byte));
        }
        results.push_back(position.is_possible() && position.is_between_characters() && matcher.may_end(position.state));
    }
    return results;
}

}  // namespace vserve
