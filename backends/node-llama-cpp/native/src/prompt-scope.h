#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "llama.h"

namespace vserve {

class SpecialTokens;

// Thrown through llama.cpp and mtmd, which catch std::exception: these two are none.
struct Cancelled {};
struct TooManyTokens {};

// While one is alive, the template engine and the tokenizer of llama.cpp (see patches/16-tokenizer.patch) stop on this
// thread when the request is cancelled, and when its tokens are more than can be of use. The tokenizer finds special tokens
// by way of `special`.
class PromptScope {
  public:
    // `special`: filled with the vocabulary's special tokens by the first text, if it is empty.
    PromptScope(std::unique_ptr<const SpecialTokens> & special, const std::function<bool()> & is_cancelled,
                   size_t max_tokens);
    ~PromptScope();
    PromptScope(const PromptScope &) = delete;
    PromptScope & operator=(const PromptScope &) = delete;

    // Null outside of a scope. `ids`: llama.cpp's list of special tokens.
    static const SpecialTokens * special_tokens(const llama_vocab * vocab, const std::vector<llama_token> & ids);
    // Called once for every bit of work. `n_tokens`: of the text at hand, at least. Throws Cancelled, TooManyTokens.
    static void checkpoint(size_t n_tokens = 0) {
        if (current_ != nullptr) {
            current_->check(n_tokens);
        }
    }
    // A text has become so many tokens. Throws TooManyTokens.
    static void add(size_t n_tokens);

  private:
    void check(size_t n_tokens);

    static constexpr int work_between_looks = 4096;
    static thread_local PromptScope * current_;

    std::unique_ptr<const SpecialTokens> & special_;
    const std::function<bool()> & is_cancelled_;
    size_t max_tokens_;
    size_t n_tokens_ = 0;  // of the texts before
    int work_ = 0;
    PromptScope * outer_;
};

}  // namespace vserve
