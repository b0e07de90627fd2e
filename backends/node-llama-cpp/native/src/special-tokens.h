#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llama.h"

namespace vserve {

// Splits text at a vocabulary's special tokens. llama.cpp searches for one token after another, in a fixed order; a token
// matches where no earlier one did. This produces the same pieces in linear time.
class SpecialTokens {
  public:
    // `ids` are in llama.cpp's order: longest text first.
    SpecialTokens(const llama_vocab * vocab, const std::vector<llama_token> & ids);

    struct Piece {
        size_t begin;
        size_t length;
        llama_token token;  // LLAMA_TOKEN_NULL: plain text
    };
    // Without `parse_special`, only user-defined tokens match: control tokens stay text.
    std::vector<Piece> split(std::string_view text, bool parse_special) const;

  private:
    struct Token {
        llama_token id;
        size_t length;
        bool strips_left;  // drops white space before it
        bool strips_right;
    };
    struct Node {
        int32_t rank = -1;               // in tokens_, of the token that ends here
        int32_t user_defined_rank = -1;  // likewise, if that token is user-defined
        std::vector<std::pair<char, int32_t>> children;
    };
    class Cutter;

    void insert(std::string_view text, int32_t rank, bool user_defined);
    int32_t child_of(int32_t node, char byte) const;
    int32_t longest_at(std::string_view text, size_t at, size_t limit, bool parse_special) const;

    std::vector<Token> tokens_;
    std::vector<Node> nodes_;
    int32_t roots_[256];  // children of the root
};

}  // namespace vserve
