#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "llama.h"
#include "sampling-settings.h"

namespace vserve {

// Forbids tokens that would complete a sequence of some size which is there already, within the last tokens of a window (-1:
// of all). With the prompt, as Hugging Face's processor; in the answer alone, as those of OCR models, which add the window and
// tokens that are always allowed.
class NoRepeatNgram {
  public:
    explicit NoRepeatNgram(const SamplingSettings & settings);

    bool is_off() const { return size_ <= 0 || window_ == 0; }
    void see(llama_token token, bool in_answer);
    // Sequences do not reach over an image.
    void pass_image() { see(LLAMA_TOKEN_NULL, false); }

    // What the next token must not be, with what that costs its logit: infinity.
    std::unordered_map<llama_token, float> forbidden() const;

  private:
    bool is_allowed(llama_token token) const;

    const int32_t size_;
    const int32_t window_;
    const bool with_prompt_;
    const std::vector<llama_token> allowed_;
    std::vector<llama_token> seen_;
};

}  // namespace vserve
