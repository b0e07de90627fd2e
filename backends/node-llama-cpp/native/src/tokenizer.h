#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "llama.h"
#include "prompt-part.h"
#include "special-tokens.h"
#include "prompt-scope.h"

namespace vserve {

// llama.cpp's tokenizer, hardened against untrusted text by patches/16-tokenizer.patch. Const members are thread-safe.
class Tokenizer {
  public:
    // Throws EngineError: native_addon_mismatch.
    explicit Tokenizer(const llama_vocab * vocab);

    // While it is alive, rendering and tokenizing on this thread, also by mtmd, throws Cancelled once `is_cancelled`
    // returns true, and TooManyTokens for more than `max_tokens` tokens.
    PromptScope scope(const std::function<bool()> & is_cancelled, size_t max_tokens) const {
        return PromptScope(special_, is_cancelled, max_tokens);
    }
    // Whether the texts certainly have more than `max_tokens` tokens, judging by their lengths.
    bool must_exceed(const std::vector<Part> & parts, size_t max_tokens) const;
    // The tokens of all texts. Call it within a scope.
    std::vector<llama_token> tokenize(const std::vector<Part> & parts) const;
    // What the model's prompts begin and end with.
    const std::vector<llama_token> & first_tokens() const { return first_tokens_; }
    const std::vector<llama_token> & last_tokens() const { return last_tokens_; }

  private:
    void measure_tokens();
    void check_against_library();
    void find_ends();

    const llama_vocab * vocab_;
    mutable std::unique_ptr<const SpecialTokens> special_;  // filled by the constructor
    size_t longest_token_ = 0;  // bytes; 0 if a token can represent more text than its own
    std::vector<llama_token> first_tokens_;
    std::vector<llama_token> last_tokens_;
    bool drops_spaces_ = false;  // some tokens swallow the white space around them
};

}  // namespace vserve
