#include "prompt-scope.h"

#include "special-tokens.h"

namespace vserve {

thread_local PromptScope * PromptScope::current_ = nullptr;

PromptScope::PromptScope(std::unique_ptr<const SpecialTokens> & special,
                               const std::function<bool()> & is_cancelled, size_t max_tokens)
    : special_(special), is_cancelled_(is_cancelled), max_tokens_(max_tokens), outer_(current_) {
    current_ = this;
}

PromptScope::~PromptScope() {
    current_ = outer_;
}

const SpecialTokens * PromptScope::special_tokens(const llama_vocab * vocab, const std::vector<llama_token> & ids) {
    if (current_ == nullptr) {
        return nullptr;
    }
    if (!current_->special_) {
        current_->special_ = std::make_unique<const SpecialTokens>(vocab, ids);
    }
    return current_->special_.get();
}

void PromptScope::add(size_t n_tokens) {
    if (current_ != nullptr) {
        current_->check(n_tokens);
        current_->n_tokens_ += n_tokens;
    }
}

void PromptScope::check(size_t n_tokens) {
    if (n_tokens_ + n_tokens > max_tokens_) {
        throw TooManyTokens();
    }
    if (++work_ == work_between_looks) {
        work_ = 0;
        if (is_cancelled_()) {
            throw Cancelled();
        }
    }
}

}  // namespace vserve
