#pragma once

#include <string>
#include <vector>

#include "llama.h"

namespace vserve {

// When a grammar begins to hold. By default at once.
struct GrammarStart {
    // After the thoughts, where there are any. `closing_tags` empty: the model has none.
    std::string opening_tag;
    std::vector<std::string> closing_tags;
    bool is_thinking = false;  // the prompt ends within the thoughts
    bool may_indent = false;   // white space may stand before the opening tag

    // If it waits, it holds from the first trigger on, which is a part of what it matches, and until then nothing is ruled
    // out: a token, a text, or what a regular expression (of std::regex) finds, from its first group on.
    bool waits = false;
    std::vector<llama_token> tokens;
    std::vector<std::string> words;
    std::vector<std::string> patterns;

    // Control tokens that stand for their text in what the grammar matches.
    std::vector<llama_token> spoken_tokens;
    // What of the answer the prompt already has.
    std::string begun_text;
};

}  // namespace vserve
