#include "answer-grammar.h"

#include <algorithm>
#include <cmath>

#include "common.h"
#include "error.h"

namespace vserve {

namespace {

// Draws before all tokens are looked at. A draw costs a pass or two over the row.
constexpr int most_draws = 24;
// Characters looked up, about a millisecond: enough for all tokens of a choice, not for those of free text.
constexpr size_t little_work = 20'000;
constexpr size_t any_work = SIZE_MAX;
// Bytes of white space before the thoughts: without a limit, it could be all of an answer.
constexpr size_t most_spaces = 2;
// Of text that is searched for triggers: std::regex recurses as deep as it is long.
constexpr size_t longest_trigger = 1024;

// The row, with most logits at minus infinity; as before when it goes.
class MaskedRow {
  public:
    MaskedRow(float * logits, int32_t size) : logits_(logits), size_(size) {}
    ~MaskedRow() {
        if (!whole_.empty()) {
            std::copy(whole_.begin(), whole_.end(), logits_);
        }
        for (const auto & [token, logit] : refused_) {
            logits_[token] = logit;
        }
    }
    MaskedRow(const MaskedRow &) = delete;
    MaskedRow & operator=(const MaskedRow &) = delete;

    void refuse(llama_token token) {
        refused_.push_back({token, logits_[token]});
        logits_[token] = -INFINITY;
    }

    void keep_only(const std::vector<llama_token> & tokens) {
        whole_.assign(logits_, logits_ + size_);
        std::fill_n(logits_, size_, -INFINITY);
        for (const llama_token token : tokens) {
            logits_[token] = whole_[token];
        }
        for (const auto & [token, logit] : refused_) {
            whole_[token] = logit;
        }
        refused_.clear();
    }

  private:
    float * logits_;
    int32_t size_;
    std::vector<float> whole_;
    std::vector<Candidate> refused_;
};

void append_utf8(std::string & text, uint32_t character) {
    if (character < 0x80) {
        text += static_cast<char>(character);
        return;
    }
    constexpr uint32_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    const int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    text += static_cast<char>(leads[more] | character >> (6 * more));
    for (int i = more - 1; i >= 0; i--) {
        text += static_cast<char>(0x80 | (character >> (6 * i) & 0x3F));
    }
}

// What has to be there is repeated, whatever the settings say.
llama_token draw(Sampler & sampler, float * logits) {
    try {
        return sampler.sample(logits);
    } catch (const NoNumbers &) {
        throw;
    } catch (const EngineError &) {
        if (!sampler.forbids_repeats()) {
            throw;
        }
    }
    return sampler.sample_with_repeats(logits);
}

EngineError failure(const std::string & reason) {
    return {"generation_failed", reason};
}

}  // namespace

AnswerGrammar::AnswerGrammar(const llama_vocab * vocab, std::shared_ptr<const TokenTexts> texts,
                             std::shared_ptr<const GrammarRules> rules, GrammarStart start)
    : vocab_(vocab), texts_(std::move(texts)), start_(std::move(start)), matcher_(std::move(rules)) {
    for (const auto & pattern : start_.patterns) {
        patterns_.push_back({pattern, std::regex(pattern)});
    }
    for (const llama_token token : start_.spoken_tokens) {
        spoken_[token] = common_token_to_piece(vocab_, token, true);
    }
    at_.state = matcher_.start();
    const bool thinks = !start_.closing_tags.empty();
    enter(!thinks ? (start_.waits ? Phase::waiting : Phase::holding)
                  : start_.is_thinking ? Phase::thinking : Phase::undecided);
    if (!start_.begun_text.empty()) {
        take(start_.begun_text, LLAMA_TOKEN_NULL);
    }
}

void AnswerGrammar::enter(Phase phase) {
    phase_ = phase;
    tail_.clear();
}

std::string_view AnswerGrammar::text_of(llama_token token) const {
    const auto spoken = spoken_.find(token);
    return spoken != spoken_.end() ? std::string_view(spoken->second) : texts_->of(token);
}

// Control tokens too: tags often are.
std::string AnswerGrammar::full_text_of(llama_token token) const {
    return token == LLAMA_TOKEN_NULL ? "" : common_token_to_piece(vocab_, token, true);
}

bool AnswerGrammar::is_space(std::string_view text) const {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

llama_token AnswerGrammar::choose(Sampler & sampler, float * logits) {
    MaskedRow row(logits, texts_->size());
    llama_token token = sampler.sample(logits);  // that it has no numbers shows here
    for (int draws = 1; !allows(token); draws++) {
        const bool is_last = draws == most_draws;
        const auto allowed = draws == 1 || is_last ? allowed_tokens(is_last ? any_work : little_work) : std::nullopt;
        try {
            if (!allowed) {
                row.refuse(token);
                token = draw(sampler, logits);
                continue;
            }
            row.keep_only(*allowed);
            return draw(sampler, logits);
        } catch (const NoNumbers &) {
            throw failure("No token is left that the format of the answer allows: the model's vocabulary lacks it, or "
                          "logit_bias rules it out.");
        }
    }
    return token;
}

bool AnswerGrammar::allows(llama_token token) {
    switch (phase_) {
        case Phase::waiting:
            return texts_->is_end(token) || triggers_well(full_text_of(token), token);
        case Phase::thinking:
            return !texts_->is_end(token) && ends_thoughts_well(full_text_of(token));
        case Phase::undecided: {
            const std::string text = full_text_of(token);
            const std::string seen = tail_ + text;
            const size_t begin = std::min(seen.find_first_not_of(" \t\r\n"), seen.size());
            const size_t length = std::min(seen.size() - begin, start_.opening_tag.size());
            // Any number of tokens without a text would leave it undecided.
            const bool may_open = !texts_->is_end(token) && !text.empty() && begin <= (start_.may_indent ? most_spaces : 0) &&
                                  seen.compare(begin, length, start_.opening_tag, 0, length) == 0;
            return may_open || (is_space(tail_) && (start_.waits || is_allowed_while_holding(token)));
        }
        case Phase::holding:
            return is_allowed_while_holding(token);
    }
    return false;
}

bool AnswerGrammar::is_allowed_while_holding(llama_token token) {
    if (texts_->is_end(token)) {
        return is_complete();
    }
    const std::string_view text = text_of(token);
    if (may_begin_with_space_ && !text.empty() && is_space(text)) {
        return true;
    }
    return after(at_, text, token).is_possible();
}

// A token that ends the thoughts may hold what comes after them too.
bool AnswerGrammar::ends_thoughts_well(std::string_view text) {
    const std::string seen = tail_ + std::string(text);
    for (const auto & tag : start_.closing_tags) {
        const size_t found = seen.find(tag);
        if (found != std::string::npos) {
            const std::string rest = seen.substr(found + tag.size());
            return start_.waits || is_space(rest) || after(at_, rest).is_possible();
        }
    }
    return true;
}

GrammarPosition AnswerGrammar::after(GrammarPosition position, std::string_view text) {
    for (const char byte : text) {
        if (!position.is_possible()) {
            break;
        }
        position = after_byte(matcher_, position, static_cast<unsigned char>(byte));
    }
    return position;
}

GrammarPosition AnswerGrammar::after(GrammarPosition position, std::string_view text, llama_token token) {
    if (position.is_between_characters() && matcher_.names_tokens(position.state)) {
        const auto named = matcher_.after_token(position.state, token);
        if (named != GrammarMatcher::none) {
            return {named, 0, 0, 0};
        }
    }
    return text.empty() ? GrammarPosition{} : after(position, text);
}

void AnswerGrammar::accept(llama_token token) {
    if (!texts_->is_end(token)) {
        take(phase_ == Phase::holding ? std::string(text_of(token)) : full_text_of(token), token);
    }
}

void AnswerGrammar::take(std::string_view text, llama_token token) {
    switch (phase_) {
        case Phase::undecided:
            take_while_undecided(text, token);
            return;
        case Phase::thinking:
            take_thought(text);
            return;
        case Phase::waiting:
            take_while_waiting(text, token);
            return;
        case Phase::holding:
            break;
    }
    if (may_begin_with_space_ && is_space(text)) {
        may_begin_with_space_ = false;
        return;
    }
    may_begin_with_space_ = false;
    at_ = after(at_, text, token);
    if (!at_.is_possible()) {
        throw failure("The answer left the format that was asked for.");
    }
    at_.state = matcher_.tidy(at_.state);
}

void AnswerGrammar::take_while_undecided(std::string_view text, llama_token token) {
    const std::string seen = tail_ + std::string(text);
    const size_t begin = std::min(seen.find_first_not_of(" \t\r\n"), seen.size());
    const size_t length = std::min(seen.size() - begin, start_.opening_tag.size());
    if (seen.compare(begin, length, start_.opening_tag, 0, length) != 0) {
        enter(start_.waits ? Phase::waiting : Phase::holding);
        take(start_.waits ? seen : std::string(text), token);  // white space before it is no part of the format
    } else if (length == start_.opening_tag.size()) {
        enter(Phase::thinking);
        take_thought(seen.substr(begin + length));
    } else {
        tail_ = seen;
    }
}

void AnswerGrammar::take_thought(std::string_view text) {
    tail_ += text;
    size_t longest = 0;
    for (const auto & tag : start_.closing_tags) {
        const size_t found = tail_.find(tag);
        if (found != std::string::npos) {
            enter_after_thoughts(tail_.substr(found + tag.size()));
            return;
        }
        longest = std::max(longest, tag.size());
    }
    tail_.erase(0, tail_.size() - std::min(tail_.size(), longest));
}

void AnswerGrammar::enter_after_thoughts(std::string_view rest) {
    const std::string text(rest);
    enter(start_.waits ? Phase::waiting : Phase::holding);
    may_begin_with_space_ = true;
    const size_t begin = start_.waits ? 0 : std::min(text.find_first_not_of(" \t\r\n"), text.size());
    if (begin < text.size()) {
        take(text.substr(begin), LLAMA_TOKEN_NULL);
    }
}

// Where in the text the grammar begins to hold; npos where it does not yet.
size_t AnswerGrammar::trigger_in(const std::string & text) const {
    size_t begin = std::string::npos;
    for (const auto & word : start_.words) {
        begin = std::min(begin, text.find(word));
    }
    for (const auto & pattern : patterns_) {
        begin = begin == std::string::npos ? pattern.find(text) : begin;
    }
    return begin;
}

bool AnswerGrammar::is_trigger(llama_token token) const {
    return std::find(start_.tokens.begin(), start_.tokens.end(), token) != start_.tokens.end();
}

// A token that ends with the trigger, or holds more than it, has to begin what the grammar matches.
bool AnswerGrammar::triggers_well(std::string_view text, llama_token token) {
    if (is_trigger(token)) {
        return after(at_, text, token).is_possible();
    }
    const std::string seen = tail_ + std::string(text);
    const size_t begin = trigger_in(seen);
    return begin == std::string::npos || after(at_, std::string_view(seen).substr(begin)).is_possible();
}

void AnswerGrammar::take_while_waiting(std::string_view text, llama_token token) {
    const std::string seen = tail_ + std::string(text);
    const size_t begin = is_trigger(token) ? tail_.size() : trigger_in(seen);
    if (begin != std::string::npos) {
        enter(Phase::holding);
        take(std::string_view(seen).substr(begin), token);
    } else {
        tail_ = seen.substr(seen.size() - std::min(seen.size(), longest_trigger));
    }
}

std::optional<std::vector<llama_token>> AnswerGrammar::allowed_tokens(size_t most_work) {
    std::vector<llama_token> tokens;
    const bool names_tokens = at_.is_between_characters() && matcher_.names_tokens(at_.state);
    if (phase_ != Phase::holding || names_tokens || may_begin_with_space_) {
        if (most_work != any_work) {
            return std::nullopt;
        }
        for (llama_token token = 0; token < texts_->size(); token++) {
            if (allows(token)) {
                tokens.push_back(token);
            }
        }
        return tokens;
    }
    if (!collect(texts_->all(), 0, at_, most_work, tokens)) {
        return std::nullopt;
    }
    for (const auto & [token, text] : spoken_) {
        if (after(at_, text).is_possible()) {
            tokens.push_back(token);
        }
    }
    if (is_complete()) {
        tokens.insert(tokens.end(), texts_->ends().begin(), texts_->ends().end());
    }
    return tokens;
}

// Adds the tokens of a range that may follow `position`, which is that after their first `depth` bytes. False where it takes
// more than `work` bytes to look up.
bool AnswerGrammar::collect(TokenTexts::Range range, size_t depth, GrammarPosition position, size_t & work,
                            std::vector<llama_token> & tokens) {
    while (range.begin < range.end && texts_->of(texts_->sorted()[range.begin]).size() == depth) {
        tokens.push_back(texts_->sorted()[range.begin++]);
    }
    while (range.begin < range.end) {
        const auto byte = static_cast<unsigned char>(texts_->of(texts_->sorted()[range.begin])[depth]);
        const auto alike = texts_->with(range, depth, byte);
        if (work-- == 0) {
            return false;
        }
        const GrammarPosition next = after_byte(matcher_, position, byte);
        if (next.is_possible() && !collect(alike, depth + 1, next, work, tokens)) {
            return false;
        }
        range.begin = alike.end;
    }
    return true;
}

std::string AnswerGrammar::forced_text(size_t most_bytes) {
    std::string text;
    if (!holds() || may_begin_with_space_ || !at_.is_between_characters()) {
        return text;
    }
    auto state = at_.state;
    for (auto only = matcher_.only_character(state); only && text.size() < most_bytes;
         only = matcher_.only_character(state)) {
        append_utf8(text, *only);
        state = matcher_.after(state, *only);
    }
    return text;
}

std::vector<llama_token> AnswerGrammar::longer_tokens(std::string_view before, std::string_view text, size_t most) {
    std::vector<llama_token> longer;
    const auto range = texts_->that_begin_with(text);
    size_t work = little_work;
    if (!collect(range, text.size(), after(at_, std::string(before) + std::string(text)), work, longer)) {
        return longer;
    }
    longer.erase(std::remove_if(longer.begin(), longer.end(),
                                [&](llama_token token) { return texts_->of(token).size() == text.size(); }),
                 longer.end());
    std::sort(longer.begin(), longer.end());
    longer.resize(std::min(longer.size(), most));
    return longer;
}

}  // namespace vserve
