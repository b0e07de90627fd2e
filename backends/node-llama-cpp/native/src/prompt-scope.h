#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "llama.h"

namespace vserve {

class SpecialTokens;

// These pass through llama.cpp and mtmd, which catch std::exception: so they do not derive from it.
struct Cancelled {};
struct TooManyTokens {};

// While one is alive, llama.cpp's template engine and tokenizer (see patches/16-tokenizer.patch) stop on this thread when
// the request is cancelled or exceeds a number of tokens, and the tokenizer uses `special` to find special tokens.
class PromptScope {
  public:
    // If `special` is empty, the first text fills it with the vocabulary's special tokens.
    PromptScope(std::unique_ptr<const SpecialTokens> & special, const std::function<bool()> & is_cancelled,
                   size_t max_tokens);
    ~PromptScope();
    PromptScope(const PromptScope &) = delete;
    PromptScope & operator=(const PromptScope &) = delete;

    // Null outside of a scope. `ids`: llama.cpp's list of special tokens.
    static const SpecialTokens * special_tokens(const llama_vocab * vocab, const std::vector<llama_token> & ids);
    // Call it once per unit of work. `n_tokens`: a lower bound for the current text. Throws Cancelled, TooManyTokens.
    static void checkpoint(size_t n_tokens = 0) {
        if (current_ != nullptr) {
            current_->check(n_tokens);
        }
    }
    // Adds the tokens of a finished text. Throws TooManyTokens.
    static void add(size_t n_tokens);

  private:
    void check(size_t n_tokens);

    static constexpr int work_between_looks = 4096;
    static thread_local PromptScope * current_;

    std::unique_ptr<const SpecialTokens> & special_;
    const std::function<bool()> & is_cancelled_;
    size_t max_tokens_;
    size_t n_tokens_ = 0;  // of finished texts
    int work_ = 0;
    PromptScope * outer_;
};

}  // namespace vserve
