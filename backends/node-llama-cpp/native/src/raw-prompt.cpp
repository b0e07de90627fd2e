// The part of the prompt builder for prompts that no chat template writes.

#include <algorithm>
#include <string_view>

#include "common.h"
#include "error.h"
#include "mtmd-chunks.h"
#include "prompt.h"

namespace vserve {

namespace {

// Texts that stand next to each other become one: they are tokenized together.
void join_texts(std::vector<Run> & runs) {
    std::vector<Run> joined;
    for (auto & run : runs) {
        const auto is_text = [](const Run & any) { return any.image < 0 && any.tokens.empty(); };
        if (!joined.empty() && is_text(run) && is_text(joined.back())) {
            joined.back().text += run.text;
        } else {
            joined.push_back(std::move(run));
        }
    }
    runs = std::move(joined);
}

void flush(std::vector<llama_token> & tokens, Prompt & prompt) {
    if (tokens.empty()) {
        return;
    }
    Chunk chunk;
    chunk.n_tokens = static_cast<int32_t>(tokens.size());
    chunk.n_pos = chunk.n_tokens;
    chunk.tokens = std::move(tokens);
    tokens.clear();
    prompt.n_tokens += chunk.n_tokens;
    prompt.chunks.push_back(std::move(chunk));
}

void drop_end(std::string & text, const std::string & end) {
    if (text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0) {
        text.resize(text.size() - end.size());
    }
}

bool begins_with(const std::string & text, std::string_view start) {
    return !start.empty() && text.compare(0, start.size(), start) == 0;
}

}  // namespace

// The tokens that prompts begin with come before a text or an image, unless they are there; those that prompts end with,
// behind one.
Prompt PromptBuilder::build_raw(const std::vector<PromptPiece> & pieces, const std::vector<Image> & images) const {
    std::vector<Run> runs;
    for (const auto & piece : pieces) {
        runs.push_back({piece.text, true, piece.image, piece.tokens});
    }
    const bool begins_with_tokens = !pieces.empty() && !pieces.front().tokens.empty();
    const bool ends_with_tokens = !pieces.empty() && !pieces.back().tokens.empty();
    runs = surround_images(runs, placement_.without_template());
    const auto settings = settings_of(images);
    const auto views = show_views(runs, sizes_of(images), placement_, settings);
    join_texts(runs);

    Prompt prompt;
    for (const auto & image : images) {
        prompt.image_ids.push_back(image.id);
    }
    prompt.images.resize(images.size());
    std::vector<size_t> parts_of_image(images.size(), 0);
    std::vector<llama_token> tokens;
    const auto append = [&tokens](const std::vector<llama_token> & more) {
        tokens.insert(tokens.end(), more.begin(), more.end());
    };
    const auto & first = tokenizer_.first_tokens();
    const bool has_first = !runs.empty() && !first.empty() &&
                           begins_with(runs.front().text, llama_vocab_get_text(vocab_, first.front()));
    if (!begins_with_tokens && !has_first) {
        append(first);
    }
    for (const auto & run : runs) {
        if (run.image >= 0) {
            const ImageView & view = views[run.image];
            const Image & image = images[view.image];
            const ImageScope scope({image.changes ? &settings[view.image] : nullptr});
            add_view(view, image.id, parts_of_image[view.image], tokens, prompt);
            for (const SeenImage seen : scope.seen()) {
                add_seen(prompt.images[view.image].seen, seen);
            }
        } else if (!run.tokens.empty()) {
            PromptScope::add(run.tokens.size());
            append(run.tokens);
        } else if (!run.text.empty()) {
            append(tokenizer_.tokenize({{run.text, true, -1}}));
        }
    }
    if (!ends_with_tokens) {
        append(tokenizer_.last_tokens());
    }
    flush(tokens, prompt);
    count_images(prompt);
    if (prompt.chunks.empty()) {
        throw EngineError("invalid_request", "The prompt is empty: it has no tokens.");
    }
    return prompt;
}

// Appends an image, or a crop of one, with the tokens that mtmd writes round it.
void PromptBuilder::add_view(const ImageView & view, const std::string & id, size_t & part, std::vector<llama_token> & tokens,
                             Prompt & prompt) const {
    mtmd::bitmap bitmap(view.crop.size.width, view.crop.size.height, nullptr);
    auto media = try_to_tokenize(vision_, {{nullptr, bitmap.ptr.get()}}, false);
    if (!media) {
        refuse(view.image, view.crop.size.width, view.crop.size.height);
    }
    for (size_t i = 0; i < mtmd_input_chunks_size(media.get()); i++) {
        const mtmd_input_chunk * source = mtmd_input_chunks_get(media.get(), i);
        if (mtmd_input_chunk_get_type(source) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
            size_t n_tokens = 0;
            const llama_token * text = mtmd_input_chunk_get_tokens_text(source, &n_tokens);
            tokens.insert(tokens.end(), text, text + n_tokens);
            continue;
        }
        flush(tokens, prompt);
        Chunk chunk;
        chunk.media = source;
        chunk.n_tokens = static_cast<int32_t>(mtmd_input_chunk_get_n_tokens(source));
        chunk.n_pos = mtmd_input_chunk_get_n_pos(source);
        chunk.image = view.image;
        chunk.image_key = id + "#" + std::to_string(part++);
        prompt.n_tokens += chunk.n_tokens;
        prompt.chunks.push_back(std::move(chunk));
    }
    prompt.media.push_back(std::move(media));
}

std::string PromptBuilder::text_of(const Conversation & conversation, size_t n_images, const std::string & marker,
                                   const std::function<bool()> & is_cancelled) const {
    const auto scope = tokenizer_.scope(is_cancelled, SIZE_MAX);
    std::vector<Run> runs;
    if (conversation.prompt) {
        for (const auto & piece : *conversation.prompt) {
            runs.push_back({piece.text, true, piece.image});
            for (const llama_token token : piece.tokens) {
                runs.back().text += common_token_to_piece(vocab_, token, true);
            }
        }
    } else {
        runs = rendered(conversation, n_images);
    }
    // build_raw() writes again what stands round an image.
    const ImagePlacement round = placement_.without_template();
    std::string text;
    std::string dropped;  // of the text to come
    for (const auto & run : runs) {
        if (run.image >= 0) {
            drop_end(text, numbered(round.before, run.image));
            text += marker;
            dropped = conversation.prompt ? "" : numbered(round.after, run.image);
            continue;
        }
        const size_t length = std::min(dropped.size(), run.text.size());
        if (run.text.compare(0, length, dropped, 0, length) != 0) {
            dropped.clear();
        }
        text += run.text.substr(dropped.empty() ? 0 : length);
        dropped.erase(0, length);
    }
    return text;
}

std::vector<llama_token> PromptBuilder::tokens(const std::string & text, bool parse_special, bool add_special,
                                               const std::function<bool()> & is_cancelled) const {
    const auto scope = tokenizer_.scope(is_cancelled, SIZE_MAX);
    auto tokens = tokenizer_.tokenize({{text, parse_special, -1}});
    if (add_special) {
        tokens.insert(tokens.begin(), tokenizer_.first_tokens().begin(), tokenizer_.first_tokens().end());
        tokens.insert(tokens.end(), tokenizer_.last_tokens().begin(), tokenizer_.last_tokens().end());
    }
    return tokens;
}

std::vector<std::string> PromptBuilder::pieces(const std::vector<llama_token> & tokens) const {
    std::vector<std::string> pieces;
    for (const llama_token token : tokens) {
        pieces.push_back(common_token_to_piece(vocab_, token, true));
    }
    return pieces;
}

}  // namespace vserve
