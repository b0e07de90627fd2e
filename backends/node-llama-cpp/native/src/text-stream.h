#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vserve {

// Turns the bytes of consecutive tokens into displayable text: complete UTF-8 characters, without anything that may still
// become a stop string.
class TextStream {
  public:
    explicit TextStream(std::vector<std::string> stop_strings);

    // Takes the bytes of the next token and returns the text that is now certain. At a stop string, returns the text
    // before it; stopped() is true from then on.
    std::string push(std::string_view bytes);

    // Returns what push() held back, at the end of a generation.
    std::string finish();

    bool stopped() const { return stopped_; }

  private:
    size_t undecided_stop_bytes() const;

    std::vector<std::string> stop_strings_;
    std::string pending_;
    bool stopped_ = false;
};

// The length of the longest prefix of `text` that does not end inside a UTF-8 character, in bytes.
size_t complete_utf8_length(std::string_view text);

// The length in bytes of the UTF-8 character that begins with `lead`; 1 for a byte that begins none.
size_t utf8_character_length(unsigned char lead);

}  // namespace vserve
