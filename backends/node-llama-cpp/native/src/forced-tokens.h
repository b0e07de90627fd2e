#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "answer-grammar.h"
#include "llama.h"
#include "token-texts.h"

namespace vserve {

// Writes the text that a grammar forces as the tokenizer writes it, so that the model reads what it is used to.
//
// The last token may be one of a longer text, which the grammar leaves open (`"` of `"A`): it is left to the model where the
// tokenizer would make one token of the two. Any thread.
class ForcedTokens {
  public:
    ForcedTokens(const llama_vocab * vocab, std::shared_ptr<const TokenTexts> texts)
        : vocab_(vocab), texts_(std::move(texts)) {}

    // The tokens that come next of themselves after an answer's tokens, and those that were `drawn` since; empty where there
    // is a choice, or where the tokenizer cannot write the text.
    std::vector<llama_token> next(AnswerGrammar & grammar, const std::vector<llama_token> & answer,
                                  const std::vector<llama_token> & drawn) const;

  private:
    std::string text_of(const AnswerGrammar & grammar, llama_token token) const;
    std::string end_of(const AnswerGrammar & grammar, const std::vector<llama_token> & answer,
                       const std::vector<llama_token> & drawn) const;
    std::vector<llama_token> write(const AnswerGrammar & grammar, const std::string & before, const std::string & text) const;
    std::vector<llama_token> write_plain(const std::string & before, const std::string & text) const;
    void leave_open_end(AnswerGrammar & grammar, const std::string & before, std::vector<llama_token> & tokens) const;
    bool is_joined(const std::string & before, llama_token token, llama_token longer) const;

    const llama_vocab * vocab_;
    std::shared_ptr<const TokenTexts> texts_;
    mutable std::mutex mutex_;
    mutable std::unordered_map<uint64_t, bool> joined_;  // by a token and a longer one; guarded by mutex_
};

}  // namespace vserve
