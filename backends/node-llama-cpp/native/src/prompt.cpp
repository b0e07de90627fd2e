#include "prompt.h"

#include <algorithm>
#include <random>
#include <string_view>

#include "common.h"
#include "error.h"
#include "log.h"  // llama.cpp's
#include "text-stream.h"

namespace vserve {

namespace {

std::string random_nonce() {
    std::random_device random;
    std::string nonce = "vserve:";
    for (int word = 0; word < 4; word++) {
        char hex[9];
        std::snprintf(hex, sizeof(hex), "%08x", random());
        nonce += hex;
    }
    return nonce + ":";
}

// A mark stands in the rendered prompt for what the template must not touch: "i" an image, "t" hidden text.
std::string mark(const std::string & nonce, char kind, size_t index) {
    return nonce + kind + std::to_string(index) + ";";
}

// What stands round an image, with its number where some models have it.
std::string numbered(std::string text, size_t index) {
    const std::string_view number = "{number}";
    const size_t at = text.find(number);
    return at == std::string::npos ? text : text.replace(at, number.size(), std::to_string(index));
}

// What the template itself said, out of llama.cpp's report of where in the template it was said.
std::string template_reason(const std::string & report) {
    const std::string mark = "Jinja Exception: ";
    const size_t begin = report.rfind(mark);
    if (begin == std::string::npos) {
        return report;
    }
    const std::string reason = report.substr(begin + mark.size());
    return reason.substr(0, reason.find('\n'));
}

// llama.cpp throws its reason on as a plain std::exception, which has lost it: the template that failed is read again.
std::string template_fault(const llama_model * model) {
    for (const char * name : {static_cast<const char *>(nullptr), "tool_use"}) {
        const char * source = llama_model_chat_template(model, name);
        try {
            common_chat_template(source == nullptr ? "" : source, "", "");
        } catch (const std::exception & error) {
            return error.what();
        }
    }
    return "llama.cpp does not say why";
}

common_chat_templates_ptr read_templates(const llama_model * model) {
    const int verbosity = common_log_get_verbosity_thold();
    common_log_set_verbosity_thold(LOG_LEVEL_OUTPUT);  // it would advise options that vserve does not have
    try {
        auto templates = common_chat_templates_init(model, "");
        common_log_set_verbosity_thold(verbosity);
        return templates;
    } catch (const std::exception &) {
        common_log_set_verbosity_thold(verbosity);
        throw EngineError("model_load_failed", "The model's chat template could not be read: " + template_fault(model));
    }
}

// mtmd looks up some of the tokens round an image by their text, and writes LLAMA_TOKEN_NULL for one that is not there.
void check_tokens(const mtmd_input_chunks * chunks) {
    for (size_t i = 0; i < mtmd_input_chunks_size(chunks); i++) {
        size_t n_tokens = 0;
        const llama_token * tokens = mtmd_input_chunk_get_tokens_text(mtmd_input_chunks_get(chunks, i), &n_tokens);
        if (tokens != nullptr && std::find(tokens, tokens + n_tokens, LLAMA_TOKEN_NULL) != tokens + n_tokens) {
            throw EngineError("model_load_failed", "The model's vocabulary lacks a token that the vision projector needs "
                                                   "round an image: the --mmproj may be that of another model.");
        }
    }
}

// Null where the projector cannot take one of the images.
mtmd::input_chunks_ptr try_to_tokenize(const mtmd_context * vision, const std::vector<mtmd_input_part> & parts,
                                       bool add_special) {
    std::vector<const mtmd_input_part *> pointers;
    for (const auto & part : parts) {
        pointers.push_back(&part);
    }
    mtmd::input_chunks_ptr chunks(mtmd_input_chunks_init());
    if (mtmd_tokenize_from_parts(vision, chunks.get(), pointers.data(), pointers.size(), add_special) != 0) {
        return nullptr;
    }
    check_tokens(chunks.get());
    return chunks;
}

[[noreturn]] void refuse(size_t image, uint32_t width, uint32_t height) {
    throw EngineError("undecodable",
                      "The projector cannot take an image of " + std::to_string(width) + "x" + std::to_string(height) +
                          " pixels: it may be too small, or too long for its width.",
                      static_cast<int>(image));
}

// A picture without pixels is enough to learn which tokens an image becomes.
mtmd::input_chunks_ptr tokenize_placeholder(const mtmd_context * vision, uint32_t size) {
    mtmd::bitmap bitmap(size, size, nullptr);
    mtmd_input_part part{nullptr, bitmap.ptr.get()};
    auto chunks = try_to_tokenize(vision, {part}, false);
    if (!chunks) {
        throw EngineError("model_load_failed", "The vision projector cannot take an image of " + std::to_string(size) +
                                                   " pixels a side.");
    }
    return chunks;
}

}  // namespace

ImagePlacement ImagePlacement::without_template() const {
    const size_t at = written.find(slot);
    return {slot, written.substr(0, at) + before, after + written.substr(at + slot.size()), written, spoken};
}

int32_t most_image_tokens(const mtmd_context * vision) {
    int32_t most = 0;
    const auto chunks = tokenize_placeholder(vision, 8192);
    for (size_t i = 0; i < mtmd_input_chunks_size(chunks.get()); i++) {
        const mtmd_input_chunk * chunk = mtmd_input_chunks_get(chunks.get(), i);
        if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_IMAGE) {
            most = std::max(most, static_cast<int32_t>(mtmd_input_chunk_get_n_tokens(chunk)));
        }
    }
    return most;
}

PromptBuilder::PromptBuilder(const llama_model * model, const mtmd_context * vision, ImagePlacement placement,
                             EmbeddingCache & encoded)
    : vocab_(llama_model_get_vocab(model)),
      vision_(vision),
      placement_(std::move(placement)),
      encoded_(encoded),
      row_width_(llama_model_n_embd_inp(model)),
      templates_(read_templates(model)) {
    template_writes_slots_ = !placement_.slot.empty() &&
                             common_chat_templates_source(templates_.get()).find(placement_.slot) != std::string::npos;
    collect_control_strings();
}

// Text that would become a control token or an image's boundary: what a user must not be able to forge.
void PromptBuilder::collect_control_strings() {
    const auto type = llama_vocab_type(vocab_);
    const bool keeps_text = type == LLAMA_VOCAB_TYPE_SPM || type == LLAMA_VOCAB_TYPE_BPE;
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab_); token++) {
        if (keeps_text) {
            longest_token_ = std::max(longest_token_, std::string_view(llama_vocab_get_text(vocab_, token)).size());
        }
        if (llama_vocab_get_attr(vocab_, token) & (LLAMA_TOKEN_ATTR_CONTROL | LLAMA_TOKEN_ATTR_UNKNOWN)) {
            protect_from_users(llama_vocab_get_text(vocab_, token));
        }
    }
    for (const auto & token : placement_.spoken) {
        control_strings_.erase(token);
    }
    if (vision_ == nullptr) {
        return;
    }
    protect_from_users(placement_.slot);
    const auto written = common_tokenize(vocab_, placement_.written + placement_.before + placement_.after, false, true);
    collect_boundaries(written.data(), written.size());
    // A small image, and one so large that it is cut into tiles where the model does that.
    for (const uint32_t size : {256, 8192}) {
        const auto chunks = tokenize_placeholder(vision_, size);
        for (size_t i = 0; i < mtmd_input_chunks_size(chunks.get()); i++) {
            size_t n_tokens = 0;
            const llama_token * tokens =
                mtmd_input_chunk_get_tokens_text(mtmd_input_chunks_get(chunks.get(), i), &n_tokens);
            collect_boundaries(tokens, tokens == nullptr ? 0 : n_tokens);
        }
    }
}

void PromptBuilder::collect_boundaries(const llama_token * tokens, size_t n_tokens) {
    for (size_t i = 0; i < n_tokens; i++) {
        if (llama_vocab_get_attr(vocab_, tokens[i]) & LLAMA_TOKEN_ATTR_USER_DEFINED) {
            protect_from_users(llama_vocab_get_text(vocab_, tokens[i]));
        }
    }
}

void PromptBuilder::protect_from_users(const std::string & text) {
    if (!text.empty()) {
        control_strings_.insert(text);
        control_leads_.insert(text[0]);
        longest_control_string_ = std::max(longest_control_string_, text.size());
    }
}

Prompt PromptBuilder::build(const std::vector<Message> & messages, const std::vector<Image> & images,
                            size_t max_tokens) const {
    if (!images.empty() && vision_ == nullptr) {
        throw EngineError("unsupported_capability", "This model was loaded without a vision projector (mmproj), so it "
                                                    "cannot see images. Start it with its mmproj GGUF.");
    }
    const std::string nonce = random_nonce();
    // A template that knows images is told of them: what it writes beside them can depend on it (SmolVLM's has no space
    // between "User:" and an image).
    if (!images.empty() && template_writes_slots_) {
        std::vector<std::string> hidden;
        size_t n_slots = 0;
        const std::string rendered = mark_slots(render(messages, nonce, hidden, "image"), nonce, n_slots);
        if (n_slots == images.size()) {
            return tokenize_up_to(max_tokens, split(rendered, nonce, hidden, images.size(), placement_), images);
        }
    }
    // Of type text, an image's mark passes through any template, and joined parts keep no line break of llama.cpp's own
    // between them.
    std::vector<std::string> hidden;
    const std::string rendered = render(messages, nonce, hidden, "text");
    return tokenize_up_to(max_tokens, split(rendered, nonce, hidden, images.size(), placement_.without_template()), images);
}

Prompt PromptBuilder::tokenize_up_to(size_t max_tokens, const std::vector<Part> & parts,
                                     const std::vector<Image> & images) const {
    if (must_exceed(parts, max_tokens)) {
        Prompt prompt;
        prompt.n_tokens = static_cast<int32_t>(max_tokens);
        prompt.is_cut = true;
        return prompt;
    }
    return images.empty() ? tokenize_text(parts) : tokenize_images(parts, images);
}

// The time that llama.cpp takes for characters outside the vocabulary grows with the square of their number.
bool PromptBuilder::must_exceed(const std::vector<Part> & parts, size_t max_tokens) const {
    size_t bytes = 0;
    for (const auto & part : parts) {
        bytes += part.text.size();
    }
    return longest_token_ > 0 && bytes / longest_token_ > max_tokens;
}

// Replaces every control string of a user's text by a mark, so that it comes out of the template as text.
std::string PromptBuilder::protect(const std::string & text, const std::string & nonce,
                                   std::vector<std::string> & hidden) const {
    std::string result;
    size_t copied = 0;
    for (size_t at = 0; at < text.size();) {
        const size_t length = control_string_at(text, at);
        if (length == 0) {
            at++;
            continue;
        }
        result.append(text, copied, at - copied);
        result += mark(nonce, 't', hidden.size());
        hidden.push_back(text.substr(at, length));
        at += length;
        copied = at;
    }
    return result.append(text, copied, std::string::npos);
}

size_t PromptBuilder::control_string_at(const std::string & text, size_t at) const {
    if (control_leads_.count(text[at]) == 0) {
        return 0;
    }
    for (size_t length = std::min(longest_control_string_, text.size() - at); length > 0; length--) {
        if (control_strings_.count(text.substr(at, length)) != 0) {
            return length;
        }
    }
    return 0;
}

// An image's part carries its mark as text.
std::string PromptBuilder::render(const std::vector<Message> & messages, const std::string & nonce,
                                  std::vector<std::string> & hidden, const char * image_type) const {
    common_chat_templates_inputs inputs;
    for (const auto & message : messages) {
        common_chat_msg rendered;
        rendered.role = message.role;
        for (const auto & part : message.parts) {
            rendered.content_parts.push_back(
                part.image >= 0 ? common_chat_msg_content_part{image_type, mark(nonce, 'i', part.image)}
                                : common_chat_msg_content_part{"text", protect(part.text, nonce, hidden)});
        }
        if (rendered.content_parts.size() == 1 && rendered.content_parts[0].type == "text") {
            rendered.content = rendered.content_parts[0].text;
            rendered.content_parts.clear();
        }
        inputs.messages.push_back(std::move(rendered));
    }
    try {
        return common_chat_templates_apply(templates_.get(), inputs).prompt;
    } catch (const std::exception & error) {
        throw EngineError("chat_template_failed",
                          "The model's chat template refused the conversation: " + template_reason(error.what()));
    }
}

// Puts the images' marks, in order, where the template wrote slots.
std::string PromptBuilder::mark_slots(const std::string & rendered, const std::string & nonce, size_t & n_slots) const {
    std::string marked;
    size_t copied = 0;
    n_slots = 0;
    for (size_t at; (at = rendered.find(placement_.slot, copied)) != std::string::npos;) {
        marked.append(rendered, copied, at - copied);
        marked += mark(nonce, 'i', n_slots++);
        copied = at + placement_.slot.size();
    }
    return marked.append(rendered, copied, std::string::npos);
}

std::vector<PromptBuilder::Part> PromptBuilder::split(const std::string & rendered, const std::string & nonce,
                                                      const std::vector<std::string> & hidden, size_t n_images,
                                                      const ImagePlacement & round_image) const {
    std::vector<Part> parts;
    const auto add_text = [&parts](const std::string & text) {
        if (text.empty()) {
            return;
        }
        if (!parts.empty() && parts.back().image < 0 && parts.back().parse_special) {
            parts.back().text += text;
        } else {
            parts.push_back({text, true, -1});
        }
    };
    size_t images_seen = 0;
    size_t at = 0;
    for (size_t found; (found = rendered.find(nonce, at)) != std::string::npos;) {
        add_text(rendered.substr(at, found - at));
        const char kind = rendered[found + nonce.size()];
        const size_t end = rendered.find(';', found);
        const size_t index = std::stoul(rendered.substr(found + nonce.size() + 1, end));
        at = end + 1;
        if (kind == 'i') {
            if (index != images_seen) {
                break;
            }
            images_seen++;
            add_text(numbered(round_image.before, index));
            parts.push_back({"", true, static_cast<int>(index)});
            add_text(numbered(round_image.after, index));
        } else {
            // In two pieces, since llama.cpp finds user-defined tokens in text of either kind.
            const std::string & text = hidden[index];
            const size_t lead = utf8_character_length(static_cast<unsigned char>(text[0]));
            parts.push_back({text.substr(0, lead), false, -1});
            if (lead < text.size()) {
                parts.push_back({text.substr(lead), false, -1});
            }
        }
    }
    if (images_seen != n_images) {
        throw EngineError("chat_template_failed", "The model's chat template dropped, repeated or reordered an image "
                                                  "of the conversation: it may accept images in user messages only.");
    }
    add_text(rendered.substr(at));
    return parts;
}

// mtmd gets the images' sizes without their pixels: which tokens they become depends on nothing else.
Prompt PromptBuilder::tokenize_images(const std::vector<Part> & parts, const std::vector<Image> & images) const {
    std::vector<mtmd::bitmap> bitmaps;
    for (size_t i = 0; i < images.size(); i++) {
        bitmaps.emplace_back(images[i].width, images[i].height, nullptr);
        bitmaps.back().set_id(std::to_string(i).c_str());
    }
    std::vector<mtmd_input_text> texts;
    texts.reserve(parts.size());  // the parts point into it
    std::vector<mtmd_input_part> inputs;
    for (const auto & part : parts) {
        if (part.image >= 0) {
            inputs.push_back({nullptr, bitmaps[part.image].ptr.get()});
        } else {
            texts.push_back({part.text.data(), part.text.size(), false, part.parse_special});
            inputs.push_back({&texts.back(), nullptr});
        }
    }

    Prompt prompt;
    for (const auto & image : images) {
        prompt.image_ids.push_back(image.id);
    }
    std::vector<size_t> chunks_of_image(images.size(), 0);
    prompt.media = try_to_tokenize(vision_, inputs, true);
    if (!prompt.media) {
        refuse_one_of(images);
    }
    for (size_t i = 0; i < mtmd_input_chunks_size(prompt.media.get()); i++) {
        const mtmd_input_chunk * source = mtmd_input_chunks_get(prompt.media.get(), i);
        Chunk chunk;
        chunk.n_tokens = static_cast<int32_t>(mtmd_input_chunk_get_n_tokens(source));
        chunk.n_pos = mtmd_input_chunk_get_n_pos(source);
        if (mtmd_input_chunk_get_type(source) == MTMD_INPUT_CHUNK_TYPE_TEXT) {
            size_t n_tokens = 0;
            const llama_token * tokens = mtmd_input_chunk_get_tokens_text(source, &n_tokens);
            chunk.tokens.assign(tokens, tokens + n_tokens);
        } else {
            chunk.media = source;
            chunk.image = std::stoul(mtmd_input_chunk_get_id(source));
            chunk.image_key = images[chunk.image].id + "#" + std::to_string(chunks_of_image[chunk.image]++);
        }
        prompt.n_tokens += chunk.n_tokens;
        prompt.chunks.push_back(std::move(chunk));
    }
    return prompt;
}

// mtmd does not say which it was.
void PromptBuilder::refuse_one_of(const std::vector<Image> & images) const {
    for (size_t i = 0; i < images.size(); i++) {
        mtmd::bitmap bitmap(images[i].width, images[i].height, nullptr);
        if (!try_to_tokenize(vision_, {{nullptr, bitmap.ptr.get()}}, false)) {
            refuse(i, images[i].width, images[i].height);
        }
    }
    throw EngineError("undecodable", "The projector cannot take the images of the conversation together.");
}

void PromptBuilder::prepare_images(Prompt & prompt, const std::vector<Image> & images) const {
    std::vector<std::vector<Chunk *>> chunks_of(images.size());
    for (auto & chunk : prompt.chunks) {
        if (chunk.media != nullptr) {
            chunks_of[chunk.image].push_back(&chunk);
        }
    }
    for (size_t i = 0; i < images.size(); i++) {
        // An image that is there twice is prepared once.
        const auto same = std::find(prompt.image_ids.begin(), prompt.image_ids.begin() + i, images[i].id);
        if (same != prompt.image_ids.begin() + i) {
            const auto & prepared = chunks_of[same - prompt.image_ids.begin()];
            for (size_t part = 0; part < prepared.size(); part++) {
                chunks_of[i][part]->embeddings = prepared[part]->embeddings;
                chunks_of[i][part]->pixels = prepared[part]->pixels;
            }
        } else if (!attach(chunks_of[i], encoded_.find(images[i].id))) {
            prompt.pixels.push_back(add_pixels(i, chunks_of[i], images[i]));
        }
    }
}

// Returns what owns the pixels.
mtmd::input_chunks_ptr PromptBuilder::add_pixels(size_t index, const std::vector<Chunk *> & chunks,
                                                 const Image & image) const {
    mtmd::bitmap bitmap(image.width, image.height, image.rgb);
    auto prepared = try_to_tokenize(vision_, {{nullptr, bitmap.ptr.get()}}, false);
    if (!prepared) {
        refuse(index, image.width, image.height);
    }
    std::vector<const mtmd_input_chunk *> parts;
    for (size_t i = 0; i < mtmd_input_chunks_size(prepared.get()); i++) {
        const mtmd_input_chunk * part = mtmd_input_chunks_get(prepared.get(), i);
        if (mtmd_input_chunk_get_type(part) == MTMD_INPUT_CHUNK_TYPE_IMAGE) {
            parts.push_back(part);
        }
    }
    const auto fits = [](const Chunk * chunk, const mtmd_input_chunk * part) {
        return mtmd_input_chunk_get_n_tokens(part) == static_cast<size_t>(chunk->n_tokens);
    };
    if (!std::equal(chunks.begin(), chunks.end(), parts.begin(), parts.end(), fits)) {
        throw EngineError("generation_failed", "The projector makes other tokens of an image than of its size.");
    }
    for (size_t i = 0; i < parts.size(); i++) {
        chunks[i]->pixels = parts[i];
    }
    return prepared;
}

// Gives an image's chunks what the cache holds for it; false where it holds nothing, or what does not fit.
bool PromptBuilder::attach(const std::vector<Chunk *> & chunks, const std::vector<Embeddings> & encoded) const {
    const auto fits = [this](const Chunk * chunk, const Embeddings & rows) {
        return rows->size() == chunk->n_tokens * row_width_;
    };
    if (!std::equal(chunks.begin(), chunks.end(), encoded.begin(), encoded.end(), fits)) {
        return false;
    }
    for (size_t part = 0; part < chunks.size(); part++) {
        chunks[part]->embeddings = encoded[part];
    }
    return true;
}

Prompt PromptBuilder::tokenize_text(const std::vector<Part> & parts) const {
    Chunk chunk;
    if (llama_vocab_get_add_bos(vocab_)) {
        chunk.tokens.push_back(llama_vocab_bos(vocab_));
    }
    for (const auto & part : parts) {
        const auto tokens = common_tokenize(vocab_, part.text, false, part.parse_special);
        chunk.tokens.insert(chunk.tokens.end(), tokens.begin(), tokens.end());
    }
    if (llama_vocab_get_add_eos(vocab_)) {
        chunk.tokens.push_back(llama_vocab_eos(vocab_));
    }
    if (chunk.tokens.empty()) {
        throw EngineError("invalid_request", "The conversation makes an empty prompt: send at least one message with "
                                             "text.");
    }
    Prompt prompt;
    chunk.n_tokens = static_cast<int32_t>(chunk.tokens.size());
    chunk.n_pos = chunk.n_tokens;
    prompt.n_tokens = chunk.n_tokens;
    prompt.chunks.push_back(std::move(chunk));
    return prompt;
}

}  // namespace vserve
