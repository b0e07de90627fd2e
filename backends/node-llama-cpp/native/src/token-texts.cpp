#include "token-texts.h"

#include <algorithm>
#include <utility>

#include "common.h"

namespace vserve {

TokenTexts::TokenTexts(const llama_vocab * vocab, std::vector<llama_token> ends) : ends_(std::move(ends)) {
    constexpr int unspoken = LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN | LLAMA_TOKEN_ATTR_UNUSED;
    const int32_t count = llama_vocab_n_tokens(vocab);
    for (llama_token token = 0; token < count; token++) {
        begins_.push_back(static_cast<uint32_t>(bytes_.size()));
        if (!is_end(token) && (llama_vocab_get_attr(vocab, token) & unspoken) == 0) {
            bytes_ += common_token_to_piece(vocab, token, false);
        }
        if (bytes_.size() > begins_.back()) {
            sorted_.push_back(token);
        }
    }
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
    // std::string_view compares bytes as unsigned.
    std::sort(sorted_.begin(), sorted_.end(), [this](llama_token a, llama_token b) { return of(a) < of(b); });
}

bool TokenTexts::is_end(llama_token token) const {
    return std::binary_search(ends_.begin(), ends_.end(), token);
}

TokenTexts::Range TokenTexts::with(Range range, size_t depth, unsigned char byte) const {
    const auto byte_of = [this, depth](llama_token token) {
        const std::string_view text = of(token);
        return depth < text.size() ? static_cast<unsigned char>(text[depth]) : -1;
    };
    const auto begin = std::lower_bound(sorted_.begin() + range.begin, sorted_.begin() + range.end, byte,
                                        [&](llama_token token, int value) { return byte_of(token) < value; });
    const auto end = std::upper_bound(begin, sorted_.begin() + range.end, byte,
                                      [&](int value, llama_token token) { return value < byte_of(token); });
    return {static_cast<size_t>(begin - sorted_.begin()), static_cast<size_t>(end - sorted_.begin())};
}

TokenTexts::Range TokenTexts::that_begin_with(std::string_view text) const {
    Range range = all();
    for (size_t depth = 0; depth < text.size(); depth++) {
        range = with(range, depth, static_cast<unsigned char>(text[depth]));
    }
    return range;
}

}  // namespace vserve
