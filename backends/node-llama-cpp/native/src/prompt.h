#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "answer-syntax.h"
#include "chat-format.h"
#include "chat-template.h"
#include "control-strings.h"
#include "embedding-cache.h"
#include "image-placement.h"
#include "image-scope.h"
#include "image-views.h"
#include "llama.h"
#include "message.h"
#include "mtmd.h"
#include "prompt-part.h"
#include "tokenizer.h"

namespace vserve {

// Pixels that JavaScript owns: width * height * 3 bytes, R G B. Null where the embeddings stand for them.
struct Image {
    const uint8_t * rgb;
    uint32_t width;
    uint32_t height;
    std::string id;
    std::vector<Embeddings> embeddings = {};  // of its chunks, in order
    std::optional<ProcessorChanges> changes = {};  // of how it is prepared; a part of `id`
};

// What became of an image of a prompt.
struct ImageReport {
    SeenImage seen;           // zeros where mtmd prepares images in its own way
    int32_t n_tokens = 0;
    size_t last_chunk = 0;    // of the prompt, that the image has
    bool was_known = false;   // its embeddings were cached
    double encode_ms = 0;
};

// A run of the prompt: text tokens, or an image.
struct Chunk {
    std::vector<llama_token> tokens;
    const mtmd_input_chunk * media = nullptr;  // of an image: its place and its size
    int32_t n_tokens = 0;   // KV cells
    llama_pos n_pos = 0;    // positions: fewer than cells for M-RoPE images
    // Of an image:
    size_t image = 0;       // which of the prompt's, by order
    std::string image_key;  // equal keys mean equal embeddings; empty for text
    std::shared_ptr<const mtmd_input_chunk> pixels;  // for the encoder, until the embeddings are known
    Embeddings embeddings;  // n_tokens rows of the text model's input width, once encoded

    // Pixels take several times the memory of an image's file: they go as soon as nobody reads them any more.
    void set_embeddings(Embeddings rows) {
        embeddings = std::move(rows);
        pixels.reset();
    }
};

struct Prompt {
    std::vector<Chunk> chunks;
    std::vector<mtmd::input_chunks_ptr> media;  // own what Chunk::media points to
    std::vector<std::string> image_ids;
    std::vector<ImageReport> images;    // by order
    std::vector<int32_t> message_ends;  // in tokens, where others are likely to go on otherwise
    int32_t n_tokens = 0;
    bool is_cut = false;  // it has no chunks, and more tokens than n_tokens
    AnswerPlan plan;      // of the answers to it
};

// Turns a conversation into chunks, by the model's own chat template. All const members may run on any thread.
class PromptBuilder {
  public:
    // How images become parts of a prompt.
    struct Images {
        const mtmd_context * vision;  // null for a text model
        ImagePlacement placement;
        ProcessorSettings settings;
        ProcessorSettings largest;            // with which an image becomes the most tokens
        std::vector<ImageSize> sample_sizes;  // of image-processor.h, for `largest`
    };
    // `chat_template`: in place of the model's own, unless it is empty.
    PromptBuilder(const llama_model * model, Images images, EmbeddingCache & encoded,
                  const std::string & chat_template = "");

    // Uses only the sizes of the images. The prompt is cut if it is far longer than `max_tokens`. Throws EngineError:
    // chat_template_failed, invalid_request, undecodable, unsupported_capability; Cancelled.
    Prompt build(const Conversation & conversation, const std::vector<Image> & images, size_t max_tokens,
                 const std::function<bool()> & is_cancelled) const;
    // The text of a prompt, with `marker` in place of each image and what stands round it, as build() writes it for the
    // images of a prompt without a template. Throws as build().
    std::string text_of(const Conversation & conversation, size_t n_images, const std::string & marker,
                        const std::function<bool()> & is_cancelled) const;
    // The tokens of a text, and the bytes of tokens.
    std::vector<llama_token> tokens(const std::string & text, bool parse_special, bool add_special,
                                    const std::function<bool()> & is_cancelled) const;
    std::vector<std::string> pieces(const std::vector<llama_token> & tokens) const;
    // Gives the images of a prompt that build() made of `images` what `encoded` holds for them, or else their pixels as
    // the encoder wants them. `salt` separates tenants. Throws EngineError: undecodable.
    void prepare_images(Prompt & prompt, const std::vector<Image> & images, const std::string & salt) const;

    const Tokenizer & tokenizer() const { return tokenizer_; }
    const ChatFormat & format() const { return *format_; }

  private:
    void protect_boundaries(const Images & images);
    bool is_of_tools(const Conversation & conversation) const {
        return tool_template_ && !conversation.tools.tools.empty();
    }
    const ChatFormat & format_of(const Conversation & conversation) const {
        return is_of_tools(conversation) ? *tool_format_ : *format_;
    }
    std::vector<Run> rendered(const Conversation & conversation, size_t n_images) const;
    void drop_doubled_ends(std::vector<Run> & runs) const;
    std::vector<ProcessorSettings> settings_of(const std::vector<Image> & images) const;
    Prompt tokenize_images(const std::vector<Part> & parts, const std::vector<Image> & images,
                           const std::vector<ImageView> & views, const std::vector<ProcessorSettings> & settings) const;
    [[noreturn]] void refuse_one_of(const std::vector<Image> & images,
                                    const std::vector<ProcessorSettings> & settings) const;
    void add_pixels(size_t index, const std::vector<Chunk *> & chunks, const Image & image) const;
    bool attach(const std::vector<Chunk *> & chunks, const std::vector<Embeddings> & encoded) const;
    Prompt tokenize_text(const std::vector<Part> & parts) const;
    Prompt build_from_template(const Conversation & conversation, const std::vector<Image> & images,
                               size_t max_tokens) const;
    Prompt build_raw(const std::vector<PromptPiece> & pieces, const std::vector<Image> & images) const;
    void add_view(const ImageView & view, const std::string & id, size_t & part, std::vector<llama_token> & tokens,
                  Prompt & prompt) const;
    static void count_images(Prompt & prompt);

    const llama_vocab * vocab_;
    Tokenizer tokenizer_;
    const mtmd_context * vision_;
    ImagePlacement placement_;
    ProcessorSettings settings_;
    EmbeddingCache & encoded_;
    size_t row_width_;
    std::unique_ptr<ChatTemplate> template_;
    std::unique_ptr<ChatFormat> format_;
    // Of conversations with tools; null where the others do.
    std::unique_ptr<ChatTemplate> tool_template_;
    std::unique_ptr<ChatFormat> tool_format_;
    ControlStrings control_strings_;
};

// The chunks of a picture of this size, without pixels, prepared by these settings or, if null, by the processor's own. Throws
// EngineError model_load_failed where there are none.
mtmd::input_chunks_ptr tokenize_placeholder(const mtmd_context * vision, ImageSize size,
                                            const ProcessorSettings * settings = nullptr);

// The most tokens that one input of the encoder can become, by asking for samples of which one is as large as the projector
// takes them.
int32_t most_image_tokens(const mtmd_context * vision, const std::vector<ImageSize> & sample_sizes,
                          const ProcessorSettings * settings = nullptr);

}  // namespace vserve
