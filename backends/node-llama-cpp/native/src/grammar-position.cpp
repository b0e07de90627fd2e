#include "grammar-position.h"

#include <algorithm>

#include "text-stream.h"

namespace vserve {

namespace {

constexpr GrammarPosition impossible{};
constexpr uint32_t last_character = 0x10FFFF;
constexpr uint32_t first_surrogate = 0xD800;
constexpr uint32_t last_surrogate = 0xDFFF;

// The first character that takes so many bytes.
uint32_t least_character(uint8_t length) {
    return length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
}

GrammarPosition begun(GrammarMatcher & matcher, GrammarMatcher::State state, unsigned char byte) {
    if (byte < 0x80) {
        return {matcher.after(state, byte), 0, 0, 0};
    }
    const uint8_t length = static_cast<uint8_t>(utf8_character_length(byte));
    if (length == 1) {
        return impossible;
    }
    return {state, static_cast<uint32_t>(byte & (0x7F >> length)), static_cast<uint8_t>(length - 1), length};
}

// Whether it can become a character that may come next.
bool is_promising(const GrammarMatcher & matcher, const GrammarPosition & position) {
    const uint32_t open_bits = 6u * position.missing_bytes;
    const uint32_t low = std::max(position.bits << open_bits, least_character(position.length));
    uint32_t high = std::min((position.bits << open_bits) | ((1u << open_bits) - 1), last_character);
    if (high >= first_surrogate && high <= last_surrogate) {
        high = first_surrogate - 1;  // the others are below, if there are any
    }
    return low <= high && matcher.may_match(position.state, low, high);
}

}  // namespace

GrammarPosition after_byte(GrammarMatcher & matcher, GrammarPosition position, unsigned char byte) {
    if (!position.is_possible()) {
        return impossible;
    }
    if (position.missing_bytes == 0) {
        const GrammarPosition next = begun(matcher, position.state, byte);
        return next.missing_bytes == 0 || is_promising(matcher, next) ? next : impossible;
    }
    if ((byte & 0xC0) != 0x80) {
        return impossible;
    }
    position.bits = position.bits << 6 | (byte & 0x3F);
    position.missing_bytes--;
    if (position.missing_bytes > 0) {
        return is_promising(matcher, position) ? position : impossible;
    }
    const bool is_surrogate = position.bits >= first_surrogate && position.bits <= last_surrogate;
    if (position.bits < least_character(position.length) || position.bits > last_character || is_surrogate) {
        return impossible;
    }
    return {matcher.after(position.state, position.bits), 0, 0, 0};
}

}  // namespace vserve
