#include "engine.h"

#include <algorithm>
#include <cmath>
#include <future>

#include "error.h"

namespace vserve {

namespace {

// In units of Sampler::cost(): about 0.2 ms, the time it takes to wake the other threads.
constexpr int64_t worth_sharing = 1 << 20;

double ms_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Engine::Engine(llama_model * model, EngineOptions options)
    : model_(model),
      options_(std::move(options)),
      vocab_(llama_model_get_vocab(model)),
      encoded_(options_.cached_images, options_.cached_image_bytes) {
    // ggml pins the thread that creates a pool, or computes, to a CPU: keep all of that on the engine thread.
    std::promise<void> loaded;
    thread_ = std::thread([this, &loaded] {
        try {
            load();
        } catch (...) {
            loaded.set_exception(std::current_exception());
            return;
        }
        loaded.set_value();
        run();
    });
    try {
        loaded.get_future().get();
    } catch (...) {
        thread_.join();
        throw;
    }
}

Engine::~Engine() {
    stop();
}

void Engine::load() {
    if (!options_.mmproj_path.empty()) {
        vision_ = std::make_unique<Vision>(
            model_, Vision::Options{options_.mmproj_path, options_.use_gpu, options_.n_threads_batch,
                                    options_.encoder_flash_attention, options_.mmproj_encoding, options_.dry_run,
                                    options_.on_projector_progress});
        follow_processor(vision_->context(), vision_->processor_settings(), max_image_tokens());
        if (!options_.placement.slot.empty()) {
            leave_boundaries_to_prompt(vision_->context());
        }
    }
    create_context();
    prompts_ = std::make_unique<PromptBuilder>(model_, vision_ ? vision_->context() : nullptr, options_.placement,
                                               encoded_);
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab_); token++) {
        if (llama_vocab_is_eog(vocab_, token)) {
            no_end_of_turn_.push_back({token, -INFINITY});
        }
        const auto & spoken = options_.placement.spoken;
        if (std::find(spoken.begin(), spoken.end(), llama_vocab_get_text(vocab_, token)) != spoken.end()) {
            spoken_tokens_.insert(token);
        }
    }
    warm_up();
    if (options_.dry_run && vision_) {
        try_image();
    }
    cache_ = std::make_unique<KvCache>(context_.get(),
                                       KvCache::Options{options_.context_cells, options_.max_sequences,
                                                        options_.keep_prefixes, options_.copy_bytes});
}

void Engine::create_context() {
    // Image tokens that attend to one another must be decoded in one piece.
    if (vision_ && mtmd_decode_use_non_causal(vision_->context(), nullptr)) {
        options_.batch_tokens = std::max(options_.batch_tokens, most_image_tokens(vision_->context()));
    }
    llama_context_params params = llama_context_default_params();
    params.n_ctx = options_.context_cells;
    params.n_batch = options_.batch_tokens;
    params.n_ubatch = options_.batch_tokens;
    params.n_seq_max = options_.max_sequences + 1;  // the last is the scratch sequence of ImagePrefill
    params.n_outputs_max = params.n_seq_max;
    params.n_threads = options_.n_threads;
    params.n_threads_batch = options_.n_threads_batch;
    params.flash_attn_type = options_.flash_attention;
    params.type_k = options_.kv_type;
    params.type_v = options_.kv_type;
    params.kv_unified = true;
    params.swa_full = false;
    params.no_perf = true;
    params.abort_callback = [](void * self) { return static_cast<Engine *>(self)->decode_is_pointless(); };
    params.abort_callback_data = this;
    if (options_.dry_run) {
        params.cb_eval = leave_out_products;
    }
    threads_ = std::make_unique<ThreadPool>(options_.n_threads);
    if (options_.n_threads_batch != options_.n_threads) {
        prefill_threads_ = std::make_unique<ThreadPool>(options_.n_threads_batch);
    }
    context_.reset(llama_init_from_model(model_, params));
    if (!context_) {
        throw EngineError("out_of_memory", "There is not enough memory for a context of " +
                                               std::to_string(options_.context_cells) +
                                               " tokens in " + ggml_type_name(options_.kv_type) +
                                               ", or the device does not support flash attention with this cache type. Lower "
                                               "--max-length or --max-batch-size, or omit --kv-cache-format.");
    }
    ThreadPool::attach(context_.get(), *threads_, prefill_threads());
    const StepThreads::Limits limits{options_.n_threads, options_.n_threads_batch, options_.threads_adapt,
                                     options_.threads_batch_adapt};
    step_threads_ = std::make_unique<StepThreads>(limits, static_cast<double>(llama_model_n_params(model_)), *threads_,
                                                  prefill_threads());
    if (vision_) {
        prefill_threads().attach_to(vision_->cpu_backend());
        vision_->ask_for_threads([this] { return step_threads_->for_images(); });
        const bool recurrent = llama_model_is_recurrent(model_) || llama_model_is_hybrid(model_);
        if (!options_.use_gpu && !recurrent && !options_.dry_run) {
            image_prefill_ = std::make_unique<ImagePrefill>(model_, params, *step_threads_);
        }
    }
}

// The first decode allocates memory and, on a GPU, compiles: do that before the first request.
void Engine::warm_up() {
    llama_token token = llama_vocab_bos(vocab_) == LLAMA_TOKEN_NULL ? 0 : llama_vocab_bos(vocab_);
    batch_.add_token(token, 0, 0, true);
    const int status = llama_decode(context_.get(), batch_.tokens());
    llama_memory_seq_rm(llama_get_memory(context_.get()), 0, -1, -1);  // llama_memory_clear would zero all cells, which is slow
    llama_synchronize(context_.get());
    if (status != 0) {
        throw EngineError("model_load_failed", "The model was loaded, but failed to compute a token (llama_decode "
                                               "returned " + std::to_string(status) + ").");
    }
    if (vision_ && options_.use_gpu) {
        vision_->warm_up();
    }
}

// In a dry run: takes an image through the whole encoder. A template that rejects the conversation is fine.
void Engine::try_image() {
    constexpr uint32_t width = 448;
    constexpr uint32_t height = 336;
    const std::vector<uint8_t> black(width * height * 3);
    const std::vector<Image> images{{black.data(), width, height, "black"}};
    const Conversation conversation{{{"user", {{"", 0}, {"What is it?", -1}}}}};
    try {
        Prompt prompt = prompts_->build(conversation, images, options_.max_length, [this] { return stopping_.load(); });
        prompts_->prepare_images(prompt, images);
        for (const auto & chunk : prompt.chunks) {
            if (chunk.pixels != nullptr) {
                vision_->encode({chunk.pixels}, [] { return true; });
            }
        }
    } catch (const EngineError & error) {
        if (error.code != "chat_template_failed") {
            throw;
        }
    }
}

Prompt Engine::prompt(const Conversation & conversation, const std::vector<Image> & images) const {
    return prompts_->build(conversation, images, options_.max_length, [this] { return stopping_.load(); });
}

std::vector<llama_token> Engine::tokens(const std::string & text, bool parse_special) const {
    const std::function<bool()> is_stopping = [this] { return stopping_.load(); };
    const auto scope = prompts_->tokenizer().scope(is_stopping, SIZE_MAX);
    return prompts_->tokenizer().tokenize({{text, parse_special, -1}});
}

std::vector<EncoderInput> Engine::prepare_image(const Image & image) const {
    if (!vision_) {
        return {};
    }
    return vserve::prepare_image(vision_->context(), vision_->processor_settings(), max_image_tokens(), image.rgb,
                                 image.width, image.height);
}

void Engine::prepare(Sequence & sequence, const Conversation & conversation,
                     const std::vector<Image> & images) const {
    sequence.prompt = prompts_->build(conversation, images, options_.max_length,
                                      [this, &sequence] { return stopping_ || sequence.cancelled; });
    const int32_t n_tokens = sequence.prompt.n_tokens;
    if (n_tokens >= options_.max_length) {
        throw EngineError("context_length_exceeded",
                          // Clients tell this error by its first words.
                          "This model's maximum context length is " + std::to_string(options_.max_length) +
                              " tokens, the answer included, and the prompt has " +
                              std::string(sequence.prompt.is_cut ? "more than " : "") + std::to_string(n_tokens) +
                              ". Shorten the conversation or send fewer images" +
                              (options_.max_length < llama_model_n_ctx_train(model_)
                                   ? ", or start the server with a larger --max-length."
                                   : "."));
    }
    // After the length check: this is most of the work.
    prompts_->prepare_images(sequence.prompt, images);
    common_params_sampling params = sequence.settings.sampling;
    params.penalty_last_n = options_.max_length;
    if (sequence.settings.ignore_eos) {
        params.logit_bias.insert(params.logit_bias.end(), no_end_of_turn_.begin(), no_end_of_turn_.end());
    }
    sequence.sampler = std::make_unique<Sampler>(model_, params);
    if (sequence.settings.penalize_prompt) {
        for (const auto & chunk : sequence.prompt.chunks) {
            for (const llama_token token : chunk.tokens) {
                sequence.sampler->accept(token, false);
            }
        }
    }
}

void Engine::submit(SequencePtr sequence) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_back(std::move(sequence));
        woken_ = true;
    }
    work_.notify_one();
}

void Engine::wake() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        woken_ = true;
    }
    work_.notify_one();
}

void Engine::reset_prefix_cache() {
    reset_asked_ = true;
    wake();
}

void Engine::stop() {
    stopping_ = true;
    wake();
    if (thread_.joinable()) {
        thread_.join();
    }
}

Engine::Stats Engine::stats() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return {running_count_, queue_.size(), batch_threads_};
}

// The engine thread.
void Engine::run() {
    while (!stopping_) {
        {
            std::unique_lock<std::mutex> lock(mutex_);
            work_.wait(lock, [this] { return stopping_ || woken_ || !running_.empty(); });
            woken_ = false;
        }
        guard([this] {
            empty_prefix_cache_if_asked();
            drop_cancelled();
            admit();
            step();
            process_next_image();
            flush_events();
        });
    }
    std::deque<SequencePtr> left;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        left.swap(queue_);
    }
    left.insert(left.end(), running_.begin(), running_.end());
    for (const auto & sequence : left) {
        fail(sequence, "model_closed", "The model was closed while the request was running.");
    }
    flush_events();
}

// No exception may escape and end the process. An error that cannot be attributed to particular sequences fails all
// running ones.
void Engine::guard(const std::function<void()> & work) {
    try {
        work();
    } catch (...) {
        const auto error = engine_error_of(std::current_exception());
        const auto running = running_;
        for (const auto & sequence : running) {
            fail(sequence, error);
        }
        flush_events();
    }
}

// Admits sequences in order while there is a slot, and room for the prompt and one more token.
void Engine::admit() {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (!queue_.empty()) {
        const SequencePtr sequence = queue_.front();
        std::optional<KvCache::Placement> placement;
        try {
            placement = cache_->place(sequence->prompt, sequence->settings.cache_salt, sequence->total_tokens() + 1);
        } catch (...) {
            queue_.pop_front();
            fail(sequence, engine_error_of(std::current_exception()));
            continue;
        }
        if (!placement) {
            break;
        }
        queue_.pop_front();
        sequence->admissions++;
        sequence->slot = placement->slot;
        sequence->chunk = placement->chunk;
        sequence->chunk_tokens = placement->chunk_tokens;
        sequence->n_pos = placement->n_pos;
        sequence->generated_in_cache = 0;
        if (sequence->generated.empty()) {
            sequence->admitted_at = Clock::now();
            sequence->cached_tokens = placement->cached_tokens;
        }
        running_.push_back(sequence);
    }
    running_count_ = running_.size();
}

void Engine::empty_prefix_cache_if_asked() {
    if (reset_asked_.exchange(false)) {
        cache_->clear_idle();
    }
}

void Engine::drop_cancelled() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.erase(std::remove_if(queue_.begin(), queue_.end(), [](const auto & s) { return s->cancelled.load(); }),
                     queue_.end());
    }
    const auto running = running_;
    for (const auto & sequence : running) {
        // A sequence whose image is being encoded finishes that first.
        if (sequence->cancelled && !sequence->encoding) {
            release(*sequence, true);
        }
    }
}

// One step: decodes a batch for all sequences, then samples their next tokens. An error fails the sequences of the batch.
void Engine::step() {
    batch_sequences_.clear();
    try {
        step_or_throw();
    } catch (...) {
        if (batch_sequences_.empty()) {
            throw;
        }
        const auto error = engine_error_of(std::current_exception());
        const auto failed = batch_sequences_;
        for (const auto & sequence : failed) {
            fail(sequence, error);
        }
        flush_events();
    }
}

void Engine::step_or_throw() {
    if (!make_room_for_next_tokens()) {
        return;
    }
    fill_batch();
    if (batch_.size() == 0) {
        return;
    }
    const int status = decode(batch_.tokens(), batch_sequences_);
    if (status == 0) {
        std::vector<SequencePtr> prefilled;
        std::copy_if(batch_sequences_.begin(), batch_sequences_.end(), std::back_inserter(prefilled),
                     [](const auto & sequence) { return sequence->generated.empty(); });
        sample_batch();
        flush_events();
        for (const auto & sequence : prefilled) {
            if (sequence->slot >= 0) {
                cache_->keep_checkpoint(sequence->slot);
            }
        }
        return;
    }
    for (const auto & sequence : batch_sequences_) {
        const int32_t tokens = sequence->batch_tokens;
        sequence->cache_broken = !cache_->take_back(sequence->slot, tokens, sequence->n_pos - tokens);
    }
    if (status == 2 || stopping_) {  // aborted: all sequences in the batch were cancelled
        return;
    }
    const auto failed = batch_sequences_;
    for (const auto & sequence : failed) {
        fail(sequence, "generation_failed", "llama.cpp could not decode a batch of " + std::to_string(batch_.size()) +
                                                " tokens (llama_decode returned " + std::to_string(status) + ").");
    }
}

void Engine::fill_batch() {
    batch_.clear();
    batch_sequences_.clear();
    batch_outputs_.clear();
    for (const auto & sequence : running_) {
        if (sequence->decoding()) {
            batch_sequences_.push_back(sequence);
            add_waiting_text(*sequence, 1);
            batch_outputs_.emplace_back(sequence, batch_.size() - 1);
        }
    }
    // At least one token more: a prompt must not wait for the end of the streams.
    const int32_t beside_others = std::max(1, options_.batch_tokens / chunks_beside_others);
    const int32_t limit = batch_.size() == 0 ? options_.batch_tokens
                                             : std::min(options_.batch_tokens, batch_.size() + beside_others);
    for (const auto & sequence : running_) {
        if (batch_.size() >= limit) {
            break;
        }
        if (sequence->encoding || sequence->waiting_tokens() == 0 || sequence->decoding()) {
            continue;
        }
        batch_sequences_.push_back(sequence);
        add_waiting_text(*sequence, limit - batch_.size());
        if (sequence->chunk == sequence->prompt.chunks.size() && sequence->waiting_tokens() == 0) {
            batch_outputs_.emplace_back(sequence, batch_.size() - 1);
        }
    }
}

// Moves up to `limit` tokens of a sequence's queue into the batch. The last token of the queue requests logits.
void Engine::add_waiting_text(Sequence & sequence, int32_t limit) {
    const int32_t count = std::min(limit, sequence.waiting_tokens());
    sequence.batch_tokens = count;
    for (int32_t i = 0; i < count; i++) {
        const bool in_prompt = sequence.chunk < sequence.prompt.chunks.size();
        const llama_token token = in_prompt ? sequence.prompt.chunks[sequence.chunk].tokens[sequence.chunk_tokens]
                                            : sequence.generated[sequence.generated_in_cache];
        if (!in_prompt) {
            sequence.generated_in_cache++;
        } else if (++sequence.chunk_tokens == sequence.prompt.chunks[sequence.chunk].n_tokens) {
            sequence.chunk++;
            sequence.chunk_tokens = 0;
        }
        const bool last = sequence.chunk == sequence.prompt.chunks.size() &&
                          sequence.generated_in_cache == sequence.generated.size();
        batch_.add_token(token, sequence.n_pos++, sequence.slot, last);
        cache_->append_token(sequence.slot, token);
    }
}

// ggml's threads spin while they wait for each other: one that shares its CPU with other work stalls all of them for whole
// time slices. With one thread less the streams stay even, and the other work finishes sooner. Without streams an even pace
// is worth nothing.
void Engine::choose_threads(int32_t n_tokens, const std::vector<SequencePtr> & sequences) {
    const bool streams = std::any_of(sequences.begin(), sequences.end(),
                                     [](const auto & sequence) { return !sequence->generated.empty(); });
    const int32_t left = streams ? left_cpus_ + preparing_ : 0;
    const int32_t most = left > 0 ? std::max(1, options_.n_cpus - left) : INT32_MAX;
    batch_threads_ = step_threads_->begin(n_tokens, most);
    llama_set_n_threads(context_.get(), batch_threads_, batch_threads_);
}

int Engine::decode(const llama_batch & batch, const std::vector<SequencePtr> & sequences) {
    choose_threads(batch.n_tokens, sequences);
    struct Decoding {
        const std::vector<SequencePtr> *& current;
        ~Decoding() { current = nullptr; }
    } const until_done{decoding_ = &sequences};
    const auto begin = Clock::now();
    const int status = llama_decode(context_.get(), batch);
    if (status == 0) {
        llama_synchronize(context_.get());
        step_threads_->end(ms_between(begin, Clock::now()));
    }
    return status;
}

// Called by llama.cpp between graph nodes on the CPU. True when every sequence of the batch was cancelled.
bool Engine::decode_is_pointless() const {
    if (stopping_) {
        return true;
    }
    return decoding_ != nullptr && std::all_of(decoding_->begin(), decoding_->end(),
                                               [](const auto & sequence) { return sequence->cancelled.load(); });
}

// Each sequence has its own sampler, so they can draw in parallel.
void Engine::sample_batch() {
    const auto outputs = batch_outputs_;
    if (outputs.empty()) {
        return;
    }
    llama_get_logits_ith(context_.get(), outputs.front().second);  // the first call sorts the rows
    std::vector<llama_token> tokens(outputs.size(), LLAMA_TOKEN_NULL);
    std::vector<std::exception_ptr> errors(outputs.size());
    const auto draw = [&](int i) {
        const auto & [sequence, row] = outputs[i];
        try {
            if (!sequence->cancelled) {
                if (sequence->settings.reported_logits > 0 && sequence->generated.empty()) {
                    sequence->first_logits =
                        sequence->sampler->likeliest(context_.get(), row, sequence->settings.reported_logits);
                }
                tokens[i] = sequence->sampler->sample(context_.get(), row);
            }
        } catch (...) {
            errors[i] = std::current_exception();
        }
    };
    int64_t cost = 0;
    for (const auto & [sequence, row] : outputs) {
        cost += sequence->sampler->cost();
    }
    if (cost >= worth_sharing) {
        step_threads_->pool().for_each(static_cast<int>(outputs.size()), draw);
    } else {
        for (size_t i = 0; i < outputs.size(); i++) {
            draw(static_cast<int>(i));
        }
    }
    for (size_t i = 0; i < outputs.size(); i++) {
        const SequencePtr & sequence = outputs[i].first;
        if (errors[i]) {
            fail(sequence, engine_error_of(errors[i]));
        } else if (tokens[i] != LLAMA_TOKEN_NULL) {
            accept_token(sequence, tokens[i]);
        }
    }
}

// Whether a control token's text is part of the answer. The tokens that end an answer never get here.
bool Engine::shows(const Sequence & sequence, llama_token token) const {
    return !sequence.settings.skip_special_tokens || spoken_tokens_.count(token) != 0;
}

// Handles the next token of a sequence: emits its text, or finishes the answer.
void Engine::accept_token(const SequencePtr & sequence, llama_token token) {
    sequence->sampler->accept(token, true);
    if (sequence->generated.empty()) {
        sequence->first_token_at = Clock::now();
    }
    sequence->generated.push_back(token);

    if (llama_vocab_is_eog(vocab_, token)) {
        finish(sequence, "stop");
        return;
    }
    std::string text = sequence->text.push(common_token_to_piece(vocab_, token, shows(*sequence, token)));
    Event delta{sequence->id, Event::Kind::delta, std::move(text), ""};
    delta.completion_tokens = 1;
    events_.push_back(std::move(delta));
    const int32_t max_tokens = sequence->settings.max_tokens;
    if (sequence->text.stopped()) {
        finish(sequence, "stop");
    } else if ((max_tokens >= 0 && static_cast<int32_t>(sequence->generated.size()) >= max_tokens) ||
               sequence->total_tokens() >= options_.max_length) {
        finish(sequence, "length");
    }
}

// Reserves a KV cell for the next token of every generating sequence. Preempts the youngest sequences if there are too
// few. Returns false when nothing is left to run.
bool Engine::make_room_for_next_tokens() {
    for (size_t i = 0; i < running_.size(); i++) {
        Sequence & sequence = *running_[i];
        while (!cache_->grow(sequence.slot, sequence.total_tokens() + 1)) {
            push_out_youngest();
            if (running_.size() == i) {
                return !running_.empty();  // it was preempted itself
            }
        }
    }
    return !running_.empty();
}

// Returns the sequence to the head of the queue, to be recomputed when there is room. Its tokens are kept.
void Engine::push_out_youngest() {
    const SequencePtr sequence = running_.back();
    release(*sequence, true);
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_front(sequence);
}

// `keep`: the cells may serve the next prompt with the same beginning.
void Engine::release(Sequence & sequence, bool keep) {
    if (sequence.slot < 0) {
        return;
    }
    cache_->release(sequence.slot, keep && !sequence.cache_broken);
    sequence.slot = -1;
    sequence.cache_broken = false;
    running_.erase(std::find_if(running_.begin(), running_.end(),
                                [&sequence](const auto & running) { return running.get() == &sequence; }));
    const std::lock_guard<std::mutex> lock(mutex_);
    running_count_ = running_.size();
}

void Engine::finish(const SequencePtr & sequence, const char * reason) {
    const auto now = Clock::now();
    Event end{sequence->id, Event::Kind::finish, sequence->text.finish(), reason};
    end.first_logits = sequence->first_logits;
    end.prompt_tokens = sequence->prompt.n_tokens;
    end.cached_tokens = sequence->cached_tokens;
    end.completion_tokens = static_cast<int32_t>(sequence->generated.size());
    end.queue_ms = ms_between(sequence->submitted_at, sequence->admitted_at);
    end.prefill_ms = ms_between(sequence->admitted_at, sequence->first_token_at);
    end.decode_ms = ms_between(sequence->first_token_at, now);
    events_.push_back(std::move(end));
    release(*sequence, true);
}

void Engine::fail(const SequencePtr & sequence, const EngineError & error) {
    fail(sequence, error.code, error.what());
}

void Engine::fail(const SequencePtr & sequence, const std::string & code, const std::string & message) {
    events_.push_back({sequence->id, Event::Kind::failure, message, code});
    release(*sequence, false);
}

void Engine::flush_events() {
    if (!events_.empty()) {
        options_.on_events(std::move(events_));
        events_.clear();
    }
}

}  // namespace vserve
