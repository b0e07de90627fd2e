#include "control-strings.h"

#include <algorithm>

namespace vserve {

ControlStrings::ControlStrings(const llama_vocab * vocab, const std::vector<std::string> & spoken) : vocab_(vocab) {
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); token++) {
        if (llama_vocab_get_attr(vocab, token) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) {
            add(llama_vocab_get_text(vocab, token));
        }
    }
    for (const auto & token : spoken) {
        texts_.erase(token);
    }
}

void ControlStrings::add(const std::string & text) {
    if (!text.empty()) {
        texts_.insert(text);
        leads_.insert(text[0]);
        longest_ = std::max(longest_, text.size());
    }
}

void ControlStrings::add_boundaries(const llama_token * tokens, size_t n_tokens) {
    for (size_t i = 0; i < n_tokens; i++) {
        if (llama_vocab_get_attr(vocab_, tokens[i]) & LLAMA_TOKEN_ATTR_USER_DEFINED) {
            add(llama_vocab_get_text(vocab_, tokens[i]));
        }
    }
}

size_t ControlStrings::length_at(const std::string & text, size_t at) const {
    if (leads_.count(text[at]) == 0) {
        return 0;
    }
    for (size_t length = std::min(longest_, text.size() - at); length > 0; length--) {
        if (texts_.count(text.substr(at, length)) != 0) {
            return length;
        }
    }
    return 0;
}

}  // namespace vserve
