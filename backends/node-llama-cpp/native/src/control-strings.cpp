#include "control-strings.h"

#include <algorithm>

#include "text-stream.h"

namespace vserve {

// The text of consecutive runs, and which of its bytes came from a user.
class ControlStrings::Text {
  public:
    explicit Text(const std::vector<Run> & runs) {
        for (const auto & run : runs) {
            if (run.from_user && !run.text.empty()) {
                user_runs_.emplace_back(bytes.size(), bytes.size() + run.text.size());
            }
            bytes += run.text;
        }
    }

    // Whether a user wrote any byte of the range. `begin` must not decrease between calls.
    bool has_user_bytes(size_t begin, size_t end) const {
        while (next_ < user_runs_.size() && user_runs_[next_].second <= begin) {
            next_++;
        }
        return next_ < user_runs_.size() && user_runs_[next_].first < end;
    }
    bool is_templates() const { return user_runs_.empty(); }

    std::string bytes;

  private:
    std::vector<std::pair<size_t, size_t>> user_runs_;
    mutable size_t next_ = 0;
};

// Recognizes Gemma 4's control tokens for tools and reasoning by their form. Converters declare them user-defined so that
// llama.cpp shows them in answers.
static bool is_gemma4_control(const std::string & text) {
    if (text.size() < 4 || text.front() != '<' || text.back() != '>') {
        return false;
    }
    const bool opens = text[1] == '|';
    const bool closes = text[text.size() - 2] == '|';
    return opens != closes || text == "<|\"|>";
}

ControlStrings::ControlStrings(const llama_vocab * vocab, const std::vector<std::string> & spoken) : vocab_(vocab) {
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab); token++) {
        const auto attributes = llama_vocab_get_attr(vocab, token);
        const std::string text = llama_vocab_get_text(vocab, token);
        if ((attributes & LLAMA_TOKEN_ATTR_USER_DEFINED) && is_gemma4_control(text)) {
            protect(text);
        }
        if ((attributes & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) == 0) {
            continue;
        }
        Node properties;
        properties.spoken = std::find(spoken.begin(), spoken.end(), text) != spoken.end();
        properties.needs_cut = is_found_as_text(vocab, token);
        properties.strips_left = (attributes & LLAMA_TOKEN_ATTR_LSTRIP) != 0;
        properties.strips_right = (attributes & LLAMA_TOKEN_ATTR_RSTRIP) != 0;
        add(text, properties);
    }
}

// Byte-pair merges are listed, and none produces a control token; but some vocabularies look up whole words first. Other
// tokenizers merge anything that is in the vocabulary.
bool ControlStrings::is_found_as_text(const llama_vocab * vocab, llama_token token) const {
    if (llama_vocab_type(vocab) != LLAMA_VOCAB_TYPE_BPE) {
        return true;
    }
    const std::string text = llama_vocab_get_text(vocab, token);
    std::vector<llama_token> tokens(text.size() + 8);
    const int32_t n_tokens = llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()), tokens.data(),
                                            static_cast<int32_t>(tokens.size()), false, false);
    return n_tokens < 0 || std::find(tokens.begin(), tokens.begin() + n_tokens, token) != tokens.begin() + n_tokens;
}

void ControlStrings::protect(const std::string & text) {
    Node properties;
    properties.needs_cut = true;
    add(text, properties);
}

void ControlStrings::protect_boundaries(const llama_token * tokens, size_t n_tokens) {
    for (size_t i = 0; i < n_tokens; i++) {
        if (llama_vocab_get_attr(vocab_, tokens[i]) & LLAMA_TOKEN_ATTR_USER_DEFINED) {
            protect(llama_vocab_get_text(vocab_, tokens[i]));
        }
    }
}

void ControlStrings::add(const std::string & text, const Node & properties) {
    if (text.empty()) {
        return;
    }
    uint32_t at = 0;
    for (const char byte : text) {
        const Node * next = child(nodes_[at], byte);
        if (next == nullptr) {
            nodes_[at].children.emplace_back(byte, static_cast<uint32_t>(nodes_.size()));
            if (at == 0) {
                leads_[static_cast<unsigned char>(byte)] = static_cast<uint32_t>(nodes_.size());
            }
            at = static_cast<uint32_t>(nodes_.size());
            nodes_.emplace_back();
        } else {
            at = static_cast<uint32_t>(next - nodes_.data());
        }
    }
    Node & node = nodes_[at];
    node.ends = true;
    node.spoken = node.spoken || properties.spoken;
    node.needs_cut = node.needs_cut || properties.needs_cut;
    node.strips_left = properties.strips_left;
    node.strips_right = properties.strips_right;
}

const ControlStrings::Node * ControlStrings::child(const Node & node, char byte) const {
    if (&node == nodes_.data()) {
        const uint32_t lead = leads_[static_cast<unsigned char>(byte)];
        return lead == 0 ? nullptr : &nodes_[lead];
    }
    for (const auto & [edge, next] : node.children) {
        if (edge == byte) {
            return &nodes_[next];
        }
    }
    return nullptr;
}

// Finds the control tokens, the longest at each position, and the forged ones. The two can overlap.
void ControlStrings::find(const Text & text, std::vector<Found> & tokens, std::vector<Found> & forged) const {
    const std::string & bytes = text.bytes;
    for (size_t begin = 0; begin < bytes.size(); begin++) {
        Found token;
        Found forgery;
        const Node * node = child(nodes_[0], bytes[begin]);
        for (size_t end = begin + 1; node != nullptr; end++) {
            if (node->ends) {
                const bool is_token = node->spoken || !text.has_user_bytes(begin, end);
                Found & found = is_token ? token : forgery;
                found = {begin, end, node, found.needs_cut || node->needs_cut};
            }
            node = end < bytes.size() ? child(*node, bytes[end]) : nullptr;
        }
        if (token.node != nullptr && (tokens.empty() || tokens.back().end <= begin)) {
            tokens.push_back(token);
        }
        if (forgery.node != nullptr) {
            forged.push_back(forgery);
        }
    }
}

namespace {

bool is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

void add_part(std::vector<Part> & parts, const std::string & text, bool parse_special) {
    if (!text.empty()) {
        parts.push_back({text, parse_special, -1});
    }
}

}  // namespace

// The text between two control tokens that contains a forged one is tokenized separately, as plain text.
void ControlStrings::add_parts(const std::vector<Run> & runs, std::vector<Part> & parts) const {
    const Text text(runs);
    const std::string & bytes = text.bytes;
    std::vector<Found> tokens;
    std::vector<Found> forged;
    if (!text.is_templates()) {
        find(text, tokens, forged);
    }
    size_t special_from = 0;  // start of what is in no part yet
    size_t token_end = 0;
    const Node * last_token = nodes_.data();
    size_t next = 0;
    size_t forged_end = 0;
    if (!forged.empty()) {
        tokens.push_back({bytes.size(), bytes.size(), nodes_.data()});
    }
    for (const auto & token : tokens) {
        std::vector<Found> here;
        bool is_forged = forged_end > token_end;
        for (; next < forged.size() && forged[next].begin < token.begin; next++) {
            here.push_back(forged[next]);
            forged_end = std::max(forged_end, forged[next].end);
        }
        size_t begin = token_end;
        size_t end = token.begin;
        if (begin < end && (is_forged || !here.empty())) {
            // A token that consumes white space must see it.
            while (last_token->strips_right && begin < end && is_space(bytes[begin])) {
                begin++;
            }
            while (token.node->strips_left && end > begin && is_space(bytes[end - 1])) {
                end--;
            }
            add_part(parts, bytes.substr(special_from, begin - special_from), true);
            add_plain(bytes, begin, end, here, parts);
            special_from = end;
        }
        token_end = token.end;
        last_token = token.node;
    }
    add_part(parts, bytes.substr(special_from), true);
}

// Splits the range so that llama.cpp finds none of `forged` in the pieces.
void ControlStrings::add_plain(const std::string & bytes, size_t begin, size_t end, const std::vector<Found> & forged,
                               std::vector<Part> & parts) const {
    for (const auto & found : forged) {
        const size_t cut = found.begin + utf8_character_length(static_cast<unsigned char>(bytes[found.begin]));
        if (found.needs_cut && begin < cut && cut < end) {
            add_part(parts, bytes.substr(begin, cut - begin), false);
            begin = cut;
        }
    }
    add_part(parts, bytes.substr(begin, end - begin), false);
}

std::vector<Part> ControlStrings::parts_of(const std::vector<Run> & runs) const {
    std::vector<Part> parts;
    std::vector<Run> between_images;
    for (const auto & run : runs) {
        if (run.image < 0) {
            between_images.push_back(run);
            continue;
        }
        add_parts(between_images, parts);
        between_images.clear();
        parts.push_back({"", true, run.image});
    }
    add_parts(between_images, parts);
    return parts;
}

}  // namespace vserve
