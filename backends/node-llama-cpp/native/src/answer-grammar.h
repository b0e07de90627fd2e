#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar-position.h"
#include "grammar-rules.h"
#include "grammar-start.h"
#include "llama.h"
#include "llama-grammar.h"
#include "sampler.h"
#include "token-texts.h"

namespace vserve {

// Keeps one answer to a grammar. It knows nothing of cells and steps: an answer that is computed again goes on with it. A
// copy goes its own way.
class AnswerGrammar {
  public:
    // Throws GrammarError, EngineError.
    AnswerGrammar(const llama_vocab * vocab, std::shared_ptr<const TokenTexts> texts,
                  std::shared_ptr<const GrammarRules> rules, GrammarStart start = {});

    // Draws a token that the grammar allows. The row is as before when it returns. Throws as Sampler::sample(), and
    // EngineError generation_failed where no token is left.
    llama_token choose(Sampler & sampler, float * logits);
    bool allows(llama_token token);
    // Takes note of a token of the answer, drawn by choose() or forced. Throws EngineError.
    void accept(llama_token token);

    // Whether it rules out anything yet.
    bool holds() const { return phase_ == Phase::holding; }
    // Control tokens that stand for their text, and those texts.
    const std::map<llama_token, std::string> & spoken_tokens() const { return spoken_; }

    // The text is complete, and nothing may follow it.
    bool is_finished() const { return holds() && is_complete() && !matcher_.may_continue(at_.state); }
    // The text may end here, as far as the grammar goes.
    bool is_complete() const { return at_.is_between_characters() && matcher_.may_end(at_.state); }

    // The text that has to come next, of at most about `most_bytes`, up to where there is a choice.
    std::string forced_text(size_t most_bytes);
    // The tokens that may stand after `before` in place of `text`, which they begin with and are longer than: the first
    // `most` of them by id, or none where it takes long to find them.
    std::vector<llama_token> longer_tokens(std::string_view before, std::string_view text, size_t most);

  private:
    enum class Phase { undecided, thinking, waiting, holding };

    void enter(Phase phase);
    void enter_after_thoughts(std::string_view rest);
    void take(std::string_view text, llama_token token);
    void take_thought(std::string_view text);
    void take_while_undecided(std::string_view text, llama_token token);
    void take_while_waiting(std::string_view text, llama_token token);
    size_t trigger_in(const std::string & text) const;
    bool is_trigger(llama_token token) const;
    bool triggers_well(std::string_view text, llama_token token);
    GrammarPosition after(GrammarPosition position, std::string_view text);
    GrammarPosition after(GrammarPosition position, std::string_view text, llama_token token);
    bool is_allowed_while_holding(llama_token token);
    bool ends_thoughts_well(std::string_view text);
    bool is_space(std::string_view text) const;
    std::string_view text_of(llama_token token) const;
    std::string full_text_of(llama_token token) const;
    std::optional<std::vector<llama_token>> allowed_tokens(size_t most_work);
    bool collect(TokenTexts::Range range, size_t depth, GrammarPosition position, size_t & work,
                 std::vector<llama_token> & tokens);

    const llama_vocab * vocab_;
    std::shared_ptr<const TokenTexts> texts_;
    GrammarStart start_;
    std::vector<llama_grammar_trigger_pattern> patterns_;
    std::map<llama_token, std::string> spoken_;  // texts of start_.spoken_tokens
    GrammarMatcher matcher_;
    Phase phase_ = Phase::holding;
    GrammarPosition at_;
    bool may_begin_with_space_ = false;
    std::string tail_;  // the text so far, or its end, until the grammar holds
};

}  // namespace vserve
