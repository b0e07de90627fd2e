// The part of the engine that deals with images.

#include <algorithm>
#include <cmath>

#include "bidirectional.h"
#include "engine.h"
#include "error.h"

namespace vserve {

namespace {

// What encoding an image costs, compared with computing its tokens.
constexpr int32_t encoding_weight = 4;

bool are_numbers(const std::vector<float> & rows) {
    return std::all_of(rows.begin(), rows.end(), [](float value) { return std::isfinite(value); });
}

}  // namespace

Engine::ImageTime::ImageTime(Engine & engine) : engine_(engine) {
    engine_.owed_to_image_ = {};
    engine_.image_resumed_at_ = Clock::now();
}

Engine::ImageTime::~ImageTime() {
    engine_.owed_to_image_ = {};
}

// Encodes and decodes the next image in turn.
void Engine::process_next_image() {
    if (const auto sequence = next_image(false)) {
        images_taken_++;
        take_image(sequence);
    }
}

// From inside of an encoder: decodes an image whose embeddings are known, so that it does not wait for the other.
void Engine::decode_next_known_image() {
    if (decoding_image_) {
        return;
    }
    if (const auto sequence = next_image(true)) {
        take_image(sequence);
    }
}

void Engine::take_image(const SequencePtr & sequence) {
    try {
        encode_image(sequence, sequence->prompt.chunks[sequence->chunk]);
        decode_whole_image(sequence);
    } catch (...) {
        sequence->encoding = false;
        fail(sequence, engine_error_of(std::current_exception()));
    }
}

// The running sequence whose image is next in turn; null for none. Images that need no encoder and can be decoded in pieces
// are not among them: they are part of the steps.
Engine::SequencePtr Engine::next_image(bool known_only) {
    std::vector<SequencePtr> sequences;
    std::vector<PromptWork> works;
    for (const auto & sequence : running_) {
        if (!sequence->at_image() || sequence->encoding) {
            continue;
        }
        const bool known = is_encoded(*sequence);
        if (known ? attends_both_ways(sequence->prompt.chunks[sequence->chunk]) : !known_only) {
            sequences.push_back(sequence);
            works.push_back(work_of(*sequence, 0));
            works.back().remaining_tokens = cost_of_image(*sequence);
        }
    }
    if (works.empty()) {
        return nullptr;
    }
    return sequences[next_in_turn(works, known_only ? 0 : images_taken_)];
}

// Of the image that a sequence has come to, in tokens. A tiled one has several chunks.
int32_t Engine::cost_of_image(const Sequence & sequence) {
    const auto & chunks = sequence.prompt.chunks;
    const size_t image = chunks[sequence.chunk].image;
    int32_t cost = 0;
    for (size_t i = sequence.chunk; i < chunks.size(); i++) {
        if (chunks[i].media != nullptr && chunks[i].image == image) {
            cost += chunks[i].n_tokens * (chunks[i].embeddings ? 1 : 1 + encoding_weight);
        }
    }
    return cost;
}

// Fills in the embeddings of an image and, if the encoder takes several at once, of other pending images. They stay empty
// if the sequence is cancelled meanwhile: the next round drops it.
void Engine::encode_image(const SequencePtr & sequence, Chunk & chunk) {
    if (is_encoded(*sequence)) {
        return;
    }
    std::vector<WaitingImage> waiting{{sequence, &chunk, chunk.pixels}};
    if (vision_->takes_several()) {
        add_waiting_images(waiting);
    }
    std::vector<const mtmd_input_chunk *> media;
    for (const auto & image : waiting) {
        media.push_back(image.pixels.get());
    }
    sequence->encoding = true;
    const ImageTime time(*this);
    auto encoded = vision_->encode(media, [this, &waiting] { return work_while_encoding() && is_wanted(waiting); });
    sequence->encoding = false;
    encodes_ += encoded.size();
    turns_.charge(sequence->settings.client, encoding_weight * chunk.n_tokens);
    for (auto & [index, rows] : encoded) {
        if (!are_numbers(rows)) {
            if (waiting[index].sequence != sequence) {
                continue;  // its own turn to fail comes
            }
            throw EngineError("generation_failed",
                              "The vision encoder computes no numbers for an image. The projector may be damaged (check it "
                              "with `vserve verify`), or its values overflow: try --mmproj-encoding f32 or another "
                              "--mmproj-quantization-encoding.");
        }
        set_embeddings(*waiting[index].sequence, *waiting[index].chunk,
                       std::make_shared<const std::vector<float>>(std::move(rows)));
    }
}

// Whether anybody still waits for one of the images: those of a cancelled sequence are encoded together with the others'.
bool Engine::is_wanted(const std::vector<WaitingImage> & images) {
    return std::any_of(images.begin(), images.end(), [](const auto & image) { return !image.sequence->cancelled; });
}

// Gives an image's embeddings to every place where the prompt has it, and caches them once the image is complete.
void Engine::set_embeddings(Sequence & sequence, const Chunk & encoded, const Embeddings & rows) {
    const std::string key = encoded.image_key;
    for (auto & chunk : sequence.prompt.chunks) {
        if (chunk.media != nullptr && chunk.image_key == key) {
            chunk.set_embeddings(rows);
        }
    }
    keep_if_complete(sequence, encoded.image);
}

// Whether the embeddings of the image that a sequence has come to are known.
bool Engine::is_encoded(Sequence & sequence) {
    const Chunk & chunk = sequence.prompt.chunks[sequence.chunk];
    return chunk.embeddings != nullptr || take_from_cache(sequence, chunk);
}

// The same image may have been encoded for another sequence since this one was prepared.
bool Engine::take_from_cache(Sequence & sequence, const Chunk & chunk) {
    const auto encoded = encoded_.find(sequence.settings.cache_salt, sequence.prompt.image_ids[chunk.image]);
    size_t i = 0;
    for (auto & part : sequence.prompt.chunks) {
        if (i < encoded.size() && part.media != nullptr && part.image == chunk.image) {
            part.set_embeddings(encoded[i++]);
        }
    }
    return chunk.embeddings != nullptr;
}

// Adds the pending images of all running sequences, without duplicates.
void Engine::add_waiting_images(std::vector<WaitingImage> & waiting) {
    for (const auto & sequence : running_) {
        auto & chunks = sequence->prompt.chunks;
        for (size_t i = sequence->chunk; i < chunks.size(); i++) {
            const bool listed = std::any_of(waiting.begin(), waiting.end(), [&](const auto & image) {
                return image.chunk->image_key == chunks[i].image_key;
            });
            if (chunks[i].media != nullptr && !chunks[i].embeddings && !listed) {
                waiting.push_back({sequence, &chunks[i], chunks[i].pixels});
            }
        }
    }
}

// Caches an image once all of its chunks (a tiled image has several) are encoded.
void Engine::keep_if_complete(const Sequence & sequence, size_t image) {
    std::vector<Embeddings> complete;
    for (const auto & part : sequence.prompt.chunks) {
        if (part.media != nullptr && part.image == image) {
            if (!part.embeddings) {
                return;
            }
            complete.push_back(part.embeddings);
        }
    }
    encoded_.insert(sequence.settings.cache_salt, sequence.prompt.image_ids[image], std::move(complete));
}

// Runs a step of the other sequences from inside the encoder. Never throws: the callers include C code of ggml. Returns
// false when the engine stops.
bool Engine::work_while_encoding() {
    const auto begin = Clock::now();
    owed_to_image_ -= begin - image_resumed_at_;
    auto owed = owed_to_image_;
    guard([&] {
        empty_prefix_cache_if_asked();
        drop_cancelled();
        admit();
        step();
        if (!prompt_shares_.empty() || image_share_.first) {
            owed = Clock::now() - begin;
        }
        decode_next_known_image();
        flush_events();
    });
    owed_to_image_ = owed;
    image_resumed_at_ = Clock::now();
    return !stopping_;
}

// Whether the tokens of an image attend to one another, so that they must be decoded together.
bool Engine::attends_both_ways(const Chunk & chunk) const {
    return mtmd_decode_use_non_causal(vision_->context(), chunk.media);
}

bool Engine::others_generate(const Sequence & sequence) const {
    return std::any_of(running_.begin(), running_.end(), [&sequence](const auto & other) {
        return other.get() != &sequence && other->decoding() && !other->cancelled;
    });
}

// The positions of an image's rows, from `first` on: one for each row, or, for models with M-RoPE, four planes of them
// (time, y, x, and one that is unused).
std::vector<llama_pos> Engine::image_positions(const Chunk & chunk, llama_pos first) const {
    const bool mrope = mtmd_decode_use_mrope(vision_->context());
    std::vector<llama_pos> positions(static_cast<size_t>(chunk.n_tokens) * (mrope ? 4 : 1), 0);
    for (int32_t i = 0; i < chunk.n_tokens; i++) {
        if (!mrope) {
            positions[i] = first + i;
            continue;
        }
        const auto position = mtmd_image_tokens_get_decoder_pos(mtmd_input_chunk_get_tokens_image(chunk.media), first,
                                                                static_cast<size_t>(i));
        positions[i] = static_cast<llama_pos>(position.t);
        positions[i + chunk.n_tokens] = static_cast<llama_pos>(position.y);
        positions[i + chunk.n_tokens * 2] = static_cast<llama_pos>(position.x);
        positions[i + chunk.n_tokens * 3] = static_cast<llama_pos>(position.z);
    }
    return positions;
}

// Decodes an image whose tokens attend to one another. The rows of other images are shared out to the steps, like text.
void Engine::decode_whole_image(const SequencePtr & sequence) {
    if (!sequence->at_image() || !sequence->prompt.chunks[sequence->chunk].embeddings || sequence->slot < 0) {
        return;  // cancelled or preempted while its image was encoded
    }
    const Chunk & chunk = sequence->prompt.chunks[sequence->chunk];
    if (!attends_both_ways(chunk)) {
        return;
    }
    struct Decoding {
        bool & flag;
        ~Decoding() { flag = false; }
    } const until_done{decoding_image_};
    decoding_image_ = true;
    if (!others_generate(*sequence) || !decode_image_aside(sequence, chunk)) {
        decode_rows(sequence, chunk.n_tokens);
    }
}

// Decodes the rows of an image that are the step's share.
void Engine::decode_image_share() {
    const auto [sequence, count] = image_share_;
    if (!sequence || sequence->slot < 0 || sequence->cancelled) {
        return;
    }
    try {
        decode_rows(sequence, count);
    } catch (...) {
        fail(sequence, engine_error_of(std::current_exception()));
    }
    flush_events();
}

// Decodes the next `count` rows of the image that a sequence has come to.
void Engine::decode_rows(const SequencePtr & sequence, int32_t count) {
    const Chunk & chunk = sequence->prompt.chunks[sequence->chunk];
    const auto positions = image_positions(chunk, sequence->n_pos);
    const int32_t first = sequence->chunk_tokens;
    const bool is_whole = first + count == chunk.n_tokens;
    const bool ends_prompt = is_whole && sequence->is_last_chunk();
    Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                   static_cast<int>(positions.size() / chunk.n_tokens), first, count, sequence->slot,
                                   ends_prompt);
    const int status = [&] {
        const Bidirectional attention(context_.get(), attends_both_ways(chunk));
        return decode(rows.rows(), {sequence});
    }();
    if (status != 0) {
        sequence->chunk_tokens = 0;
        cache_->take_back(sequence->slot, 0, sequence->n_pos);
        if (status != decode_aborted && !stopping_) {
            recover_image(sequence, status);
        }
        return;
    }
    turns_.charge(sequence->settings.client, count);
    sequence->chunk_tokens += count;
    cache_->set_torn(sequence->slot, !is_whole);  // before the last row, its cells are useless to others
    if (is_whole) {
        image_decoded(*sequence, chunk);
    }
    report_progress(*sequence);
    if (ends_prompt) {
        sample({{sequence, -1}});
    }
}

// Called when the cells of the image are in the sequence's slot.
void Engine::image_decoded(Sequence & sequence, const Chunk & chunk) {
    cache_->append_image(sequence.slot, chunk);
    sequence.n_pos += chunk.n_pos;
    const auto & chunks = sequence.prompt.chunks;
    const size_t image = chunk.image;
    sequence.chunk++;
    sequence.chunk_tokens = 0;
    const bool goes_on = std::any_of(chunks.begin() + static_cast<std::ptrdiff_t>(sequence.chunk), chunks.end(),
                                     [image](const auto & later) { return later.media != nullptr && later.image == image; });
    if (!goes_on) {  // the last of its tiles: prompts part ways here
        cache_->keep_checkpoint(sequence.slot);
    }
}

// Decodes an image in a second context while the others generate. Returns whether the sequence needs nothing more.
bool Engine::decode_image_aside(const SequencePtr & sequence, const Chunk & chunk) {
    if (!image_prefill_ || sequence->is_last_chunk()) {  // the last is followed by a token, which needs the main context
        return false;
    }
    const uint32_t admission = sequence->admissions;
    const auto positions = image_positions(chunk, sequence->n_pos);
    Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                   static_cast<int>(positions.size() / chunk.n_tokens), 0, chunk.n_tokens,
                                   ImagePrefill::whole, false);
    sequence->encoding = true;
    const ImageTime time(*this);
    const auto result = image_prefill_->run(context_.get(), sequence->slot, rows.rows(), [this, &sequence, admission] {
        // The sequence may be preempted meanwhile.
        return work_while_encoding() && !sequence->cancelled && sequence->slot >= 0 && sequence->admissions == admission;
    });
    sequence->encoding = false;
    if (result == ImagePrefill::Result::done) {
        turns_.charge(sequence->settings.client, chunk.n_tokens);
        image_decoded(*sequence, chunk);
        report_progress(*sequence);
    } else if (result == ImagePrefill::Result::lost) {
        cache_->set_torn(sequence->slot, true);
        push_out(sequence);
    }
    return result != ImagePrefill::Result::impossible;
}

}  // namespace vserve
