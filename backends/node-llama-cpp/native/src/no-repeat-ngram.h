#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "llama.h"

namespace vserve {

// Forbids tokens that would complete a sequence of `size` tokens which the answer has already, within its last `window`
// tokens (-1: in all of it). As Hugging Face's processor, and those of OCR models, which add the window.
class NoRepeatNgram {
  public:
    NoRepeatNgram(int32_t size, int32_t window) : size_(size), window_(window) {}

    bool is_off() const { return size_ <= 0 || window_ == 0; }
    void see(llama_token token) { answer_.push_back(token); }

    // What the next token must not be, with what that costs its logit: infinity.
    std::unordered_map<llama_token, float> forbidden() const;

  private:
    const int32_t size_;
    const int32_t window_;
    std::vector<llama_token> answer_;
};

}  // namespace vserve
