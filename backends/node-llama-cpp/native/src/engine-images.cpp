// The part of the engine that deals with images.

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "bidirectional.h"
#include "engine.h"
#include "error.h"
#include "image-positions.h"

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
    if (const auto answer = next_image(false)) {
        images_taken_++;
        take_image(answer);
    }
}

// From inside of an encoder: decodes an image whose embeddings are known, so that it does not wait for the other.
void Engine::decode_next_known_image() {
    if (decoding_image_) {
        return;
    }
    if (const auto answer = next_image(true)) {
        take_image(answer);
    }
}

void Engine::take_image(const AnswerPtr & answer) {
    try {
        encode_image(answer, answer->request->prompt.chunks[answer->place.done.chunk]);
        decode_whole_image(answer);
    } catch (...) {
        answer->encoding = false;
        fail(answer, engine_error_of(std::current_exception()));
    }
}

// The running answer whose image is next in turn; null for none. Images that need no encoder and can be decoded in pieces
// are not among them: they are part of the steps.
Engine::AnswerPtr Engine::next_image(bool known_only) {
    std::vector<AnswerPtr> answers;
    std::vector<PromptWork> works;
    for (const auto & answer : computing()) {
        if (!answer->at_image() || answer->encoding) {
            continue;
        }
        const bool known = is_encoded(*answer);
        if (known ? attends_both_ways(answer->chunk()) : !known_only) {
            answers.push_back(answer);
            works.push_back(work_of(*answer, 0));
            works.back().remaining_tokens = cost_of_image(*answer);
        }
    }
    if (works.empty()) {
        return nullptr;
    }
    return answers[next_in_turn(works, known_only ? 0 : images_taken_)];
}

// Of the image that an answer has come to, in tokens. A tiled one has several chunks.
int32_t Engine::cost_of_image(const Answer & answer) {
    const auto & chunks = answer.prompt().chunks;
    const size_t image = chunks[answer.place.done.chunk].image;
    int32_t cost = 0;
    for (size_t i = answer.place.done.chunk; i < chunks.size(); i++) {
        if (chunks[i].media != nullptr && chunks[i].image == image) {
            cost += chunks[i].n_tokens * (chunks[i].embeddings ? 1 : 1 + encoding_weight);
        }
    }
    return cost;
}

// Fills in the embeddings of an image and, if the encoder takes several at once, of other pending images. They stay empty
// if the answer is cancelled meanwhile: the next round drops it.
void Engine::encode_image(const AnswerPtr & answer, Chunk & chunk) {
    if (is_encoded(*answer)) {
        return;
    }
    std::vector<WaitingImage> waiting{{answer, &chunk, chunk.pixels}};
    if (vision_->takes_several()) {
        add_waiting_images(waiting);
    }
    std::vector<const mtmd_input_chunk *> media;
    for (const auto & image : waiting) {
        media.push_back(image.pixels.get());
    }
    answer->encoding = true;
    const ImageTime time(*this);
    const auto begin = Clock::now();
    Clock::duration interrupted{};
    auto encoded = vision_->encode(media, [this, &waiting, &interrupted] {
        const auto paused_at = Clock::now();
        const bool goes_on = work_while_encoding() && is_wanted(waiting);
        interrupted += Clock::now() - paused_at;
        return goes_on;
    });
    answer->encoding = false;
    std::unordered_set<Request *> requests;
    for (const auto & [index, rows] : encoded) {
        requests.insert(waiting[index].answer->request.get());
    }
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin - interrupted).count();
    for (Request * request : requests) {
        request->encode_ms += ms;
    }
    for (const auto & [index, rows] : encoded) {
        waiting[index].answer->request->prompt.images[waiting[index].chunk->image].encode_ms +=
            ms / static_cast<double>(encoded.size());
    }
    work_done_.encodes += encoded.size();
    turns_.charge(answer->request->settings.client, encoding_weight * chunk.n_tokens);
    for (auto & [index, rows] : encoded) {
        work_done_.encoded_tokens += waiting[index].chunk->n_tokens;
        if (!are_numbers(rows)) {
            if (waiting[index].answer != answer) {
                continue;  // its own turn to fail comes
            }
            throw EngineError("generation_failed",
                              "The vision encoder computes no numbers for an image. The projector may be damaged (check it "
                              "with `vserve verify`), or its values overflow: try --mmproj-encoding f32 or another "
                              "--mmproj-quantization-encoding.");
        }
        set_embeddings(*waiting[index].answer->request, *waiting[index].chunk,
                       std::make_shared<const std::vector<float>>(std::move(rows)));
    }
}

// Whether anybody still waits for one of the images: those of a cancelled answer are encoded together with the others'.
bool Engine::is_wanted(const std::vector<WaitingImage> & images) {
    return std::any_of(images.begin(), images.end(), [](const auto & image) { return !image.answer->request->cancelled; });
}

// Gives an image's embeddings to every place where the prompt has it, and caches them once the image is complete.
void Engine::set_embeddings(Request & request, const Chunk & encoded, const Embeddings & rows) {
    const std::string key = encoded.image_key;
    for (auto & chunk : request.prompt.chunks) {
        if (chunk.media != nullptr && chunk.image_key == key) {
            chunk.set_embeddings(rows);
        }
    }
    keep_if_complete(request, encoded.image);
}

// Whether the embeddings of the image that an answer has come to are known.
bool Engine::is_encoded(const Answer & answer) {
    const Chunk & chunk = answer.chunk();
    return chunk.embeddings != nullptr || take_from_cache(*answer.request, chunk);
}

// The same image may have been encoded for another request since this one was prepared.
bool Engine::take_from_cache(Request & request, const Chunk & chunk) {
    const auto encoded = encoded_.find(request.settings.cache_salt, request.prompt.image_ids[chunk.image]);
    size_t i = 0;
    for (auto & part : request.prompt.chunks) {
        if (i < encoded.size() && part.media != nullptr && part.image == chunk.image) {
            part.set_embeddings(encoded[i++]);
        }
    }
    if (chunk.embeddings) {
        request.prompt.images[chunk.image].was_known = true;
    }
    return chunk.embeddings != nullptr;
}

// Adds the pending images of all running answers, without duplicates.
void Engine::add_waiting_images(std::vector<WaitingImage> & waiting) {
    for (const auto & answer : running_) {
        auto & chunks = answer->request->prompt.chunks;
        for (size_t i = answer->place.done.chunk; i < chunks.size(); i++) {
            const bool listed = std::any_of(waiting.begin(), waiting.end(), [&](const auto & image) {
                return image.chunk->image_key == chunks[i].image_key;
            });
            if (chunks[i].media != nullptr && !chunks[i].embeddings && !listed) {
                waiting.push_back({answer, &chunks[i], chunks[i].pixels});
            }
        }
    }
}

// Caches an image once all of its chunks (a tiled image has several) are encoded.
void Engine::keep_if_complete(const Request & request, size_t image) {
    std::vector<Embeddings> complete;
    for (const auto & part : request.prompt.chunks) {
        if (part.media != nullptr && part.image == image) {
            if (!part.embeddings) {
                return;
            }
            complete.push_back(part.embeddings);
        }
    }
    encoded_.insert(request.settings.cache_salt, request.prompt.image_ids[image], std::move(complete));
}

// Runs a step of the other answers from inside the encoder. Never throws: the callers include C code of ggml. Returns
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

bool Engine::others_generate(const Answer & answer) const {
    return std::any_of(running_.begin(), running_.end(), [&answer](const auto & other) {
        return other.get() != &answer && other->decoding() && !other->request->cancelled;
    });
}

std::vector<llama_pos> Engine::image_positions(const Chunk & chunk, llama_pos first) const {
    return vserve::image_positions(vision_->context(), chunk, first);
}

// Decodes an image whose tokens attend to one another. The rows of other images are shared out to the steps, like text.
void Engine::decode_whole_image(const AnswerPtr & answer) {
    if (!answer->at_image() || !answer->chunk().embeddings || answer->place.slot < 0) {
        return;  // cancelled or preempted while its image was encoded
    }
    const Chunk & chunk = answer->chunk();
    if (!attends_both_ways(chunk)) {
        return;
    }
    struct Decoding {
        bool & flag;
        ~Decoding() { flag = false; }
    } const until_done{decoding_image_};
    decoding_image_ = true;
    if (!others_generate(*answer) || !decode_image_aside(answer, chunk)) {
        decode_rows(answer, chunk.n_tokens);
    }
}

// Decodes the rows of an image that are the step's share.
void Engine::decode_image_share() {
    const auto [answer, count] = image_share_;
    if (!answer || answer->place.slot < 0 || answer->request->cancelled) {
        return;
    }
    try {
        decode_rows(answer, count);
    } catch (...) {
        fail(answer, engine_error_of(std::current_exception()));
    }
    flush_events();
}

// Decodes the next `count` rows of the image that an answer has come to.
void Engine::decode_rows(const AnswerPtr & answer, int32_t count) {
    const Chunk & chunk = answer->chunk();
    const auto positions = image_positions(chunk, answer->place.n_pos);
    const int32_t first = answer->place.done.chunk_tokens;
    const bool is_whole = first + count == chunk.n_tokens;
    const bool ends_prompt = is_whole && answer->is_last_chunk();
    Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                   static_cast<int>(positions.size() / chunk.n_tokens), first, count, answer->place.slot,
                                   ends_prompt);
    const int status = [&] {
        const Bidirectional attention(context_.get(), attends_both_ways(chunk));
        return decode(rows.rows(), {answer});
    }();
    if (status != 0) {
        answer->place.done.chunk_tokens = 0;
        cache_->take_back(answer->place.slot, 0, answer->place.n_pos);
        if (!is_given_up(status, {answer})) {
            recover_image(answer, status);
        }
        return;
    }
    turns_.charge(answer->request->settings.client, count);
    work_done_.prompt_tokens += count;
    answer->place.done.chunk_tokens += count;
    cache_->set_torn(answer->place.slot, !is_whole);  // before the last row, its cells are useless to others
    if (is_whole) {
        image_decoded(*answer, chunk);
    }
    report_progress(*answer);
    if (ends_prompt) {
        sample(rows_of({{answer, -1}}));
    }
    end_trials({answer});
}

// Called when the cells of the image are in the answer's slot.
void Engine::image_decoded(Answer & answer, const Chunk & chunk) {
    cache_->append_image(answer.place.slot, chunk);
    answer.place.n_pos += chunk.n_pos;
    const auto & chunks = answer.prompt().chunks;
    const size_t image = chunk.image;
    answer.place.done.chunk++;
    answer.place.done.chunk_tokens = 0;
    const bool goes_on = std::any_of(chunks.begin() + static_cast<std::ptrdiff_t>(answer.place.done.chunk), chunks.end(),
                                     [image](const auto & later) { return later.media != nullptr && later.image == image; });
    if (!goes_on) {  // the last of its tiles: prompts part ways here
        cache_->keep_checkpoint(answer.place.slot);
    }
}

// Decodes an image in a second context while the others generate. Returns whether the answer needs nothing more.
bool Engine::decode_image_aside(const AnswerPtr & answer, const Chunk & chunk) {
    if (!image_prefill_ || answer->is_last_chunk()) {  // the last is followed by a token, which needs the main context
        return false;
    }
    const uint32_t admission = answer->admissions;
    const auto positions = image_positions(chunk, answer->place.n_pos);
    Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                   static_cast<int>(positions.size() / chunk.n_tokens), 0, chunk.n_tokens,
                                   ImagePrefill::whole, false);
    answer->encoding = true;
    const ImageTime time(*this);
    llama_adapter_lora * adapter = adapters_.find(answer->request->settings.adapter);
    const auto result = image_prefill_->run(context_.get(), answer->place.slot, rows.rows(), adapter, [this, &answer, admission] {
        // The answer may be preempted meanwhile.
        return work_while_encoding() && !answer->request->cancelled && answer->place.slot >= 0 &&
               answer->admissions == admission;
    });
    answer->encoding = false;
    if (result == ImagePrefill::Result::done) {
        turns_.charge(answer->request->settings.client, chunk.n_tokens);
        work_done_.prompt_tokens += chunk.n_tokens;
        image_decoded(*answer, chunk);
        report_progress(*answer);
    } else if (result == ImagePrefill::Result::lost) {
        cache_->set_torn(answer->place.slot, true);
        push_out(answer);
    }
    return result != ImagePrefill::Result::impossible;
}

}  // namespace vserve
