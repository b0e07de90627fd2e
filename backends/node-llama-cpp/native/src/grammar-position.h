#pragma once

#include "grammar-matcher.h"

namespace vserve {

// A place in a text that a grammar is matched against, byte by byte: tokens may end within a character.
struct GrammarPosition {
    GrammarMatcher::State state = GrammarMatcher::none;
    // Of a character that has only begun:
    uint32_t bits = 0;
    uint8_t missing_bytes = 0;
    uint8_t length = 0;

    bool is_possible() const { return state != GrammarMatcher::none; }
    bool is_between_characters() const { return missing_bytes == 0; }
};

// The position after one more byte; an impossible one where the grammar, or UTF-8, does not let it follow.
GrammarPosition after_byte(GrammarMatcher & matcher, GrammarPosition position, unsigned char byte);

}  // namespace vserve
