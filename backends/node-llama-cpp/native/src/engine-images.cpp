// The part of the engine that deals with images.

#include <algorithm>

#include "engine.h"
#include "error.h"

namespace vserve {

// Encodes and decodes the image that the longest admitted sequence waits for.
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
    } catch (const EngineError & error) {
        sequence->encoding = false;
        fail(sequence, error.code, error.what());
    }
}

// Fills in an image's embeddings. They stay empty when the sequence is cancelled meanwhile: the next round drops it.
void Engine::encode_image(const SequencePtr & sequence, Chunk & chunk) {
    if (chunk.embeddings) {
        return;
    }
    // Another sequence may have had the same image encoded since this one was prepared.
    auto & chunks = sequence->prompt.chunks;
    const std::string & image_id = sequence->prompt.image_ids[chunk.image];
    std::vector<Chunk *> of_image;
    for (auto & candidate : chunks) {
        if (candidate.media != nullptr && candidate.image == chunk.image) {
            of_image.push_back(&candidate);
        }
    }
    const auto encoded = encoded_.find(image_id);
    if (encoded.size() == of_image.size()) {
        for (size_t i = 0; i < encoded.size(); i++) {
            of_image[i]->embeddings = encoded[i];
        }
        return;
    }
    sequence->encoding = true;
    auto rows = vision_->encode(chunk.media, [this, &sequence] {
        return work_while_encoding() && !sequence->cancelled;
    });
    sequence->encoding = false;
    if (rows.empty()) {
        return;
    }
    chunk.embeddings = std::make_shared<const std::vector<float>>(std::move(rows));
    std::vector<Embeddings> complete;
    for (const Chunk * part : of_image) {
        if (!part->embeddings) {
            return;
        }
        complete.push_back(part->embeddings);
    }
    encoded_.insert(image_id, std::move(complete));
}

// A turn of the others, from inside the encoder. Returns false when the engine stops.
bool Engine::work_while_encoding() {
    drop_cancelled();
    admit();
    step();
    flush_events();
    return !stopping_;
}

void Engine::decode_image(const SequencePtr & sequence) {
    if (!sequence->at_image() || !sequence->prompt.chunks[sequence->chunk].embeddings || sequence->slot < 0) {
        return;  // cancelled, or pushed out of the cache while its image was encoded
    }
    Chunk & chunk = sequence->prompt.chunks[sequence->chunk];
    const bool mrope = mtmd_decode_use_mrope(vision_->context());
    const bool non_causal = mtmd_decode_use_non_causal(vision_->context(), chunk.media);
    const int planes = mrope ? 4 : 1;
    std::vector<llama_pos> positions(static_cast<size_t>(chunk.n_tokens) * planes, 0);
    for (int32_t i = 0; i < chunk.n_tokens; i++) {
        if (!mrope) {
            positions[i] = sequence->n_pos + i;
            continue;
        }
        const auto position = mtmd_image_tokens_get_decoder_pos(mtmd_input_chunk_get_tokens_image(chunk.media),
                                                                sequence->n_pos, static_cast<size_t>(i));
        positions[i] = static_cast<llama_pos>(position.t);
        positions[i + chunk.n_tokens] = static_cast<llama_pos>(position.y);
        positions[i + chunk.n_tokens * 2] = static_cast<llama_pos>(position.x);
        positions[i + chunk.n_tokens * 3] = static_cast<llama_pos>(position.z);
    }

    const bool last = sequence->chunk + 1 == sequence->prompt.chunks.size() && sequence->generated.empty();
    const size_t row_width = llama_model_n_embd_inp(model_);
    int status = 0;
    llama_set_causal_attn(context_.get(), !non_causal);
    for (int32_t first = 0; first < chunk.n_tokens && status == 0; first += options_.batch_tokens) {
        const int32_t count = std::min(options_.batch_tokens, chunk.n_tokens - first);
        Batch rows = Batch::image_rows(chunk.embeddings->data(), row_width, positions, planes, first, count,
                                       sequence->slot, last && first + count == chunk.n_tokens);
        status = decode(rows.rows(), {sequence});
    }
    llama_set_causal_attn(context_.get(), true);
    if (status != 0) {
        sequence->cache_broken = !cache_->take_back(sequence->slot, 0, sequence->n_pos);
    }
    if (status == 2 || stopping_) {
        return;
    }
    if (status != 0) {
        throw EngineError("generation_failed", "llama.cpp could not decode an image of " +
                                                   std::to_string(chunk.n_tokens) + " tokens (llama_decode returned " +
                                                   std::to_string(status) + ").");
    }
    cache_->append_image(sequence->slot, chunk);
    sequence->n_pos += chunk.n_pos;
    sequence->chunk++;
    if (last) {
        accept_token(sequence, sequence->sampler->sample(context_.get(), -1));
    }
}

}  // namespace vserve
