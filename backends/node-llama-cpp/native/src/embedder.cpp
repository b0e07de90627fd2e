#include "embedder.h"

#include <algorithm>
#include <cmath>

#include "bidirectional.h"
#include "dry-run-nodes.h"
#include "image-positions.h"
#include "image-processor.h"
#include "loaded-thread.h"

namespace vserve {

namespace {

// Of a model that reads from left to right: its logits are computed with the vectors, a row for each token of a batch.
constexpr int32_t causal_batch_tokens = 512;

// Once: what is told may hold the job.
void tell(EmbedJob & job, std::vector<float> vector, std::optional<EngineError> error) {
    const auto on_done = std::move(job.on_done);
    job.on_done = nullptr;
    on_done(std::move(vector), std::move(error));
}

}  // namespace

Embedder::Embedder(llama_model * model, EmbedderOptions options, std::shared_ptr<Engine> engine)
    : model_(model),
      options_(std::move(options)),
      engine_(std::move(engine)),
      own_encoded_(options_.cached_images, options_.cached_image_bytes),
      encoded_(engine_ ? engine_->encoded() : own_encoded_) {
    thread_ = start_loaded([this] { load(); }, [this] { run(); });
}

Embedder::~Embedder() {
    stop();
}

void Embedder::load() {
    threads_ = std::make_unique<ThreadPool>(options_.n_threads, false);
    auto images = engine_ ? engine_->images() : load_projector();
    images_ = images.vision;
    const auto samples = images.sample_sizes;
    const auto largest = images.largest;
    prompts_ = std::make_unique<PromptBuilder>(model_, std::move(images), encoded_);
    batch_tokens_ = options_.max_length;
    in_pieces_ = options_.is_causal && options_.pooling == LLAMA_POOLING_TYPE_LAST;
    if (in_pieces_) {
        batch_tokens_ = std::min(batch_tokens_, causal_batch_tokens);
        if (images_ != nullptr && mtmd_decode_use_non_causal(images_, nullptr)) {
            batch_tokens_ = std::max(batch_tokens_, most_image_tokens(images_, samples, &largest));
        }
    }
    create_context();
    sees_images_ = images_ != nullptr && in_pieces_;
    if (options_.dry_run) {
        try_token();
    }
}

PromptBuilder::Images Embedder::load_projector() {
    if (options_.mmproj_path.empty()) {
        return {nullptr, options_.placement, {}, {}, {}};
    }
    vision_ = std::make_unique<Vision>(
        model_, Vision::Options{options_.mmproj_path, options_.use_gpu, options_.n_threads, options_.encoder_flash_attention,
                                options_.mmproj_encoding, options_.image_defaults, options_.dry_run, [](float) {}});
    const int32_t most = std::max(1, options_.max_length / 2);
    follow_processor(vision_->context(), vision_->processor_settings(), most);
    if (!options_.placement.slot.empty()) {
        leave_boundaries_to_prompt(vision_->context());
    }
    threads_->attach_to(vision_->cpu_backend());
    vision_->ask_for_threads([this] { return options_.n_threads; });
    if (options_.dry_run) {
        vision_->warm_up();
    }
    const ProcessorSettings & settings = vision_->processor_settings();
    const ProcessorSettings largest = bounded(vision_->context(), changed(settings, options_.largest_image),
                                              most_input_tokens(vision_->context(), settings, most));
    return {vision_->context(), options_.placement, settings, largest, sample_sizes(vision_->context(), largest, most)};
}

void Embedder::create_context() {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = std::max(options_.max_length, batch_tokens_);
    params.n_batch = batch_tokens_;
    params.n_ubatch = batch_tokens_;
    params.n_seq_max = options_.max_sequences;
    params.n_threads = options_.n_threads;
    params.n_threads_batch = options_.n_threads;
    params.embeddings = true;
    params.pooling_type = options_.pooling;
    params.flash_attn_type = options_.flash_attention;
    params.kv_unified = true;
    params.swa_full = true;
    params.no_perf = true;
    params.abort_callback = [](void * self) { return static_cast<Embedder *>(self)->stopping_.load(); };
    params.abort_callback_data = this;
    if (options_.dry_run) {
        params.cb_eval = leave_out_products;
    }
    context_.reset(llama_init_from_model(model_, params));
    if (!context_) {
        throw EngineError("out_of_memory", "There is not enough memory for embeddings of inputs of " +
                                               std::to_string(params.n_ctx) + " tokens. Lower --max-length.");
    }
    ThreadPool::attach(context_.get(), *threads_, *threads_);
}

// In a dry run.
void Embedder::try_token() {
    const llama_token bos = llama_vocab_bos(llama_model_get_vocab(model_));
    Batch batch(1);
    batch.add_token(bos == LLAMA_TOKEN_NULL ? 0 : bos, 0, 0, true);
    decode(batch.tokens());
}

void Embedder::prepare(EmbedJob & job, const std::vector<PromptPiece> & pieces, const std::vector<Image> & images) const {
    if (!images.empty() && !sees_images_) {
        throw EngineError("unsupported_capability",
                          images_ != nullptr ? "Images can be embedded with --pooling last only." : "This model embeds text only.");
    }
    Conversation conversation;
    conversation.prompt = pieces;
    job.prompt = prompts_->build(conversation, images, options_.max_length,
                                 [this, &job] { return stopping_ || job.cancelled; });
    if (job.prompt.is_cut || job.prompt.n_tokens > options_.max_length) {
        throw EngineError("context_length_exceeded",
                          "This model's maximum context length is " + std::to_string(options_.max_length) +
                              " tokens, and the input has " + std::string(job.prompt.is_cut ? "more than " : "") +
                              std::to_string(job.prompt.n_tokens) + ". Shorten it, or split it.");
    }
    if (!images.empty()) {
        prompts_->prepare_images(job.prompt, images, job.cache_salt);
    }
}

void Embedder::submit(JobPtr job) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!stopping_) {
            const uint64_t id = ++last_id_;
            queue_.add({id, job->client, job->prompt.n_tokens, goes_together(*job)});
            waiting_.emplace(id, std::move(job));
        }
    }
    if (job) {
        tell(*job, {}, EngineError("model_closed", "The model is closed."));
    }
    work_.notify_one();
}

void Embedder::stop() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
    }
    work_.notify_one();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Embedder::run() {
    while (true) {
        const auto jobs = next_jobs();
        if (jobs.empty()) {
            break;
        }
        compute(jobs);
    }
    for (const auto & job : take(queue_.take_all())) {
        tell(*job, {}, EngineError("model_closed", "The model was closed while the request was running."));
    }
}

bool Embedder::goes_together(const EmbedJob & job) const {
    return job.prompt.n_tokens <= batch_tokens_ && job.prompt.chunks.size() == 1 && job.prompt.chunks[0].media == nullptr;
}

// The inputs of the next batch. Empty when the embedder stops.
std::vector<Embedder::JobPtr> Embedder::next_jobs() {
    std::unique_lock<std::mutex> lock(mutex_);
    work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    return stopping_ ? std::vector<JobPtr>{} : take(queue_.take(options_.max_sequences, batch_tokens_));
}

std::vector<Embedder::JobPtr> Embedder::take(const std::vector<uint64_t> & ids) {
    std::vector<JobPtr> jobs;
    for (const uint64_t id : ids) {
        jobs.push_back(std::move(waiting_.at(id)));
        waiting_.erase(id);
    }
    return jobs;
}

// Tells what became of each input. What fails for several together is tried for each alone.
void Embedder::compute(const std::vector<JobPtr> & given) {
    std::vector<JobPtr> jobs;
    for (const auto & job : given) {
        if (job->cancelled) {
            tell(*job, {}, EngineError("request_cancelled", "The request was cancelled."));
        } else {
            jobs.push_back(job);
        }
    }
    if (jobs.empty()) {
        return;
    }
    std::vector<std::vector<float>> vectors;
    try {
        if (llama_memory_t memory = llama_get_memory(context_.get())) {
            llama_memory_clear(memory, false);
        }
        if (goes_together(*jobs.front())) {
            compute_together(jobs);
        } else {
            compute_in_pieces(jobs.front());
        }
        for (size_t i = 0; i < jobs.size(); i++) {
            vectors.push_back(vector_of(static_cast<llama_seq_id>(i)));
        }
    } catch (...) {
        if (jobs.size() > 1) {
            for (const auto & job : jobs) {
                compute({job});
            }
        } else {
            tell(*jobs.front(), {}, stopping_ ? EngineError("model_closed", "The model was closed.")
                                              : engine_error_of(std::current_exception()));
        }
        return;
    }
    for (size_t i = 0; i < jobs.size(); i++) {
        tell(*jobs[i], std::move(vectors[i]), std::nullopt);
    }
}

void Embedder::compute_together(const std::vector<JobPtr> & jobs) {
    Batch batch(batch_tokens_);
    for (size_t i = 0; i < jobs.size(); i++) {
        const auto & tokens = jobs[i]->prompt.chunks.front().tokens;
        for (size_t k = 0; k < tokens.size(); k++) {
            batch.add_token(tokens[k], static_cast<llama_pos>(k), static_cast<llama_seq_id>(i), true);
        }
    }
    decode(batch.tokens());
}

// An input that is longer than a batch, or has images. The vector is that of the last token.
void Embedder::compute_in_pieces(const JobPtr & job) {
    encode_images(*job);
    llama_pos n_pos = 0;
    for (const auto & chunk : job->prompt.chunks) {
        if (chunk.media != nullptr) {
            decode_image(chunk, n_pos, &chunk == &job->prompt.chunks.back());
            continue;
        }
        for (size_t at = 0; at < chunk.tokens.size(); at += batch_tokens_) {
            Batch batch(batch_tokens_);
            const size_t end = std::min(chunk.tokens.size(), at + batch_tokens_);
            for (size_t i = at; i < end; i++) {
                batch.add_token(chunk.tokens[i], n_pos++, 0, true);
            }
            decode(batch.tokens());
        }
    }
}

void Embedder::encode_images(EmbedJob & job) {
    for (auto & chunk : job.prompt.chunks) {
        if (chunk.media == nullptr || chunk.embeddings) {
            continue;
        }
        chunk.set_embeddings(std::make_shared<const std::vector<float>>(encode(job, chunk)));
    }
    for (size_t image = 0; image < job.prompt.image_ids.size(); image++) {
        std::vector<Embeddings> parts;
        for (const auto & chunk : job.prompt.chunks) {
            if (chunk.media != nullptr && chunk.image == image) {
                parts.push_back(chunk.embeddings);
            }
        }
        encoded_.insert(job.cache_salt, job.prompt.image_ids[image], std::move(parts));
    }
}

std::vector<float> Embedder::encode(const EmbedJob & job, const Chunk & chunk) {
    const auto is_wanted = [this, &job] { return !stopping_ && !job.cancelled; };
    if (engine_) {
        return engine_->encode(chunk.pixels, is_wanted);
    }
    auto encoded = vision_->encode({chunk.pixels.get()}, is_wanted);
    if (encoded.empty()) {
        throw EngineError("request_cancelled", "The request was cancelled.");
    }
    return std::move(encoded.front().rows);
}

void Embedder::decode_image(const Chunk & chunk, llama_pos & n_pos, bool is_last) {
    const auto positions = image_positions(images_, chunk, n_pos);
    const bool both_ways = mtmd_decode_use_non_causal(images_, chunk.media);
    const int32_t most = both_ways ? chunk.n_tokens : batch_tokens_;
    for (int32_t first = 0; first < chunk.n_tokens; first += most) {
        const int32_t count = std::min(most, chunk.n_tokens - first);
        Batch rows = Batch::image_rows(chunk.embeddings->data(), llama_model_n_embd_inp(model_), positions,
                                       static_cast<int>(positions.size() / chunk.n_tokens), first, count, 0, is_last);
        const Bidirectional attention(context_.get(), both_ways);
        decode(rows.rows());
    }
    n_pos += chunk.n_pos;
}

void Embedder::decode(llama_batch batch) {
    threads_->use(options_.n_threads);
    const int status = llama_get_memory(context_.get()) == nullptr ? llama_encode(context_.get(), batch)
                                                                    : llama_decode(context_.get(), batch);
    llama_synchronize(context_.get());
    if (status != 0) {
        throw EngineError("generation_failed", "llama.cpp could not compute the embedding (status " +
                                                   std::to_string(status) + ").");
    }
}

// Of unit length.
std::vector<float> Embedder::vector_of(llama_seq_id sequence) const {
    const float * pooled = llama_get_embeddings_seq(context_.get(), sequence);
    if (pooled == nullptr) {
        throw EngineError("generation_failed", "llama.cpp gave no embedding.");
    }
    std::vector<float> vector(pooled, pooled + dimensions());
    double sum = 0;
    for (const float value : vector) {
        sum += static_cast<double>(value) * value;
    }
    if (!std::isfinite(sum) || sum == 0) {
        throw EngineError("generation_failed", "The embedding has no numbers: the model file may be damaged.");
    }
    const double length = std::sqrt(sum);
    for (float & value : vector) {
        value = static_cast<float>(value / length);
    }
    return vector;
}

}  // namespace vserve
