#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "batch.h"
#include "client-turns.h"
#include "embed-queue.h"
#include "embedding-cache.h"
#include "engine.h"
#include "error.h"
#include "image-placement.h"
#include "llama.h"
#include "prompt.h"
#include "thread-pool.h"
#include "vision.h"

namespace vserve {

struct EmbedderOptions {
    std::string mmproj_path;  // empty: text only
    ImagePlacement placement;
    int32_t max_length = 0;     // tokens of one input
    int32_t max_sequences = 1;  // inputs of one batch
    int32_t n_threads = 1;
    bool use_gpu = false;
    enum llama_pooling_type pooling = LLAMA_POOLING_TYPE_MEAN;
    bool is_causal = false;  // its tokens attend to those before them only
    llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
    llama_flash_attn_type encoder_flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
    Vision::Encoding mmproj_encoding = Vision::Encoding::automatic;
    ProcessorChanges image_defaults{};  // as of an engine
    ProcessorChanges largest_image{};
    size_t cached_images = 0;       // limits of the embedding cache
    size_t cached_image_bytes = 0;
    bool dry_run = false;           // only to see whether it can be loaded: see dry-run.cpp
};

// An input to embed. What becomes of it is told once, on the embedder's thread.
struct EmbedJob {
    Prompt prompt;
    Client client;
    std::string cache_salt;
    std::atomic<bool> cancelled{false};
    std::function<void(std::vector<float> vector, std::optional<EngineError> error)> on_done;
};

// Computes one vector for each input, of unit length, in a context of its own. Short inputs are computed together, and
// clients take turns. One thread computes; with an Engine of the same model it shares the weights, the vision encoder and
// the cache of encoded images.
class Embedder {
  public:
    // `model` must outlive it. Without an engine it loads the projector itself, if there is one. Throws EngineError:
    // out_of_memory, model_load_failed.
    Embedder(llama_model * model, EmbedderOptions options, std::shared_ptr<Engine> engine = nullptr);
    ~Embedder();
    Embedder(const Embedder &) = delete;
    Embedder & operator=(const Embedder &) = delete;

    // Builds the prompt of an input. Any thread. Throws EngineError, Cancelled.
    void prepare(EmbedJob & job, const std::vector<PromptPiece> & pieces, const std::vector<Image> & images) const;
    void submit(std::shared_ptr<EmbedJob> job);
    // Ends every input with model_closed and joins the thread. A second call does nothing.
    void stop();

    int32_t dimensions() const { return llama_model_n_embd_out(model_); }
    int32_t vocabulary_size() const { return llama_vocab_n_tokens(llama_model_get_vocab(model_)); }
    int32_t max_length() const { return options_.max_length; }
    bool sees_images() const { return sees_images_; }
    const PromptBuilder & prompts() const { return *prompts_; }

  private:
    using JobPtr = std::shared_ptr<EmbedJob>;

    void load();
    PromptBuilder::Images load_projector();
    void create_context();
    void try_token();
    void run();
    std::vector<JobPtr> next_jobs();
    std::vector<JobPtr> take(const std::vector<uint64_t> & ids);
    void compute(const std::vector<JobPtr> & jobs);
    void compute_together(const std::vector<JobPtr> & jobs);
    void compute_in_pieces(const JobPtr & job);
    void encode_images(EmbedJob & job);
    std::vector<float> encode(const EmbedJob & job, const Chunk & chunk);
    void decode_image(const Chunk & chunk, llama_pos & n_pos, bool is_last);
    void decode(llama_batch batch);
    std::vector<float> vector_of(llama_seq_id sequence) const;
    bool goes_together(const EmbedJob & job) const;

    llama_model * model_;
    EmbedderOptions options_;
    std::shared_ptr<Engine> engine_;       // null where it works alone
    std::unique_ptr<ThreadPool> threads_;  // must outlive what it is attached to
    std::unique_ptr<Vision> vision_;       // of its own
    const mtmd_context * images_ = nullptr;  // its own, or the engine's; null for text only
    std::unique_ptr<llama_context, decltype(&llama_free)> context_{nullptr, llama_free};
    EmbeddingCache own_encoded_;
    EmbeddingCache & encoded_;
    std::unique_ptr<PromptBuilder> prompts_;
    int32_t batch_tokens_ = 0;
    bool in_pieces_ = false;  // inputs longer than a batch can be computed
    bool sees_images_ = false;

    std::mutex mutex_;
    std::condition_variable work_;
    EmbedQueue queue_;                             // guarded by mutex_
    std::unordered_map<uint64_t, JobPtr> waiting_;  // likewise: those in the queue
    uint64_t last_id_ = 0;                         // likewise
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace vserve
