#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "llama.h"

namespace vserve {

// The texts that would become control tokens or an image's boundary: what users must not be able to forge.
class ControlStrings {
  public:
    // The vocabulary's control tokens, without those that users may write.
    ControlStrings(const llama_vocab * vocab, const std::vector<std::string> & spoken);

    void add(const std::string & text);
    // The user-defined tokens among `tokens`: those that stand round an image.
    void add_boundaries(const llama_token * tokens, size_t n_tokens);
    // The length of the longest that stands in `text` at `at`; 0 where none does.
    size_t length_at(const std::string & text, size_t at) const;

  private:
    const llama_vocab * vocab_;
    std::unordered_set<std::string> texts_;
    std::unordered_set<char> leads_;
    size_t longest_ = 0;
};

}  // namespace vserve
