#include "prompt.h"

#include <algorithm>
#include <string_view>

#include "common.h"
#include "error.h"
#include "image-processor.h"
#include "lenient-turns.h"
#include "mtmd-chunks.h"

namespace vserve {

namespace {

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

// Prompts that are too long are counted up to this multiple of the limit: the caller wants to know how much to cut.
constexpr size_t counted_excess = 4;

Prompt cut_prompt(size_t max_tokens) {
    Prompt prompt;
    prompt.n_tokens = static_cast<int32_t>(max_tokens);
    prompt.is_cut = true;
    return prompt;
}

}  // namespace

mtmd::input_chunks_ptr try_to_tokenize(const mtmd_context * vision, const std::vector<mtmd_input_part> & parts,
                                       bool add_special) {
    std::vector<const mtmd_input_part *> pointers;
    for (const auto & part : parts) {
        pointers.push_back(&part);
    }
    mtmd::input_chunks_ptr chunks(mtmd_input_chunks_init());
    take_refusal();  // of an earlier image
    if (mtmd_tokenize_from_parts(vision, chunks.get(), pointers.data(), pointers.size(), add_special) != 0) {
        return nullptr;
    }
    check_tokens(chunks.get());
    return chunks;
}

void add_seen(SeenImage & image, SeenImage view) {
    if (image.width == 0) {
        image = view;
    } else {
        image.tiles++;
    }
}

[[noreturn]] void refuse(size_t image, uint32_t width, uint32_t height) {
    const std::string reason = take_refusal();
    throw EngineError("undecodable",
                      "The model cannot take an image of " + std::to_string(width) + "x" + std::to_string(height) +
                          " pixels: " + (reason.empty() ? "it may be too small, or too long for its width" : reason) + ".",
                      static_cast<int>(image));
}

std::vector<ImageSize> sizes_of(const std::vector<Image> & images) {
    std::vector<ImageSize> sizes;
    for (const auto & image : images) {
        sizes.push_back({static_cast<int>(image.width), static_cast<int>(image.height)});
    }
    return sizes;
}

mtmd::input_chunks_ptr tokenize_placeholder(const mtmd_context * vision, ImageSize size,
                                            const ProcessorSettings * settings) {
    const ImageScope scope({settings});
    mtmd::bitmap bitmap(size.width, size.height, nullptr);
    mtmd_input_part part{nullptr, bitmap.ptr.get()};
    auto chunks = try_to_tokenize(vision, {part}, false);
    if (!chunks) {
        throw EngineError("model_load_failed", "The vision projector cannot take an image of " +
                                                   std::to_string(size.width) + "x" + std::to_string(size.height) +
                                                   " pixels.");
    }
    return chunks;
}

int32_t most_image_tokens(const mtmd_context * vision, const std::vector<ImageSize> & sample_sizes,
                          const ProcessorSettings * settings) {
    int32_t most = 0;
    for (const ImageSize size : sample_sizes) {
        const auto chunks = tokenize_placeholder(vision, size, settings);
        for (size_t i = 0; i < mtmd_input_chunks_size(chunks.get()); i++) {
            const mtmd_input_chunk * chunk = mtmd_input_chunks_get(chunks.get(), i);
            if (mtmd_input_chunk_get_type(chunk) == MTMD_INPUT_CHUNK_TYPE_IMAGE) {
                most = std::max(most, static_cast<int32_t>(mtmd_input_chunk_get_n_tokens(chunk)));
            }
        }
    }
    return most;
}

PromptBuilder::PromptBuilder(const llama_model * model, Images images, EmbeddingCache & encoded,
                             const std::string & chat_template)
    : vocab_(llama_model_get_vocab(model)),
      tokenizer_(vocab_),
      vision_(images.vision),
      placement_(std::move(images.placement)),
      settings_(images.settings),
      encoded_(encoded),
      row_width_(llama_model_n_embd_inp(model)),
      template_(ChatTemplate::of_model(model, chat_template, placement_)),
      format_(std::make_unique<ChatFormat>(*template_)),
      tool_template_(ChatTemplate::for_tools(model, chat_template, placement_)),
      tool_format_(tool_template_ ? std::make_unique<ChatFormat>(*tool_template_) : nullptr),
      control_strings_(vocab_, placement_.spoken) {
    if (vision_ != nullptr) {
        protect_boundaries(images);
    }
}

// Users must not be able to forge the tokens around an image either.
void PromptBuilder::protect_boundaries(const Images & images) {
    control_strings_.protect(placement_.slot);
    const auto written = common_tokenize(vocab_, placement_.written + placement_.before + placement_.after, false, true);
    control_strings_.protect_boundaries(written.data(), written.size());
    for (const ImageSize size : images.sample_sizes) {
        const auto chunks = tokenize_placeholder(vision_, size, &images.largest);
        for (size_t i = 0; i < mtmd_input_chunks_size(chunks.get()); i++) {
            size_t n_tokens = 0;
            const llama_token * tokens =
                mtmd_input_chunk_get_tokens_text(mtmd_input_chunks_get(chunks.get(), i), &n_tokens);
            control_strings_.protect_boundaries(tokens, tokens == nullptr ? 0 : n_tokens);
        }
    }
}

// The tokenizer adds these tokens too.
void PromptBuilder::drop_doubled_ends(std::vector<Run> & runs) const {
    runs.erase(std::remove_if(runs.begin(), runs.end(), [](const Run & run) { return run.image < 0 && run.text.empty(); }),
               runs.end());
    if (!runs.empty() && !runs.front().from_user && llama_vocab_get_add_bos(vocab_)) {
        const std::string_view bos = llama_vocab_get_text(vocab_, llama_vocab_bos(vocab_));
        if (runs.front().text.compare(0, bos.size(), bos) == 0) {
            runs.front().text.erase(0, bos.size());
        }
    }
    if (!runs.empty() && !runs.back().from_user && llama_vocab_get_add_eos(vocab_)) {
        const std::string_view eos = llama_vocab_get_text(vocab_, llama_vocab_eos(vocab_));
        std::string & text = runs.back().text;
        if (text.size() >= eos.size() && text.compare(text.size() - eos.size(), eos.size(), eos) == 0) {
            text.resize(text.size() - eos.size());
        }
    }
}

std::vector<Run> PromptBuilder::rendered(const Conversation & conversation, size_t n_images) const {
    const ChatTemplate & chat_template = is_of_tools(conversation) ? *tool_template_ : *template_;
    const Conversation prepared = format_of(conversation).prepared(conversation);
    try {
        return chat_template.render(prepared, n_images);
    } catch (const EngineError & rejected) {
        const auto lenient = rejected.code == "chat_template_failed" ? in_lenient_turns(prepared) : std::nullopt;
        if (!lenient.has_value()) {
            throw;
        }
        try {
            return chat_template.render(*lenient, n_images);
        } catch (const EngineError &) {
            throw rejected;  // it names the messages as they were sent
        }
    }
}

Prompt PromptBuilder::build(const Conversation & conversation, const std::vector<Image> & images, size_t max_tokens,
                            const std::function<bool()> & is_cancelled) const {
    if (!images.empty() && vision_ == nullptr) {
        throw EngineError("unsupported_capability", "This model was loaded without a vision projector (mmproj), so it "
                                                    "cannot see images. Start it with its mmproj GGUF.");
    }
    const auto scope = tokenizer_.scope(is_cancelled, max_tokens * counted_excess);
    try {
        return conversation.prompt ? build_raw(*conversation.prompt, images)
                                   : build_from_template(conversation, images, max_tokens);
    } catch (const TooManyTokens &) {
        return cut_prompt(max_tokens);
    }
}

Prompt PromptBuilder::build_from_template(const Conversation & conversation, const std::vector<Image> & images,
                                          size_t max_tokens) const {
    auto runs = rendered(conversation, images.size());
    const auto written = runs;
    drop_doubled_ends(runs);
    const auto settings = settings_of(images);
    const auto views = show_views(runs, sizes_of(images), placement_, settings);
    const auto parts = control_strings_.parts_of(runs);
    if (tokenizer_.must_exceed(parts, max_tokens)) {
        return cut_prompt(max_tokens);
    }
    Prompt prompt = images.empty() ? tokenize_text(parts) : tokenize_images(parts, images, views, settings);
    if (static_cast<size_t>(prompt.n_tokens) < max_tokens) {  // else it is refused, and many tools take long
        prompt.plan = format_of(conversation).plan(conversation, written);
    }
    return prompt;
}

// How each image is to be prepared.
std::vector<ProcessorSettings> PromptBuilder::settings_of(const std::vector<Image> & images) const {
    std::vector<ProcessorSettings> settings;
    for (const auto & image : images) {
        settings.push_back(changed(settings_, image.changes.value_or(ProcessorChanges{})));
    }
    return settings;
}

// For the scope of an image that is prepared alone.
static const ProcessorSettings * asked_of(const Image & image, const ProcessorSettings & settings) {
    return image.changes ? &settings : nullptr;
}

// mtmd gets the images' sizes without their pixels: which tokens they become depends on nothing else.
Prompt PromptBuilder::tokenize_images(const std::vector<Part> & parts, const std::vector<Image> & images,
                                      const std::vector<ImageView> & views,
                                      const std::vector<ProcessorSettings> & settings) const {
    std::vector<mtmd::bitmap> bitmaps;
    for (const auto & [image, crop] : views) {
        bitmaps.emplace_back(crop.size.width, crop.size.height, nullptr);
        bitmaps.back().set_id(std::to_string(image).c_str());
    }
    std::vector<mtmd_input_text> texts;
    texts.reserve(parts.size());  // the parts point into it
    std::vector<mtmd_input_part> inputs;
    std::vector<const ProcessorSettings *> asked;
    std::vector<size_t> order;  // of the views
    for (const auto & part : parts) {
        if (part.image >= 0) {
            const size_t image = views[part.image].image;
            asked.push_back(asked_of(images[image], settings[image]));
            order.push_back(part.image);
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
    const ImageScope scope(std::move(asked));
    prompt.media.push_back(try_to_tokenize(vision_, inputs, true));
    const mtmd_input_chunks * media = prompt.media.front().get();
    if (media == nullptr) {
        refuse_one_of(images, settings);
    }
    prompt.images.resize(images.size());
    for (size_t i = 0; i < scope.seen().size(); i++) {
        add_seen(prompt.images[views[order[i]].image].seen, scope.seen()[i]);
    }
    for (size_t i = 0; i < mtmd_input_chunks_size(media); i++) {
        const mtmd_input_chunk * source = mtmd_input_chunks_get(media, i);
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
    count_images(prompt);
    return prompt;
}

// What the images of a prompt take of it.
void PromptBuilder::count_images(Prompt & prompt) {
    for (size_t i = 0; i < prompt.chunks.size(); i++) {
        const Chunk & chunk = prompt.chunks[i];
        if (chunk.media != nullptr) {
            ImageReport & image = prompt.images[chunk.image];
            image.n_tokens += chunk.n_tokens;
            image.last_chunk = i;
        }
    }
}

// mtmd does not say which it was.
void PromptBuilder::refuse_one_of(const std::vector<Image> & images,
                                  const std::vector<ProcessorSettings> & settings) const {
    for (size_t i = 0; i < images.size(); i++) {
        mtmd::bitmap bitmap(images[i].width, images[i].height, nullptr);
        const ImageScope scope({asked_of(images[i], settings[i])});
        if (!try_to_tokenize(vision_, {{nullptr, bitmap.ptr.get()}}, false)) {
            refuse(i, images[i].width, images[i].height);
        }
    }
    throw EngineError("undecodable", "The projector cannot take the images of the conversation together.");
}

void PromptBuilder::prepare_images(Prompt & prompt, const std::vector<Image> & images, const std::string & salt) const {
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
        } else if (images[i].rgb == nullptr) {
            if (!attach(chunks_of[i], images[i].embeddings)) {
                throw EngineError("generation_failed", "An encoded image has other tokens than its size.");
            }
        } else if (!attach(chunks_of[i], encoded_.find(salt, images[i].id))) {
            add_pixels(i, chunks_of[i], images[i]);
        }
        prompt.images[i].was_known = !chunks_of[i].empty() && chunks_of[i].front()->embeddings != nullptr;
    }
}

void PromptBuilder::add_pixels(size_t index, const std::vector<Chunk *> & chunks, const Image & image) const {
    std::vector<mtmd::bitmap> bitmaps;
    std::vector<mtmd_input_part> inputs;
    const ProcessorSettings settings = settings_of({image}).front();
    std::vector<const ProcessorSettings *> asked;
    for (const auto & view : views_of(sizes_of({image}).front(), settings.pan_and_scan)) {
        const bool is_whole = bitmaps.empty();
        bitmaps.emplace_back(view.size.width, view.size.height,
                             is_whole ? image.rgb : pixels_of(view, image.rgb, image.width).data());
        inputs.push_back({nullptr, bitmaps.back().ptr.get()});
        asked.push_back(asked_of(image, settings));
    }
    const ImageScope scope(std::move(asked));
    const std::shared_ptr<mtmd_input_chunks> prepared = try_to_tokenize(vision_, inputs, false);
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
        chunks[i]->pixels = {prepared, parts[i]};
    }
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
        chunks[part]->set_embeddings(encoded[part]);
    }
    return true;
}

Prompt PromptBuilder::tokenize_text(const std::vector<Part> & parts) const {
    Chunk chunk;
    if (llama_vocab_get_add_bos(vocab_)) {
        chunk.tokens.push_back(llama_vocab_bos(vocab_));
    }
    const auto tokens = tokenizer_.tokenize(parts);
    chunk.tokens.insert(chunk.tokens.end(), tokens.begin(), tokens.end());
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
