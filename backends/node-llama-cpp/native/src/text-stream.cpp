#include "text-stream.h"

#include <algorithm>

namespace vserve {

TextStream::TextStream(std::vector<std::string> stop_strings, bool includes_stop)
    : stop_strings_(std::move(stop_strings)), includes_stop_(includes_stop) {}

std::string TextStream::push(std::string_view bytes, bool may_stop) {
    if (stopped()) {
        return "";
    }
    const size_t searched = pending_.size();
    pending_.append(bytes);
    taken_ += bytes.size();

    const Match match = may_stop ? find_stop(searched) : Match{0, nullptr};
    if (match.stop != nullptr) {
        stopped_by_ = *match.stop;
        std::string text = show(match.at + (includes_stop_ ? match.stop->size() : 0));
        pending_.clear();
        return text;
    }
    return show(complete_utf8_length(std::string_view(pending_).substr(0, pending_.size() - undecided_stop_bytes())));
}

std::string TextStream::finish() {
    return show(pending_.size());
}

// The first stop string in the pending bytes that does not end within the first `searched` ones.
TextStream::Match TextStream::find_stop(size_t searched) const {
    Match first{std::string::npos, nullptr};
    for (const auto & stop : stop_strings_) {
        const size_t from = searched >= stop.size() ? searched - stop.size() + 1 : 0;
        const size_t at = pending_.find(stop, from);
        if (at < first.at) {
            first = {at, &stop};
        }
    }
    return first;
}

std::string TextStream::show(size_t bytes) {
    std::string text = pending_.substr(0, bytes);
    pending_.erase(0, bytes);
    shown_ += bytes;
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
