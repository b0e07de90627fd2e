#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "llama.h"

namespace vserve {

// Cuts text at a vocabulary's special tokens. llama.cpp looks for them one after the other, in a fixed order: a token is
// found where none of those before it was. This gives the same pieces, in time linear in the text.
class SpecialTokens {
  public:
    // `ids` in llama.cpp's order, which is longest text first.
    SpecialTokens(const llama_vocab * vocab, const std::vector<llama_token> & ids);

    struct Piece {
        size_t begin;
        size_t length;
        llama_token token;  // LLAMA_TOKEN_NULL: plain text
    };
    // Without `parse_special`, only user-defined tokens are found: control tokens stay text.
    std::vector<Piece> split(std::string_view text, bool parse_special) const;

  private:
    struct Token {
        llama_token id;
        size_t length;
        bool strips_left;  // drops the white space before it
        bool strips_right;
    };
    struct Node {
        int32_t rank = -1;               // of the token that ends here, in tokens_
        int32_t user_defined_rank = -1;  // likewise, if that token is user-defined
        std::vector<std::pair<char, int32_t>> children;
    };
    class Cutter;

    void insert(std::string_view text, int32_t rank, bool user_defined);
    int32_t child_of(int32_t node, char byte) const;
    int32_t longest_at(std::string_view text, size_t at, size_t limit, bool parse_special) const;

    std::vector<Token> tokens_;
    std::vector<Node> nodes_;
    int32_t roots_[256];  // children of the root, which most bytes of a text do not have
};

}  // namespace vserve
