#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vserve {

// Turns the bytes of consecutive tokens into displayable text: complete UTF-8 characters, without anything that may still
// become a stop string.
class TextStream {
  public:
    // With `includes_stop`, the stop string is part of the text.
    explicit TextStream(std::vector<std::string> stop_strings, bool includes_stop = false);

    // Takes the bytes of the next token and returns the text that is now certain. At a stop string, returns the text
    // before it; stopped() is true from then on. One that ends in these bytes is none if they `may_stop` not.
    std::string push(std::string_view bytes, bool may_stop = true);

    // Returns what push() held back, at the end of a generation.
    std::string finish();

    bool stopped() const { return stopped_by_.has_value(); }
    // The stop string that was there.
    const std::optional<std::string> & stopped_by() const { return stopped_by_; }

    // Bytes so far: that were pushed, and that were returned.
    size_t taken() const { return taken_; }
    size_t shown() const { return shown_; }

  private:
    struct Match {
        size_t at;
        const std::string * stop;
    };
    Match find_stop(size_t searched) const;
    std::string show(size_t bytes);
    size_t undecided_stop_bytes() const;

    std::vector<std::string> stop_strings_;
    bool includes_stop_;
    std::string pending_;
    std::optional<std::string> stopped_by_;
    size_t taken_ = 0;
    size_t shown_ = 0;
};

// The length of the longest prefix of `text` that does not end inside a UTF-8 character, in bytes.
size_t complete_utf8_length(std::string_view text);

// The length in bytes of the UTF-8 character that begins with `lead`; 1 for a byte that begins none.
size_t utf8_character_length(unsigned char lead);

}  // namespace vserve
