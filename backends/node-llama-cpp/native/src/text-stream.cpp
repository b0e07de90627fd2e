#include "text-stream.h"

#include <algorithm>

namespace vserve {

TextStream::TextStream(std::vector<std::string> stop_strings) : stop_strings_(std::move(stop_strings)) {}

std::string TextStream::push(std::string_view bytes) {
    if (stopped_) {
        return "";
    }
    pending_.append(bytes);

    size_t stop_at = std::string::npos;
    for (const auto & stop : stop_strings_) {
        stop_at = std::min(stop_at, pending_.find(stop));
    }
    if (stop_at != std::string::npos) {
        stopped_ = true;
        std::string text = pending_.substr(0, stop_at);
        pending_.clear();
        return text;
    }

    const size_t certain =
        complete_utf8_length(std::string_view(pending_).substr(0, pending_.size() - undecided_stop_bytes()));
    std::string text = pending_.substr(0, certain);
    pending_.erase(0, certain);
    return text;
}

std::string TextStream::finish() {
    std::string text = std::move(pending_);
    pending_.clear();
    return text;
}

// The longest end of the pending bytes with which a stop string begins.
size_t TextStream::undecided_stop_bytes() const {
    size_t longest = 0;
    for (const auto & stop : stop_strings_) {
        for (size_t n = std::min(stop.size() - 1, pending_.size()); n > longest; n--) {
            if (pending_.compare(pending_.size() - n, n, stop, 0, n) == 0) {
                longest = n;
            }
        }
    }
    return longest;
}

size_t utf8_character_length(unsigned char lead) {
    if (lead >= 0xF0 && lead <= 0xF4) {
        return 4;
    }
    if (lead >= 0xE0) {
        return lead <= 0xEF ? 3 : 1;
    }
    return lead >= 0xC2 ? 2 : 1;
}

size_t complete_utf8_length(std::string_view text) {
    for (size_t back = 1; back <= std::min<size_t>(3, text.size()); back++) {
        const unsigned char byte = static_cast<unsigned char>(text[text.size() - back]);
        if ((byte & 0xC0) != 0x80) {
            return utf8_character_length(byte) > back ? text.size() - back : text.size();
        }
    }
    return text.size();
}

}  // namespace vserve
