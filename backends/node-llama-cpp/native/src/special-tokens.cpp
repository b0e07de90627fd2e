#include "special-tokens.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "prompt-scope.h"

namespace vserve {

namespace {

bool is_space(char byte) {
    return byte != '\0' && std::strchr(" \t\n\v\f\r", byte) != nullptr;
}

}  // namespace

SpecialTokens::SpecialTokens(const llama_vocab * vocab, const std::vector<llama_token> & ids) {
    std::fill(std::begin(roots_), std::end(roots_), -1);
    for (const llama_token id : ids) {
        const std::string_view text = llama_vocab_get_text(vocab, id);
        const auto attr = llama_vocab_get_attr(vocab, id);
        if (!text.empty()) {
            const bool user_defined = (attr & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) == 0;
            insert(text, static_cast<int32_t>(tokens_.size()), user_defined);
            tokens_.push_back({id, text.size(), (attr & LLAMA_TOKEN_ATTR_LSTRIP) != 0, (attr & LLAMA_TOKEN_ATTR_RSTRIP) != 0});
        }
    }
}

void SpecialTokens::insert(std::string_view text, int32_t rank, bool user_defined) {
    int32_t node = -1;
    for (const char byte : text) {
        int32_t next = child_of(node, byte);
        if (next < 0) {
            next = static_cast<int32_t>(nodes_.size());
            nodes_.emplace_back();
            if (node < 0) {
                roots_[static_cast<uint8_t>(byte)] = next;
            } else {
                nodes_[node].children.emplace_back(byte, next);
            }
        }
        node = next;
    }
    // Of two tokens with the same text, llama.cpp finds the first.
    if (nodes_[node].rank < 0) {
        nodes_[node].rank = rank;
    }
    if (user_defined && nodes_[node].user_defined_rank < 0) {
        nodes_[node].user_defined_rank = rank;
    }
}

// -1 stands for the root, and for a missing child.
int32_t SpecialTokens::child_of(int32_t node, char byte) const {
    if (node < 0) {
        return roots_[static_cast<uint8_t>(byte)];
    }
    for (const auto & [label, child] : nodes_[node].children) {
        if (label == byte) {
            return child;
        }
    }
    return -1;
}

// The rank of the longest token in `text` at `at`, of at most `limit` bytes; -1 if there is none.
int32_t SpecialTokens::longest_at(std::string_view text, size_t at, size_t limit, bool parse_special) const {
    int32_t longest = -1;
    int32_t node = -1;
    const size_t end = std::min(text.size(), at + limit);
    for (; at < end && (node = child_of(node, text[at])) >= 0; at++) {
        const int32_t rank = parse_special ? nodes_[node].rank : nodes_[node].user_defined_rank;
        longest = rank >= 0 ? rank : longest;
    }
    return longest;
}

// Splits one text. Every position offers the longest token found there. Tokens are placed rank by rank, each from left to
// right. If a token overlaps one already placed, its position offers a shorter token instead.
class SpecialTokens::Cutter {
  public:
    Cutter(const SpecialTokens & special, std::string_view text, bool parse_special)
        : special_(special), text_(text), parse_special_(parse_special) {}

    std::vector<Piece> cut() {
        for (size_t at = 0; at < text_.size(); at++) {
            PromptScope::checkpoint();
            offer(at, text_.size());
        }
        if (!offers_.empty()) {
            taken_.assign(text_.size(), false);
        }
        while (!offers_.empty()) {
            const auto first = offers_.begin();
            auto positions = std::move(first->second);
            const int32_t rank = first->first;
            offers_.erase(first);
            std::sort(positions.begin(), positions.end());
            for (const size_t at : positions) {
                PromptScope::checkpoint();
                place(rank, at);
            }
        }
        return pieces();
    }

  private:
    void offer(size_t at, size_t limit) {
        const int32_t rank = special_.longest_at(text_, at, limit, parse_special_);
        if (rank >= 0) {
            offers_[rank].push_back(at);
        }
    }

    void place(int32_t rank, size_t at) {
        const Token & token = special_.tokens_[rank];
        const auto begin = taken_.begin() + at;
        const auto blocked = std::find(begin, begin + token.length, true);
        if (blocked != begin + token.length) {
            offer(at, blocked - begin);
            return;
        }
        take({at, token.length, token.id});
        if (token.strips_left) {
            size_t from = at;
            while (from > 0 && !taken_[from - 1] && is_space(text_[from - 1])) {
                from--;
            }
            drop(from, at);
        }
        if (token.strips_right) {
            size_t to = at + token.length;
            while (to < text_.size() && !taken_[to] && is_space(text_[to])) {
                to++;
            }
            drop(at + token.length, to);
        }
    }

    void drop(size_t from, size_t to) {
        if (from < to) {
            take({from, to - from, dropped});
        }
    }

    void take(Piece piece) {
        std::fill_n(taken_.begin() + piece.begin, piece.length, true);
        placed_.push_back(piece);
    }

    std::vector<Piece> pieces() {
        std::sort(placed_.begin(), placed_.end(), [](const Piece & a, const Piece & b) { return a.begin < b.begin; });
        std::vector<Piece> pieces;
        size_t at = 0;
        const auto add_text_to = [&](size_t end) {
            if (at < end) {
                pieces.push_back({at, end - at, LLAMA_TOKEN_NULL});
            }
        };
        for (const Piece & piece : placed_) {
            add_text_to(piece.begin);
            if (piece.token != dropped) {
                pieces.push_back(piece);
            }
            at = piece.begin + piece.length;
        }
        add_text_to(text_.size());
        return pieces;
    }

    static constexpr llama_token dropped = LLAMA_TOKEN_NULL - 1;

    const SpecialTokens & special_;
    std::string_view text_;
    bool parse_special_;
    std::map<int32_t, std::vector<size_t>> offers_;  // positions, by the rank of the offered token
    std::vector<bool> taken_;                        // bytes of placed tokens and of dropped white space
    std::vector<Piece> placed_;
};

std::vector<SpecialTokens::Piece> SpecialTokens::split(std::string_view text, bool parse_special) const {
    return Cutter(*this, text, parse_special).cut();
}

}  // namespace vserve
