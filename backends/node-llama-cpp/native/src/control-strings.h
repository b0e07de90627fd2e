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

// The texts that become control tokens, or an image's boundary. A user must not be able to forge one: only those that
// the chat template wrote, every byte of them, are tokens.
class ControlStrings {
  public:
    // Of the vocabulary's control tokens, users may write those in `spoken`.
    ControlStrings(const llama_vocab * vocab, const std::vector<std::string> & spoken);

    // Protects a text that is no control token.
    void protect(const std::string & text);
    // Protects the user-defined tokens among `tokens`: those that stand round an image.
    void protect_boundaries(const llama_token * tokens, size_t n_tokens);

    // What has to be tokenized: one part for the text between two images, unless a user forged something in it.
    std::vector<Part> parts_of(const std::vector<Run> & runs) const;

  private:
    struct Node {
        std::vector<std::pair<char, uint32_t>> children;
        bool ends = false;    // the text up to here is a control string
        bool spoken = false;  // that users may write
        // llama.cpp would find it in text without control tokens, too: it is cut in two.
        bool needs_cut = false;
        bool strips_left = false;  // takes the white space before it, or behind it
        bool strips_right = false;
    };
    // A control string in a text.
    struct Found {
        size_t begin = 0;
        size_t end = 0;
        const Node * node = nullptr;
        bool needs_cut = false;  // this one, or a shorter one that begins here
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
    std::array<uint32_t, 256> leads_{};  // the root's children; 0 where there is none
};

}  // namespace vserve
