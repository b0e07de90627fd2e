// The part of the engine that deals with images.

#include <algorithm>
#include <cmath>

#include "engine.h"
#include "error.h"

namespace vserve {

namespace {

bool are_numbers(const std::vector<float> & rows) {
    return std::all_of(rows.begin(), rows.end(), [](float value) { return std::isfinite(value); });
}

}  // namespace

// Encodes and decodes the next image of the sequence that was admitted first.
void Engine::process_next_image() {
    const auto waiting =
        std::find_if(running_.begin(), running_.end(), [](const auto & sequence) { return sequence->at_image(); });
    if (waiting == running_.end()) {
        return;
    }
    const SequencePtr sequence = *waiting;
    Chunk & chunk = sequence->prompt.chunks[sequence->chunk];
    try {
        encode_image(sequence, chunk);
        decode_image(sequence);
    } catch (...) {
        sequence->encoding = false;
        llama_set_causal_attn(context_.get(), true);  // as decode_image leaves it
        fail(sequence, engine_error_of(std::current_exception()));
    }
}

// Fills in the embeddings of an image and, if the encoder takes several at once, of other pending images. They stay empty
// if the sequence is cancelled meanwhile: the next round drops it.
void Engine::encode_image(const SequencePtr & sequence, Chunk & chunk) {
    if (chunk.embeddings || take_from_cache(*sequence, chunk)) {
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
    auto encoded = vision_->encode(media, [this, &waiting] { return work_while_encoding() && is_wanted(waiting); });
    sequence->encoding = false;
    encodes_ += encoded.size();
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
    guard([this] {
        empty_prefix_cache_if_asked();
        drop_cancelled();
        admit();
        step();
        flush_events();
    });
    return !stopping_;
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

void Engine::decode_image(const SequencePtr & sequence) {
    if (!sequence->at_image() || !sequence->prompt.chunks[sequence->chunk].embeddings || sequence->slot < 0) {
        return;  // cancelled or preempted while its image was encoded
    }
    Chunk & chunk = sequence->prompt.chunks[sequence->chunk];
    const bool non_causal = mtmd_decode_use_non_causal(vision_->context(), chunk.media);
    const auto positions = image_positions(chunk, sequence->n_pos);
    const int planes = static_cast<int>(positions.size() / chunk.n_tokens);
    const bool last = sequence->chunk + 1 == sequence->prompt.chunks.size() && sequence->generated.empty();
    const bool beside_others = others_generate(*sequence);
    if (non_causal && beside_others && !last && decode_image_aside(sequence, chunk, positions)) {
        return;
    }
    // With causal attention, image tokens can be decoded in pieces, as text.
    const int32_t piece =
        beside_others && !non_causal ? std::max(1, options_.batch_tokens / chunks_beside_others) : options_.batch_tokens;
    const uint32_t admission = sequence->admissions;
    const size_t row_width = llama_model_n_embd_inp(model_);
    int status = 0;
    for (int32_t first = 0; first < chunk.n_tokens && status == 0; first += piece) {
        if (first > 0 && !step_beside_part_of(*sequence)) {
            status = decode_aborted;
            break;
        }
        if (sequence->admissions != admission || sequence->slot < 0) {
            return;  // preempted: it will be recomputed
        }
        const int32_t count = std::min(piece, chunk.n_tokens - first);
        Batch rows = Batch::image_rows(chunk.embeddings->data(), row_width, positions, planes, first, count,
                                       sequence->slot, last && first + count == chunk.n_tokens);
        llama_set_causal_attn(context_.get(), !non_causal);
        status = decode(rows.rows(), {sequence});
        llama_set_causal_attn(context_.get(), true);
    }
    if (status != 0 && sequence->slot >= 0) {
        cache_->take_back(sequence->slot, 0, sequence->n_pos);
    }
    if (status == decode_aborted || stopping_) {
        return;
    }
    if (status != 0) {
        recover_image(sequence, status);
        return;
    }
    image_decoded(*sequence, chunk);
    if (last) {
        sample({{sequence, -1}});
    }
}

// Runs a step of the other sequences between two pieces of an image. Returns whether to go on.
bool Engine::step_beside_part_of(Sequence & sequence) {
    sequence.encoding = true;
    cache_->set_torn(sequence.slot, true);  // its cells are useless to others, and if it is pushed out now
    const bool go_on = work_while_encoding();
    sequence.encoding = false;
    if (sequence.slot >= 0) {
        cache_->set_torn(sequence.slot, false);
    }
    return go_on && !sequence.cancelled;
}

// Called when the cells of the image are in the sequence's slot.
void Engine::image_decoded(Sequence & sequence, const Chunk & chunk) {
    cache_->append_image(sequence.slot, chunk);
    sequence.n_pos += chunk.n_pos;
    const auto & chunks = sequence.prompt.chunks;
    const size_t image = chunk.image;
    sequence.chunk++;
    const bool goes_on = std::any_of(chunks.begin() + static_cast<std::ptrdiff_t>(sequence.chunk), chunks.end(),
                                     [image](const auto & later) { return later.media != nullptr && later.image == image; });
    if (!goes_on) {  // the last of its tiles: prompts part ways here
        cache_->keep_checkpoint(sequence.slot);
    }
}

// Decodes an image in a second context while the others generate. Returns whether the sequence needs nothing more.
bool Engine::decode_image_aside(const SequencePtr & sequence, const Chunk & chunk,
                                const std::vector<llama_pos> & positions) {
    if (!image_prefill_ || chunk.n_tokens > options_.batch_tokens) {
        return false;
    }
    const uint32_t admission = sequence->admissions;
    Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                   static_cast<int>(positions.size() / chunk.n_tokens), 0, chunk.n_tokens,
                                   ImagePrefill::whole, false);
    sequence->encoding = true;
    const auto result = image_prefill_->run(context_.get(), sequence->slot, rows.rows(), [this, &sequence, admission] {
        // The sequence may be preempted meanwhile.
        return work_while_encoding() && !sequence->cancelled && sequence->slot >= 0 && sequence->admissions == admission;
    });
    sequence->encoding = false;
    if (result == ImagePrefill::Result::done) {
        image_decoded(*sequence, chunk);
    } else if (result == ImagePrefill::Result::lost) {
        cache_->set_torn(sequence->slot, true);
        push_out(sequence);
    }
    return result != ImagePrefill::Result::impossible;
}

}  // namespace vserve
