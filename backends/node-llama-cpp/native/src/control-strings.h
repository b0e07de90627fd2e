#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "llama.h"
#include "prompt-part.h"
#include "rendered-run.h"

namespace vserve {

// The strings that tokenize to control tokens or image boundaries. A request cannot forge them: a control string becomes
// a token only if the chat template wrote every byte of it.
class ControlStrings {
  public:
    // Collects the vocabulary's control tokens. Users may write those in `spoken`.
    ControlStrings(const llama_vocab * vocab, const std::vector<std::string> & spoken);

    // Protects a string that is not a control token.
    void protect(const std::string & text);
    // Protects the user-defined tokens among `tokens`, which are written around images.
    void protect_boundaries(const llama_token * tokens, size_t n_tokens);

    // Returns one part for the text between two images, or several where a user's text contains control strings.
    std::vector<Part> parts_of(const std::vector<Run> & runs) const;

  private:
    struct Node {
        std::vector<std::pair<char, uint32_t>> children;
        bool ends = false;    // a control string ends here
        bool spoken = false;  // that users may write
        // llama.cpp also finds it when it does not parse control tokens, so it must be split.
        bool needs_cut = false;
        bool strips_left = false;  // consumes white space before or after it
        bool strips_right = false;
    };
    // An occurrence of a control string.
    struct Found {
        size_t begin = 0;
        size_t end = 0;
        const Node * node = nullptr;
        bool needs_cut = false;  // this one or a shorter one that begins here
    };
    class Text;

    void add(const std::string & text, const Node & properties);
    const Node * child(const Node & node, char byte) const;
    bool is_found_as_text(const llama_vocab * vocab, llama_token token) const;
    void find(const Text & text, std::vector<Found> & tokens, std::vector<Found> & forged) const;
    void add_parts(const std::vector<Run> & runs, std::vector<Part> & parts) const;
    void add_plain(const std::string & bytes, size_t begin, size_t end, const std::vector<Found> & forged,
                   std::vector<Part> & parts) const;

    const llama_vocab * vocab_;
    std::vector<Node> nodes_{1};
    std::array<uint32_t, 256> leads_{};  // children of the root; 0 for none
};

}  // namespace vserve
