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

// llama.cpp's tokenizer, made fit for text of strangers: see patches/16-tokenizer.patch. All const members may run on any
// thread.
class Tokenizer {
  public:
    // Throws EngineError: native_addon_mismatch.
    explicit Tokenizer(const llama_vocab * vocab);

    // While it is alive, tokenizing on this thread, mtmd's too, throws Cancelled once `is_cancelled`, and TooManyTokens
    // where a text has more than `max_tokens`.
    PromptScope scope(const std::function<bool()> & is_cancelled, size_t max_tokens) const {
        return PromptScope(special_, is_cancelled, max_tokens);
    }
    // Whether the texts have more than `max_tokens` tokens for sure, by their lengths.
    bool must_exceed(const std::vector<Part> & parts, size_t max_tokens) const;
    // The tokens of all texts, within a scope.
    std::vector<llama_token> tokenize(const std::vector<Part> & parts) const;

  private:
    void measure_tokens();
    void check_against_library();

    const llama_vocab * vocab_;
    mutable std::unique_ptr<const SpecialTokens> special_;  // filled by the constructor
    size_t longest_token_ = 0;  // bytes; 0 where tokens may stand for more text than they hold
    bool drops_spaces_ = false;  // tokens may stand for any number of spaces beside them
};

}  // namespace vserve
