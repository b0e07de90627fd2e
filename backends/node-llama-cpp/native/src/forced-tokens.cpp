#include "forced-tokens.h"

#include <algorithm>

#include "common.h"

namespace vserve {

namespace {

// Of one step. What is longer goes on in the next.
constexpr size_t most_forced_bytes = 1024;
// The tokenizers look no further back than a word.
constexpr size_t tokens_before = 8;
constexpr size_t most_longer_tokens = 24;
constexpr size_t many_joined = 100'000;

}  // namespace

std::vector<llama_token> ForcedTokens::next(AnswerGrammar & grammar, const std::vector<llama_token> & answer,
                                            const std::vector<llama_token> & drawn) const {
    const std::string text = grammar.forced_text(most_forced_bytes);
    if (text.empty()) {
        return {};
    }
    const std::string before = end_of(grammar, answer, drawn);
    auto tokens = write(grammar, before, text);
    leave_open_end(grammar, before, tokens);
    return tokens;
}

std::string ForcedTokens::text_of(const AnswerGrammar & grammar, llama_token token) const {
    const auto spoken = grammar.spoken_tokens().find(token);
    return spoken != grammar.spoken_tokens().end() ? spoken->second : std::string(texts_->of(token));
}

std::string ForcedTokens::end_of(const AnswerGrammar & grammar, const std::vector<llama_token> & answer,
                                 const std::vector<llama_token> & drawn) const {
    std::string text;
    const size_t from_answer = tokens_before - std::min(drawn.size(), tokens_before);
    for (size_t i = answer.size() - std::min(answer.size(), from_answer); i < answer.size(); i++) {
        text += text_of(grammar, answer[i]);
    }
    for (size_t i = drawn.size() - std::min(drawn.size(), tokens_before); i < drawn.size(); i++) {
        text += text_of(grammar, drawn[i]);
    }
    // The tokens of half a character are not found again.
    const auto is_inside = [](char byte) { return (byte & 0xC0) == 0x80; };
    return {std::find_if_not(text.begin(), text.end(), is_inside), text.end()};
}

// Control tokens are never read from text, which may be a user's; those that stand for their text are looked for here.
std::vector<llama_token> ForcedTokens::write(const AnswerGrammar & grammar, const std::string & before,
                                             const std::string & text) const {
    for (const auto & [token, spoken] : grammar.spoken_tokens()) {
        const size_t found = spoken.empty() ? std::string::npos : text.find(spoken);
        if (found == std::string::npos) {
            continue;
        }
        auto tokens = found == 0 ? std::vector<llama_token>{} : write(grammar, before, text.substr(0, found));
        if (found > 0 && tokens.empty()) {
            return {};
        }
        tokens.push_back(token);
        const size_t end = found + spoken.size();
        const auto rest = end == text.size() ? std::vector<llama_token>{} : write(grammar, "", text.substr(end));
        tokens.insert(tokens.end(), rest.begin(), rest.end());
        return tokens;
    }
    return write_plain(before, text);
}

// Empty where no token begins at the text, or where the tokens say something else: some vocabularies lack characters.
std::vector<llama_token> ForcedTokens::write_plain(const std::string & before, const std::string & text) const {
    // At the beginning of a text some tokenizers add a space.
    const std::string all = (before.empty() ? "\n" : before) + text;
    const auto tokens = common_tokenize(vocab_, all, false, false);
    std::string written;
    for (const llama_token token : tokens) {
        written += texts_->of(token);
    }
    const size_t added = written.size() == all.size() + 1 && written.front() == ' ' ? 1 : 0;
    if (written.compare(added, std::string::npos, all) != 0) {
        return {};
    }
    size_t at = 0;
    auto first = tokens.begin();
    for (const size_t begin = written.size() - text.size(); at < begin; first++) {
        at += texts_->of(*first).size();
    }
    if (at == written.size() - text.size()) {
        return {first, tokens.end()};
    }
    // The tokenizer would have written the end of what stands there otherwise.
    return before.empty() ? std::vector<llama_token>{} : write_plain("", text);
}

void ForcedTokens::leave_open_end(AnswerGrammar & grammar, const std::string & before,
                                  std::vector<llama_token> & tokens) const {
    std::string text;
    for (const llama_token token : tokens) {
        text += text_of(grammar, token);
    }
    while (!tokens.empty()) {
        const llama_token last = tokens.back();
        if (grammar.spoken_tokens().count(last) != 0) {
            return;
        }
        text.resize(text.size() - texts_->of(last).size());
        const auto longer = grammar.longer_tokens(text, texts_->of(last), most_longer_tokens);
        if (std::none_of(longer.begin(), longer.end(),
                         [&](llama_token token) { return is_joined(before + text, last, token); })) {
            return;
        }
        tokens.pop_back();
    }
}

// Whether the tokenizer makes one token of the texts of the two, where the first is the beginning of the second.
bool ForcedTokens::is_joined(const std::string & before, llama_token token, llama_token longer) const {
    const uint64_t key = static_cast<uint64_t>(token) << 32 | static_cast<uint32_t>(longer);
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (const auto known = joined_.find(key); known != joined_.end()) {
            return known->second;
        }
    }
    const auto tokens = write_plain(before, std::string(texts_->of(longer)));
    const bool is_joined = tokens.empty() || tokens.front() != token;
    const std::lock_guard<std::mutex> lock(mutex_);
    if (joined_.size() >= many_joined) {
        joined_.clear();
    }
    return joined_[key] = is_joined;
}

}  // namespace vserve
