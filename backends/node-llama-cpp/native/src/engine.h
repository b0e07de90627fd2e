#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "adapters.h"
#include "admission-order.h"
#include "answer.h"
#include "batch.h"
#include "client-turns.h"
#include "embedding-cache.h"
#include "engine-work.h"
#include "error.h"
#include "forced-tokens.h"
#include "grammar-cache.h"
#include "grammar-source.h"
#include "image-prefill.h"
#include "image-processor.h"
#include "kv-cache.h"
#include "llama.h"
#include "prompt.h"
#include "request.h"
#include "step-pace.h"
#include "step-plan.h"
#include "step-threads.h"
#include "thread-pool.h"
#include "vision.h"

namespace vserve {

// A text token of a prompt, and what the model made of it; nothing of the first one, and of one behind an image.
struct PromptReport {
    TokenLogit token;  // without its logit
    std::optional<TokenReport> report;
};

// What happened to an answer, or to all of a request, in a step. JavaScript gets all events of a step in one call.
struct Event {
    enum class Kind { progress, prefilled, delta, thought, call, finish, failure };

    uint64_t id;  // of the request
    Kind kind;
    int32_t index;                 // of the answer
    std::string text;              // delta, finish: text to show; failure: the message
    std::string reason;            // finish: "stop", "length" or "repetition"; failure: the error code
    int32_t prompt_tokens = 0;     // progress, finish
    int32_t cached_tokens = 0;     // progress, prefilled, finish: prompt tokens that were in the KV cache
    int32_t done_tokens = 0;       // progress: prompt tokens in the KV cache now
    std::vector<ImageReport> images{};  // prefilled: of the prompt, by order
    size_t cached_chunks = 0;           // likewise: chunks of the prompt that were in the KV cache
    int32_t completion_tokens = 0; // delta: tokens behind the text; finish: all of the answer
    uint64_t prefill_steps = 0;    // finish: from admission to the first token
    uint64_t decode_steps = 0;     // finish: from the first token to the last
    double queue_ms = 0;           // prefilled, finish: submission to admission
    double prefill_ms = 0;         // the same: admission to the first token; progress: admission to now
    double encode_ms = 0;          // prefilled, finish: of that, in the encoder for images of the request
    double decode_ms = 0;          // finish: first token to last
    int32_t thought_tokens = 0;          // finish: of completion_tokens
    int32_t call = 0;                    // call: its index; `text` is the next piece of its arguments
    std::string call_id{};               // call: what it begins with
    std::string call_name{};
    std::optional<std::string> stop_string{};  // finish: of the request, if one ended the answer
    std::optional<llama_token> stop_token{};   // likewise
    // Where asked for. On the tokens that the text of this and of earlier events shows, and that were not reported on yet.
    std::vector<TokenReport> reports{};
    std::vector<PromptReport> prompt_reports{};  // prefilled: where asked for
    std::vector<TokenReport> unshown_reports{};  // finish: on those of which no text is shown, as they ended the answer
};

struct EngineOptions {
    std::string mmproj_path;    // empty: text only
    std::string chat_template;  // in place of the model's own; empty: that
    ImagePlacement placement;
    int32_t context_cells = 0;      // KV cells: of each sequence, or shared by all
    bool separate_cells = false;    // each sequence has cells of its own
    int32_t max_length = 0;         // tokens that one sequence may hold
    int32_t max_sequences = 1;      // running at the same time
    int32_t batch_tokens = 1;       // limit of one step; raised to one for each sequence
    int32_t n_threads = 1;          // for batches of one token
    int32_t n_threads_batch = 1;    // for larger batches, and images
    bool threads_adapt = false;        // n_threads is a limit: fewer are used beside busy programs
    bool threads_batch_adapt = false;  // likewise n_threads_batch
    int32_t n_cpus = 1;             // available to this process
    std::string throttle_counter;   // cpu.stat of the control group that limits the CPU time; empty where none does
    bool use_gpu = false;
    ProcessorChanges image_defaults{};  // what images are prepared with in place of the processor's own settings
    ProcessorChanges largest_image{};   // what requests may ask for at most, as far as there is memory
    int32_t max_image_tokens = INT32_MAX;  // of one input of the encoder
    size_t encoder_bytes = SIZE_MAX;  // limit of what a picture is encoded in, where a smaller picture takes less
    llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;  // of the context
    llama_flash_attn_type encoder_flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
    ggml_type kv_type = GGML_TYPE_F16;
    bool keep_prefixes = true;      // reuse the KV cells of finished requests
    size_t copy_bytes = 0;          // limit for copies of KV cells outside of the context
    size_t cached_images = 0;       // limit of the embedding cache, in images
    size_t cached_image_bytes = 0;  // likewise, in bytes
    Vision::Encoding mmproj_encoding = Vision::Encoding::automatic;
    std::vector<llama_token> end_tokens;  // that end an answer, besides those that llama.cpp knows
    bool dry_run = false;       // checks the files without the weights: see dry-run.cpp
    std::function<void(float)> on_projector_progress;
    std::function<void(std::vector<Event> &&)> on_events;  // called on the engine thread
};

// Owns the context and the one thread that decodes. Each step decodes one batch for all running answers (next tokens first,
// then a share of the pending prompts: see step-plan.h), samples, and reports. Image tokens that attend only to what precedes
// them are shared out like those of text, in a batch of their own. While an image is encoded, the other answers continue:
// their steps run from inside the encoder.
//
// Each answer to a request has a place in the context, a turn and an end of its own. The first computes the prompt. The others
// wait for it, copy its cells, and draw their first tokens from the same row of logits.
//
// Nothing that one request does makes another one fail. Where they contend for something, they wait, or are computed again;
// what fails for several together is tried for each alone.
class Engine {
  public:
    // Allocates the context and loads the projector; `model` must outlive the engine. Throws EngineError.
    Engine(llama_model * model, EngineOptions options);
    ~Engine();
    Engine(const Engine &) = delete;
    Engine & operator=(const Engine &) = delete;

    // Held while an answer is prepared that takes long: decoding leaves one CPU free for it.
    class Preparing {
      public:
        explicit Preparing(Engine & engine) : count_(engine.preparing_) { count_++; }
        ~Preparing() { count_--; }
        Preparing(const Preparing &) = delete;
        Preparing & operator=(const Preparing &) = delete;

      private:
        std::atomic<int32_t> & count_;
    };

    // Builds the prompt of a request, and its answers. Any thread but the engine's. Throws EngineError, Cancelled.
    std::vector<std::shared_ptr<Answer>> prepare(const std::shared_ptr<Request> & request, const Conversation & conversation,
                                                 const std::vector<Image> & images) const;
    // The prompt that prepare() builds, the encoder's input for an image, and the tokens of a text: for comparison with
    // reference implementations. Any thread.
    Prompt prompt(const Conversation & conversation, const std::vector<Image> & images) const;
    std::vector<EncoderInput> prepare_image(const Image & image) const;
    std::vector<llama_token> tokens(const std::string & text, bool parse_special, bool add_special = false) const;
    // Tokens of a prompt, however long it is; its text, with `marker` in place of each image; the bytes of tokens. Any
    // thread. Throws EngineError, Cancelled.
    int32_t count_prompt(const Request & request, const Conversation & conversation, const std::vector<Image> & images) const;
    std::string prompt_text(const Conversation & conversation, size_t n_images, const std::string & marker) const;
    std::vector<std::string> pieces(const std::vector<llama_token> & tokens) const;
    // The embeddings of an image that was encoded for a request of this salt; empty if they are not cached. Any thread.
    std::vector<Embeddings> encoded_image(const std::string & salt, const std::string & image_id) {
        return encoded_.find(salt, image_id);
    }
    // For an Embedder of the same model, with `encoded()` and `encode()`: how images become parts of its prompts.
    PromptBuilder::Images images() const;
    EmbeddingCache & encoded() { return encoded_; }
    // Encodes an image, in turn with those of the answers, and waits for it. Any thread but the engine's. Throws
    // EngineError: generation_failed, model_closed; request_cancelled as soon as `is_wanted` returns false, which is called
    // on the engine's thread.
    std::vector<float> encode(std::shared_ptr<const mtmd_input_chunk> pixels, const std::function<bool()> & is_wanted);
    // The grammar of an answer, which many may share. Takes long for a large one. Any thread. Throws EngineError:
    // invalid_request.
    std::shared_ptr<const GrammarRules> compile_grammar(const GrammarSource & source) const;
    // Queues the answers to a request. Any thread.
    void submit(const std::vector<std::shared_ptr<Answer>> & answers);
    // Makes the engine check for cancelled requests. Any thread.
    void wake();
    // Loads a LoRA adapter, and returns its id for requests. Waits for the step that is computed: not on the engine's thread.
    // Throws EngineError model_load_failed, model_closed.
    uint64_t load_adapter(const std::string & path);
    // Likewise frees one, whose requests have ended. Throws EngineError model_closed.
    void unload_adapter(uint64_t id);
    // Drops the KV cells of finished requests. Any thread.
    void reset_prefix_cache();
    // Reserves CPUs for other work of the process while there are streams, from the next batch on. Any thread.
    void leave_cpus(int32_t count) { left_cpus_ = count; }
    // Ends every request with model_closed and joins the thread. A second call does nothing.
    void stop();

    struct Stats {
        size_t running;  // answers
        size_t queued;   // likewise
        int32_t threads;  // of the last batch
    };
    Stats stats() const;
    const EngineWork & work() const { return work_done_; }

    // Bytes in which the largest picture of at most `max_tokens` is encoded, alone, or with as many others as a GPU takes at
    // once. In a dry run only.
    size_t encoder_bytes(bool several, int32_t max_tokens);
    // The most tokens of a picture that have to be decoded together; 0 where they are decoded in pieces.
    int32_t whole_image_tokens() const;
    // The most tokens that a request may have of one input of the encoder; 0 without a projector.
    int32_t most_image_tokens() const;
    // Whether the model has thoughts, which can be told apart.
    bool thinks() const { return prompts_->format().thinks(); }
    const std::string & string_quote() const { return prompts_->format().string_quote(); }
    int32_t vocabulary_size() const { return llama_vocab_n_tokens(vocab_); }
    bool sees_images() const { return vision_ != nullptr; }
    // Vision::kernel_name; null also without a projector.
    const char * vision_kernel() const { return vision_ ? vision_->kernel_name() : nullptr; }

  private:
    // What answers with a format need of the vocabulary: some milliseconds, and megabytes.
    struct Vocabulary {
        Vocabulary(const llama_vocab * vocab, const std::vector<llama_token> & ends)
            : texts(std::make_shared<const TokenTexts>(vocab, ends)), forced(vocab, texts) {}
        std::shared_ptr<const TokenTexts> texts;
        ForcedTokens forced;
    };

    ProcessorSettings largest_image() const;
    std::vector<ImageSize> image_samples() const;

    using AnswerPtr = std::shared_ptr<Answer>;

    // Of llama_decode: no cells for the batch; ended by the abort callback; no memory to compute it. And one of our own, of
    // an exception.
    static constexpr int decode_no_room = 1;
    static constexpr int decode_aborted = 2;
    static constexpr int decode_no_memory = -2;
    static constexpr int decode_threw = -100;

    // How much longer a step with parts of prompts takes the streams, about. A prompt gets no fewer tokens for that, though:
    // reading the weights is most of the work for a few.
    static constexpr double most_pause_ms = 1000;
    // Rows of logits in a step for reports on a prompt: a row is as wide as the vocabulary.
    static constexpr int32_t most_prompt_rows = 32;
    static constexpr int32_t fewest_prompt_tokens = 16;

    // Tokens of prompts that a step may have while other answers generate. At least one: a prompt must not wait for the
    // end of the streams.
    int32_t prompt_tokens_beside_others() const {
        return std::max(1, std::min(options_.batch_tokens, pace_.most_prompt_tokens()));
    }

    void load();
    void fit_pictures();
    bool shrink_pictures();
    void bound_pictures(int32_t max_tokens);
    size_t picture_bytes(bool several, bool reserve);
    void create_context();
    ThreadPool & prefill_threads() { return prefill_threads_ ? *prefill_threads_ : *threads_; }
    void warm_up();
    void try_image();

    void run();
    void guard(const std::function<void()> & work);
    void admit();
    bool admit_next();
    bool awaits_prompt(const Answer & answer) const;
    std::vector<AnswerPtr> next_to_admit();
    void take_from_queue(const AnswerPtr & answer);
    void seat(const AnswerPtr & answer, const KvCache::Placement & placement);
    void empty_prefix_cache_if_asked();
    void drop_cancelled();
    void step();
    void bring_streams_together();
    std::vector<llama_seq_id> streams_to_bring_together() const;
    void use_adapter_of(const Answer & answer);
    void run_between_steps(std::function<void()> work);
    void run_errands();
    using Shares = std::vector<std::pair<AnswerPtr, int32_t>>;  // answers, and how many tokens of each
    Shares share_out_step(const std::vector<AnswerPtr> & answers);
    void compute_step(Shares shares);
    void fill_batch(Shares shares);
    int32_t share_out_draws(const std::vector<AnswerPtr> & answers, Shares & shares) const;
    void share_out_prompts(const std::vector<AnswerPtr> & answers, int32_t streams);
    int32_t ready_tokens(const Answer & answer);
    PromptWork work_of(const Answer & answer, int32_t ready_tokens) const;
    StepBudget prompt_budget(int32_t streams) const;
    void compute_batch();
    void take_batch_back(int status);
    void push_out_others();
    void recover(int status);
    bool recover_room();
    void push_out_torn();
    void recover_image(const AnswerPtr & answer, int status);
    void hold_back_youngest();
    void compute_one_by_one(int status);
    void try_torn_apart();
    void fail_to_decode(const AnswerPtr & answer, int32_t tokens, int status);
    std::vector<int32_t> message_ends(const Prompt & prompt) const;
    int32_t tokens_to_checkpoint(const Answer & answer) const;
    bool is_worth_a_checkpoint(const Answer & answer) const;
    void add_waiting_text(Answer & answer, int32_t limit);
    void choose_threads(int32_t n_tokens, const std::vector<AnswerPtr> & answers);
    int decode(const llama_batch & batch, const std::vector<AnswerPtr> & answers);
    using Output = std::pair<AnswerPtr, int32_t>;  // an answer, and the row of its logits in the last batch
    using Row = std::pair<AnswerPtr, float *>;     // an answer, and its logits
    std::unique_ptr<Sampler> sampler_for(const Request & request, int32_t index) const;
    std::unique_ptr<AnswerGrammar> grammar_for(const Request & request) const;
    const Vocabulary & vocabulary() const;
    struct Draw {
        std::vector<llama_token> tokens;
        size_t forced_tokens = 0;            // of these, for which there was no alternative
        std::optional<TokenReport> report;  // on the first of them, where asked for
        std::exception_ptr error;
    };
    std::vector<Row> rows_of(const std::vector<Output> & outputs) const;
    void sample(const std::vector<Row> & rows);
    void draw_first_tokens();
    void share_prompt(Answer & answer, const float * logits);
    std::vector<Draw> draw(const std::vector<Row> & rows);
    void find_out_alone();
    bool may_join(const Answer & answer) const;
    std::vector<AnswerPtr> computing() const;
    static void end_trials(const std::vector<AnswerPtr> & answers);
    void wipe_cells();
    Draw next_tokens(Answer & answer, float * logits) const;
    void force_tokens(Answer & answer, const std::vector<llama_token> & drawn) const;
    void take_tokens(const AnswerPtr & answer, Draw & draw);
    void take_token(const AnswerPtr & answer, llama_token token, std::optional<TokenReport> & report, bool completes);
    bool ends(const Answer & answer, llama_token token) const;
    std::string text_of(const Answer & answer, llama_token token) const;
    static bool may_stop(const Answer & answer);
    std::string show_token(Answer & answer, llama_token token, std::optional<TokenReport> & report);
    void hold_report(Answer & answer, std::optional<TokenReport> & report, size_t begin, std::string bytes);
    void check_end(const AnswerPtr & answer, bool completes);
    void report_prefilled(const Answer & answer);
    static bool reports_prompt(const Answer & answer);
    bool note_prompt_row(const Answer & answer, int32_t row);
    void take_prompt_rows();
    std::vector<PromptReport> prompt_reports(Request & request) const;
    void report_progress(const Answer & answer);
    void process_next_image();
    void decode_next_known_image();
    AnswerPtr next_image(bool known_only);
    static int32_t cost_of_image(const Answer & answer);
    void take_image(const AnswerPtr & answer);
    void decode_image_share();
    bool attends_both_ways(const Chunk & chunk) const;
    bool work_while_encoding();
    // While it lives, the image being encoded or decoded has as much time as the prompts computed beside it: after a step
    // with a part of a long prompt, none follows until the image had that long. Streams and short prompts go on.
    class ImageTime {
      public:
        explicit ImageTime(Engine & engine);
        ~ImageTime();
        ImageTime(const ImageTime &) = delete;
        ImageTime & operator=(const ImageTime &) = delete;

      private:
        Engine & engine_;
    };
    struct WaitingImage {
        AnswerPtr answer;
        Chunk * chunk;
        std::shared_ptr<const mtmd_input_chunk> pixels;  // the encoder reads them, whatever becomes of the chunk's own
    };
    // An image that somebody waits for who is no answer.
    struct ForeignImage {
        std::shared_ptr<const mtmd_input_chunk> pixels;
        std::function<bool()> is_wanted;
        std::promise<std::vector<float>> rows;
    };
    void encode_foreign_image();
    std::vector<float> encode_alone(const ForeignImage & image);
    void refuse_foreign_images();
    void encode_image(const AnswerPtr & answer, Chunk & chunk);
    bool is_encoded(const Answer & answer);
    bool take_from_cache(Request & request, const Chunk & chunk);
    void add_waiting_images(std::vector<WaitingImage> & waiting);
    static bool is_wanted(const std::vector<WaitingImage> & images);
    void set_embeddings(Request & request, const Chunk & encoded, const Embeddings & rows);
    void keep_if_complete(const Request & request, size_t image);
    void decode_whole_image(const AnswerPtr & answer);
    void decode_rows(const AnswerPtr & answer, int32_t count);
    bool decode_image_aside(const AnswerPtr & answer, const Chunk & chunk);
    void image_decoded(Answer & answer, const Chunk & chunk);
    std::vector<llama_pos> image_positions(const Chunk & chunk, llama_pos first) const;
    bool others_generate(const Answer & answer) const;
    bool shows(const Answer & answer, llama_token token) const;
    void prepare_reading(Request & request, const ReasoningSettings & reasoning) const;
    static void begin_reading(Answer & answer);
    static void end_thoughts_if_enough(Answer & answer);
    void tell(Answer & answer, llama_token token, std::optional<TokenReport> & report);
    void tell(Answer & answer, std::vector<ChatParser::Piece> pieces, int32_t tokens);
    const char * tell_rest(Answer & answer, const char * reason);

    bool make_room_for_next_tokens();
    void push_out(AnswerPtr answer);  // by value: it may be an element of running_, which it leaves
    void release(Answer & answer, bool keep);
    void finish(const AnswerPtr & answer, const char * reason, std::optional<llama_token> stop_token = std::nullopt);
    void fail(const AnswerPtr & answer, const std::string & code, const std::string & message);
    void fail(const AnswerPtr & answer, const EngineError & error);
    void flush_events();
    bool decode_is_pointless() const;
    bool is_given_up(int status, const std::vector<AnswerPtr> & answers) const;

    llama_model * model_;
    EngineOptions options_;
    const llama_vocab * vocab_;
    std::unique_ptr<ThreadPool> threads_;          // both must outlive what they are attached to
    std::unique_ptr<ThreadPool> prefill_threads_;  // null if the same size as threads_
    std::unique_ptr<StepThreads> step_threads_;
    std::unique_ptr<Vision> vision_;
    Adapters adapters_;  // must outlive the context
    std::unique_ptr<llama_context, decltype(&llama_free)> context_{nullptr, llama_free};
    std::unique_ptr<ImagePrefill> image_prefill_;  // null on a GPU
    int32_t max_image_tokens_;  // at most half of the context length
    EmbeddingCache encoded_;
    std::vector<llama_logit_bias> suppressed_;      // of tokens that the model file rules out
    std::vector<llama_token> ends_of_turn_;  // in order
    std::unique_ptr<DryFactory> dry_;
    std::unordered_set<llama_token> spoken_tokens_;  // control tokens that every answer shows
    std::unordered_map<std::string, llama_token> control_tokens_;  // by their texts
    std::unique_ptr<PromptBuilder> prompts_;
    mutable GrammarCache grammars_{16 << 20};
    mutable std::once_flag vocabulary_read_;
    mutable std::unique_ptr<Vocabulary> vocabulary_;

    // Used by the engine thread only.
    std::vector<AnswerPtr> running_;  // in order of admission
    std::unique_ptr<KvCache> cache_;
    Batch batch_;
    std::vector<AnswerPtr> batch_answers_;                  // those with tokens in the batch
    std::vector<Output> batch_outputs_;                         // those to sample
    struct PromptRow {
        std::shared_ptr<Request> request;
        int32_t row;
        size_t place;  // among the prompt's text tokens
        llama_token token;
    };
    std::vector<PromptRow> prompt_rows_;  // of the batch, to report on
    std::string decode_exception_;  // what llama_decode threw last
    StepPace pace_{most_pause_ms, fewest_prompt_tokens};
    double decode_ms_ = 0;  // of the last batch
    int32_t most_prompt_tokens_ = INT32_MAX;  // in a batch, while llama.cpp finds no room for more
    Shares prompt_shares_;  // tokens of the step's prompts
    std::pair<AnswerPtr, int32_t> image_share_;                 // rows of an image, after the batch; null for none
    ClientTurns turns_;            // of the running answers
    uint64_t steps_ = 0;
    uint64_t images_taken_ = 0;
    bool decoding_image_ = false;  // one whose tokens attend both ways: within it no other is begun
    Clock::duration owed_to_image_{0};
    Clock::time_point image_resumed_at_{};
    std::vector<Event> events_;
    // The answers llama_decode is working on, for the abort callback.
    const std::vector<AnswerPtr> * decoding_ = nullptr;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<AnswerPtr> queue_;  // guarded by mutex_
    std::deque<std::shared_ptr<ForeignImage>> foreign_images_;  // likewise
    std::deque<std::packaged_task<void()>> errands_;            // likewise: what is done between two steps
    size_t running_count_ = 0;       // guarded by mutex_
    bool woken_ = false;             // guarded by mutex_
    std::atomic<bool> reset_asked_{false};
    std::atomic<int32_t> left_cpus_{0};
    std::atomic<int32_t> preparing_{0};
    std::atomic<int32_t> batch_threads_{0};
    EngineWork work_done_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace vserve
