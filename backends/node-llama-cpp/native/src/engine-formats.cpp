// The part of the engine that holds answers to a format.

#include "engine.h"

namespace vserve {

std::shared_ptr<const GrammarRules> Engine::compile_grammar(const GrammarSource & source) const {
    const std::string key = source.schema + '\0' + source.gbnf;
    return grammars_.get(key, [&] { return compile(source, vocab_); });
}

const Engine::Vocabulary & Engine::vocabulary() const {
    std::call_once(vocabulary_read_, [this] { vocabulary_ = std::make_unique<Vocabulary>(vocab_); });
    return *vocabulary_;
}

// Null where the answers have no format.
std::unique_ptr<AnswerGrammar> Engine::grammar_for(const Request & request) const {
    if (!request.settings.grammar) {
        return nullptr;
    }
    return std::make_unique<AnswerGrammar>(vocab_, vocabulary().texts, request.settings.grammar);
}

}  // namespace vserve
