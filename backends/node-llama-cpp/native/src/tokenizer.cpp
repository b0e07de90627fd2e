#include "tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "common.h"
#include "error.h"
#include "llama-vocab.h"

namespace vserve {

Tokenizer::Tokenizer(const llama_vocab * vocab) : vocab_(vocab) {
    measure_tokens();
    if (llama_vocab_type(vocab_) != LLAMA_VOCAB_TYPE_NONE) {
        check_against_library();
        find_ends();
    }
}

void Tokenizer::measure_tokens() {
    const auto type = llama_vocab_type(vocab_);
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab_); token++) {
        if (type == LLAMA_VOCAB_TYPE_SPM || type == LLAMA_VOCAB_TYPE_BPE) {
            longest_token_ = std::max(longest_token_, std::string_view(llama_vocab_get_text(vocab_, token)).size());
        }
        drops_spaces_ = drops_spaces_ || (llama_vocab_get_attr(vocab_, token) &
                                          (LLAMA_TOKEN_ATTR_LSTRIP | LLAMA_TOKEN_ATTR_RSTRIP)) != 0;
    }
}

// The tokenizer compiled into the addon reads the vocabulary of node-llama-cpp's binary: the two must agree.
void Tokenizer::check_against_library() {
    const std::function<bool()> never = [] { return false; };
    const PromptScope scope(special_, never, SIZE_MAX);
    std::string text = " It's 1234 pm:\n\n\tna\xc3\xafve \xf0\x9f\x99\x82<s></s>  ";
    for (const llama_token token : {llama_vocab_bos(vocab_), llama_vocab_eos(vocab_), llama_vocab_eot(vocab_)}) {
        text += token == LLAMA_TOKEN_NULL ? "" : llama_vocab_get_text(vocab_, token);
    }
    for (const bool parse_special : {true, false}) {
        if (vocab_->tokenize(text, false, parse_special) != common_tokenize(vocab_, text, false, parse_special)) {
            throw EngineError("native_addon_mismatch", "The native engine and node-llama-cpp disagree about this model's "
                                                       "tokens. Rebuild the engine: npm run build:native");
        }
    }
}

void Tokenizer::find_ends() {
    const std::function<bool()> never = [] { return false; };
    const PromptScope scope(special_, never, SIZE_MAX);
    const auto text = vocab_->tokenize("a", false, false);
    const auto whole = vocab_->tokenize("a", true, false);
    const auto found = std::search(whole.begin(), whole.end(), text.begin(), text.end());
    if (found != whole.end() && !text.empty()) {
        first_tokens_.assign(whole.begin(), found);
        last_tokens_.assign(found + static_cast<std::ptrdiff_t>(text.size()), whole.end());
    }
}

bool Tokenizer::must_exceed(const std::vector<Part> & parts, size_t max_tokens) const {
    const auto is_counted = [this](char byte) {
        return !drops_spaces_ || std::string_view(" \t\n\v\f\r").find(byte) == std::string_view::npos;
    };
    size_t bytes = 0;
    for (const auto & part : parts) {
        bytes += std::count_if(part.text.begin(), part.text.end(), is_counted);
    }
    return longest_token_ > 0 && bytes / longest_token_ > max_tokens;
}

std::vector<llama_token> Tokenizer::tokenize(const std::vector<Part> & parts) const {
    std::vector<llama_token> all;
    for (const auto & part : parts) {
        const auto tokens = vocab_->tokenize(part.text, false, part.parse_special);
        PromptScope::add(tokens.size());
        all.insert(all.end(), tokens.begin(), tokens.end());
    }
    return all;
}

}  // namespace vserve
