// The part of the engine that holds answers to a format.

#include <algorithm>
#include <iterator>
#include <tuple>

#include "engine.h"

namespace vserve {

std::shared_ptr<const GrammarRules> Engine::compile_grammar(const GrammarSource & source) const {
    vocabulary();  // read where it delays no step
    const std::string key = source.schema + '\0' + source.gbnf;
    return grammars_.get(key, [&] { return compile(source, vocab_); });
}

const Engine::Vocabulary & Engine::vocabulary() const {
    std::call_once(vocabulary_read_, [this] { vocabulary_ = std::make_unique<Vocabulary>(vocab_, ends_of_turn_); });
    return *vocabulary_;
}

// After the thoughts, where the model has some that the prompt has not ended.
static GrammarStart start_after_thoughts(const Request & request) {
    const AnswerPlan & plan = request.prompt.plan;
    GrammarStart start;
    start.spoken_tokens.assign(request.spoken_tokens.begin(), request.spoken_tokens.end());
    const auto & ends = plan.thought_ends;
    const bool are_ended = !plan.is_thinking && std::any_of(ends.begin(), ends.end(), [&plan](const std::string & tag) {
        return plan.opening.find(tag) != std::string::npos;
    });
    if (are_ended) {
        return start;
    }
    start.opening_tag = plan.thought_start;
    start.is_thinking = plan.is_thinking;
    start.may_indent = plan.may_indent;
    // A call may end the thoughts of some models. The grammar has to match it.
    std::copy_if(ends.begin(), ends.end(), std::back_inserter(start.closing_tags), [&plan](const std::string & tag) {
        return std::find(plan.trigger_words.begin(), plan.trigger_words.end(), tag) == plan.trigger_words.end();
    });
    return start;
}

static bool begins_with(std::shared_ptr<const GrammarRules> format, const std::string & text) {
    GrammarMatcher matcher(std::move(format));
    GrammarPosition position{matcher.start(), 0, 0, 0};
    for (size_t i = 0; i < text.size() && position.is_possible(); i++) {
        position = after_byte(matcher, position, static_cast<unsigned char>(text[i]));
    }
    return position.is_possible();
}

// A final message that is continued may be the beginning of the format, or a text before it.
static GrammarStart start_of_format(const Request & request) {
    GrammarStart start = start_after_thoughts(request);
    const auto & [format, begun] = std::tie(request.settings.grammar, request.settings.begun_text);
    if (!begun.empty() && begins_with(format, begun)) {
        start.closing_tags.clear();  // they are over
        start.is_thinking = false;
        start.begun_text = begun;
    }
    return start;
}

static GrammarStart start_of_calls(const Request & request) {
    const AnswerPlan & plan = request.prompt.plan;
    GrammarStart start = start_after_thoughts(request);
    start.waits = plan.grammar_waits;
    start.words = plan.trigger_words;
    start.patterns = plan.trigger_patterns;
    if (plan.grammar_has_turn) {
        start.closing_tags.clear();
        start.is_thinking = false;
        start.begun_text = plan.opening;
    }
    return start;
}

// Null where the answers have no format, and no calls. Those that may have either are of the format, or call at once.
std::unique_ptr<AnswerGrammar> Engine::grammar_for(const Request & request) const {
    const AnswerPlan & plan = request.prompt.plan;
    const auto & format = request.settings.grammar;
    const auto held_to = [this](std::shared_ptr<const GrammarRules> rules, GrammarStart start) {
        return std::make_unique<AnswerGrammar>(vocab_, vocabulary().texts, std::move(rules), std::move(start));
    };
    if (plan.grammar.empty()) {
        return format ? held_to(format, start_of_format(request)) : nullptr;
    }
    const auto calls = compile_grammar({"", plan.grammar});
    if (!format || !plan.grammar_waits) {
        return held_to(calls, start_of_calls(request));
    }
    if (plan.grammar_has_turn) {  // what it matches begins before the answer
        return held_to(format, start_of_format(request));
    }
    return held_to(std::make_shared<const GrammarRules>(GrammarRules::either(*format, *calls)), start_of_format(request));
}

}  // namespace vserve
