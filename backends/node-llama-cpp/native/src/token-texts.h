#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace vserve {

// The bytes of a vocabulary's tokens, and the tokens in order of them, so that those with the same beginning stand side by
// side. Immutable.
class TokenTexts {
  public:
    // `ends`: the tokens that end an answer, in order.
    TokenTexts(const llama_vocab * vocab, std::vector<llama_token> ends);

    int32_t size() const { return static_cast<int32_t>(begins_.size()) - 1; }
    // What a token adds to an answer; empty for control tokens, and for those that end it.
    std::string_view of(llama_token token) const {
        return std::string_view(bytes_).substr(begins_[token], begins_[token + 1] - begins_[token]);
    }
    // The tokens that have a text, in order of their bytes.
    const std::vector<llama_token> & sorted() const { return sorted_; }
    // The tokens that end an answer.
    const std::vector<llama_token> & ends() const { return ends_; }
    bool is_end(llama_token token) const;
    // A range of sorted().
    struct Range {
        size_t begin;
        size_t end;
    };
    Range all() const { return {0, sorted_.size()}; }
    // The tokens of a range, all alike in the bytes before `depth`, that have this byte there.
    Range with(Range range, size_t depth, unsigned char byte) const;
    Range that_begin_with(std::string_view text) const;

  private:
    const std::vector<llama_token> ends_;
    std::string bytes_;
    std::vector<uint32_t> begins_;
    std::vector<llama_token> sorted_;
};

}  // namespace vserve
