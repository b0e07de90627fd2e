#include "engine.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "error.h"
#include "loaded-thread.h"

namespace vserve {

namespace {

double ms_between(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double, std::milli>(to - from).count();
}

}  // namespace

Engine::Engine(llama_model * model, EngineOptions options)
    : model_(model),
      options_(std::move(options)),
      vocab_(llama_model_get_vocab(model)),
      adapters_(model),
      max_image_tokens_(std::max(1, std::min(options_.max_length / 2, options_.max_image_tokens))),
      encoded_(options_.cached_images, options_.cached_image_bytes) {
    thread_ = start_loaded([this] { load(); }, [this] { run(); });
}

Engine::~Engine() {
    stop();
}

void Engine::load() {
    if (!options_.mmproj_path.empty()) {
        vision_ = std::make_unique<Vision>(
            model_, Vision::Options{options_.mmproj_path, options_.use_gpu, options_.n_threads_batch,
                                    options_.encoder_flash_attention, options_.mmproj_encoding, options_.image_defaults,
                                    options_.dry_run,
                                    options_.on_projector_progress});
        bound_pictures(max_image_tokens_);
        if (!options_.placement.slot.empty()) {
            leave_boundaries_to_prompt(vision_->context());
        }
        fit_pictures();
    }
    create_context();
    prompts_ = std::make_unique<PromptBuilder>(model_, images(), encoded_, options_.chat_template);
    int32_t n_suppressed = 0;
    const llama_token * suppressed = llama_vocab_get_suppress_tokens(vocab_, &n_suppressed);
    for (int32_t i = 0; i < n_suppressed; i++) {
        suppressed_.push_back({suppressed[i], -INFINITY});
    }
    const auto & more_ends = options_.end_tokens;
    for (llama_token token = 0; token < llama_vocab_n_tokens(vocab_); token++) {
        if (llama_vocab_is_eog(vocab_, token) || std::find(more_ends.begin(), more_ends.end(), token) != more_ends.end()) {
            ends_of_turn_.push_back(token);
        } else if (llama_vocab_is_control(vocab_, token)) {
            control_tokens_.emplace(llama_vocab_get_text(vocab_, token), token);
        }
        const auto & spoken = options_.placement.spoken;
        if (std::find(spoken.begin(), spoken.end(), llama_vocab_get_text(vocab_, token)) != spoken.end()) {
            spoken_tokens_.insert(token);
        }
    }
    dry_ = std::make_unique<DryFactory>(vocab_, options_.max_length);
    warm_up();
    if (options_.dry_run && vision_) {
        try_image();
    }
    cache_ = std::make_unique<KvCache>(context_.get(),
                                       KvCache::Options{options_.context_cells, options_.max_sequences,
                                                        options_.separate_cells, options_.use_gpu, options_.keep_prefixes,
                                                        options_.copy_bytes});
}

void Engine::create_context() {
    options_.batch_tokens = std::max(options_.batch_tokens, options_.max_sequences);
    // Image tokens that attend to one another must be decoded in one piece, even if that is larger than a step.
    const int32_t largest_batch = std::max(options_.batch_tokens, whole_image_tokens());
    llama_context_params params = llama_context_default_params();
    params.n_ctx = options_.context_cells * (options_.separate_cells ? options_.max_sequences : 1);
    params.n_batch = largest_batch;
    params.n_ubatch = largest_batch;
    params.n_seq_max = options_.max_sequences;
    // A row for the next token of each answer, and for those of a prompt that is reported on.
    params.n_outputs_max = params.n_seq_max + most_prompt_rows;
    batch_ = Batch(static_cast<int32_t>(params.n_outputs_max));
    params.n_threads = options_.n_threads;
    params.n_threads_batch = options_.n_threads_batch;
    params.flash_attn_type = options_.flash_attention;
    params.type_k = options_.kv_type;
    params.type_v = options_.kv_type;
    params.kv_unified = !options_.separate_cells;
    params.swa_full = false;
    params.no_perf = true;
    params.abort_callback = [](void * self) { return static_cast<Engine *>(self)->decode_is_pointless(); };
    params.abort_callback_data = this;
    if (options_.dry_run) {
        params.cb_eval = leave_out_products;
    }
    threads_ = std::make_unique<ThreadPool>(options_.n_threads, !options_.use_gpu);
    if (options_.n_threads_batch != options_.n_threads) {
        prefill_threads_ = std::make_unique<ThreadPool>(options_.n_threads_batch, !options_.use_gpu);
    }
    context_.reset(llama_init_from_model(model_, params));
    if (!context_) {
        throw EngineError("out_of_memory", "There is not enough memory for a context of " +
                                               std::to_string(params.n_ctx) +
                                               " tokens in " + ggml_type_name(options_.kv_type) +
                                               ", or the device does not support flash attention with this cache type. Lower "
                                               "--max-length or --max-batch-size, or omit --kv-cache-format.");
    }
    ThreadPool::attach(context_.get(), *threads_, prefill_threads());
    const StepThreads::Limits limits{options_.n_threads, options_.n_threads_batch, options_.threads_adapt,
                                     options_.threads_batch_adapt};
    step_threads_ = std::make_unique<StepThreads>(limits, static_cast<double>(llama_model_n_params(model_)),
                                                  options_.throttle_counter, *threads_, prefill_threads());
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
    const bool resizes = vision_->processor_settings().resizes;
    const ImageSize size = resizes ? ImageSize{448, 336} : image_samples().front();
    const auto [width, height] = std::pair<uint32_t, uint32_t>(size.width, size.height);
    const std::vector<uint8_t> black(static_cast<size_t>(width) * height * 3);
    const std::vector<Image> images{{black.data(), width, height, "black"}};
    const Conversation conversation{{{"user", {{"", 0}, {"What is it?", -1}}}}};
    try {
        Prompt prompt = prompts_->build(conversation, images, options_.max_length, [this] { return stopping_.load(); });
        prompts_->prepare_images(prompt, images, "");
        for (const auto & chunk : prompt.chunks) {
            if (chunk.pixels != nullptr) {
                vision_->encode({chunk.pixels.get()}, [] { return true; });
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

std::vector<llama_token> Engine::tokens(const std::string & text, bool parse_special, bool add_special) const {
    return prompts_->tokens(text, parse_special, add_special, [this] { return stopping_.load(); });
}

int32_t Engine::count_prompt(const Request & request, const Conversation & conversation,
                             const std::vector<Image> & images) const {
    return prompts_->build(conversation, images, INT32_MAX, [this, &request] { return stopping_ || request.cancelled; })
        .n_tokens;
}

std::string Engine::prompt_text(const Conversation & conversation, size_t n_images, const std::string & marker) const {
    return prompts_->text_of(conversation, n_images, marker, [this] { return stopping_.load(); });
}

std::vector<std::string> Engine::pieces(const std::vector<llama_token> & tokens) const {
    return prompts_->pieces(tokens);
}

std::vector<EncoderInput> Engine::prepare_image(const Image & image) const {
    if (!vision_) {
        return {};
    }
    const auto settings = changed(vision_->processor_settings(), image.changes.value_or(ProcessorChanges{}));
    return vserve::prepare_image(vision_->context(), settings, max_image_tokens_, image.rgb, image.width, image.height);
}

std::vector<Engine::AnswerPtr> Engine::prepare(const std::shared_ptr<Request> & request, const Conversation & conversation,
                                               const std::vector<Image> & images) const {
    Prompt & prompt = request->prompt;
    prompt = prompts_->build(conversation, images, options_.max_length,
                             [this, &request] { return stopping_ || request->cancelled; });
    const int32_t n_tokens = prompt.n_tokens;
    if (n_tokens >= options_.max_length) {
        throw EngineError("context_length_exceeded",
                          // Clients tell this error by its first words.
                          "This model's maximum context length is " + std::to_string(options_.max_length) +
                              " tokens, the answer included, and the prompt has " +
                              std::string(prompt.is_cut ? "more than " : "") + std::to_string(n_tokens) +
                              ". Shorten the conversation or send fewer images" +
                              (options_.max_length < llama_model_n_ctx_train(model_)
                                   ? ", or start the server with a larger --max-length."
                                   : "."));
    }
    prompt.message_ends = message_ends(prompt);
    // After the length check: this is most of the work.
    prompts_->prepare_images(prompt, images, request->settings.cache_salt);
    prepare_reading(*request, conversation.reasoning);
    std::vector<AnswerPtr> answers;
    for (int32_t index = 0; index < request->settings.choices; index++) {
        answers.push_back(std::make_shared<Answer>(request, index, sampler_for(*request, index), grammar_for(*request)));
        begin_reading(*answers.back());
    }
    request->without_token = request->settings.choices;
    return answers;
}

// Images of a prompt whose embeddings were cached.
static size_t known_images(const Prompt & prompt) {
    std::set<size_t> images;
    for (const auto & chunk : prompt.chunks) {
        if (chunk.media != nullptr && chunk.embeddings) {
            images.insert(chunk.image);
        }
    }
    return images.size();
}

void Engine::submit(const std::vector<AnswerPtr> & answers) {
    work_done_.known_images += answers.empty() ? 0 : known_images(answers.front()->prompt());
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.insert(queue_.end(), answers.begin(), answers.end());
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
            work_.wait(lock, [this] { return stopping_ || woken_ || !running_.empty() || !foreign_images_.empty(); });
            woken_ = false;
        }
        run_errands();
        guard([this] {
            empty_prefix_cache_if_asked();
            drop_cancelled();
            admit();
            step();
            process_next_image();
            encode_foreign_image();
            flush_events();
        });
    }
    refuse_foreign_images();
    std::deque<AnswerPtr> left;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        left.swap(queue_);
        errands_.clear();
    }
    left.insert(left.end(), running_.begin(), running_.end());
    for (const auto & answer : left) {
        fail(answer, "model_closed", "The model was closed while the request was running.");
    }
    flush_events();
}

// No exception may escape and end the process. An error that cannot be attributed to particular answers fails all
// running ones.
void Engine::guard(const std::function<void()> & work) {
    try {
        work();
    } catch (...) {
        const auto error = engine_error_of(std::current_exception());
        const auto running = running_;
        for (const auto & answer : running) {
            fail(answer, error);
        }
        flush_events();
    }
}

void Engine::empty_prefix_cache_if_asked() {
    if (reset_asked_.exchange(false)) {
        cache_->clear_idle();
    }
}

void Engine::drop_cancelled() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto is_cancelled = [](const auto & answer) { return answer->request->cancelled.load(); };
        queue_.erase(std::remove_if(queue_.begin(), queue_.end(), is_cancelled), queue_.end());
    }
    const auto running = running_;
    for (const auto & answer : running) {
        // An answer whose image is being encoded finishes that first.
        if (answer->request->cancelled && !answer->encoding) {
            release(*answer, true);
        }
    }
}

// One step: decodes a batch for all answers, then samples their next tokens. An error fails the answers of the batch.
void Engine::step() {
    batch_answers_.clear();
    prompt_shares_.clear();
    image_share_ = {};
    draw_first_tokens();
    try {
        if (make_room_for_next_tokens()) {
            bring_streams_together();
            compute_step(share_out_step(computing()));
            decode_image_share();
        }
    } catch (...) {
        if (batch_answers_.empty()) {
            throw;
        }
        const auto error = engine_error_of(std::current_exception());
        const auto failed = batch_answers_;
        for (const auto & answer : failed) {
            fail(answer, error);
        }
        flush_events();
    }
}

// Decodes the batch, and samples. Where llama.cpp cannot decode it, nothing of it remains in the cache: see recover().
void Engine::compute_batch() {
    if (batch_.size() == 0) {
        return;
    }
    const int status = decode(batch_.tokens(), batch_answers_);
    if (status != 0) {
        take_batch_back(status);
        if (!is_given_up(status, batch_answers_)) {
            recover(status);
        }
        return;
    }
    most_prompt_tokens_ = INT32_MAX;
    std::vector<AnswerPtr> prefilled;
    int32_t prompt_tokens = 0;
    for (const auto & answer : batch_answers_) {
        const CachePlace & place = answer->place;
        prompt_tokens += place.before_batch.chunk < answer->prompt().chunks.size() ? place.batch_tokens : 0;
        if (answer->generated.empty()) {
            prefilled.push_back(answer);
            report_progress(*answer);
        }
    }
    work_done_.prompt_tokens += prompt_tokens;
    work_done_.step_ms.add(decode_ms_);
    work_done_.step_sequences.add(static_cast<double>(batch_answers_.size()));
    work_done_.cached_tokens = cache_->tokens();
    work_done_.copied_bytes = cache_->copied_bytes();
    pace_.note(batch_.size() - prompt_tokens, prompt_tokens, decode_ms_);
    take_prompt_rows();
    sample(rows_of(batch_outputs_));
    end_trials(batch_answers_);
    flush_events();
    for (const auto & answer : prefilled) {
        if (answer->place.slot >= 0 && is_worth_a_checkpoint(*answer)) {
            cache_->keep_checkpoint(answer->place.slot);
        }
    }
}

// What a step computes of some of the running answers.
Engine::Shares Engine::share_out_step(const std::vector<AnswerPtr> & answers) {
    Shares shares;
    const int32_t size = share_out_draws(answers, shares);
    prompt_shares_.clear();
    share_out_prompts(answers, size);
    steps_ += size > 0 || !prompt_shares_.empty() || image_share_.first ? 1 : 0;
    for (const auto & [answer, tokens] : prompt_shares_) {
        turns_.charge(answer->request->settings.client, tokens);
    }
    shares.insert(shares.end(), prompt_shares_.begin(), prompt_shares_.end());
    return shares;
}

// llama.cpp decodes tokens of adjacent slots together if they come in this order.
void Engine::fill_batch(Shares shares) {
    batch_.clear();
    batch_answers_.clear();
    batch_outputs_.clear();
    prompt_rows_.clear();
    std::sort(shares.begin(), shares.end(),
              [](const auto & a, const auto & b) { return a.first->place.slot < b.first->place.slot; });
    for (const auto & [answer, tokens] : shares) {
        batch_answers_.push_back(answer);
        add_waiting_text(*answer, tokens);
        if (!answer->in_prompt() && answer->waiting_tokens() == 0) {
            batch_outputs_.emplace_back(answer, batch_.size() - 1);
        }
    }
}

// Moves up to `limit` tokens of an answer's queue into the batch. The last token of the queue requests logits.
void Engine::add_waiting_text(Answer & answer, int32_t limit) {
    CachePlace & place = answer.place;
    Progress & done = place.done;
    place.batch_tokens = std::min(limit, answer.waiting_tokens());
    place.before_batch = done;
    for (int32_t i = 0; i < place.batch_tokens; i++) {
        const bool in_prompt = answer.in_prompt();
        const llama_token token = in_prompt ? answer.chunk().tokens[done.chunk_tokens] : answer.generated[done.generated];
        const bool reports = in_prompt && note_prompt_row(answer, batch_.size());
        if (!in_prompt) {
            done.generated++;
        } else if (++done.chunk_tokens == answer.chunk().n_tokens) {
            done.chunk++;
            done.chunk_tokens = 0;
        }
        const bool last = !answer.in_prompt() && done.generated == answer.generated.size();
        batch_.add_token(token, place.n_pos++, place.slot, last || reports);
        cache_->append_token(place.slot, token);
    }
}

// ggml's threads spin while they wait for each other: one that shares its CPU with other work stalls all of them for whole
// time slices. With one thread less the streams stay even, and the other work finishes sooner. Without streams an even pace
// is worth nothing.
void Engine::choose_threads(int32_t n_tokens, const std::vector<AnswerPtr> & answers) {
    const bool streams = std::any_of(answers.begin(), answers.end(),
                                     [](const auto & answer) { return !answer->generated.empty(); });
    const int32_t left = streams ? left_cpus_ + preparing_ : 0;
    const int32_t most = left > 0 ? std::max(1, options_.n_cpus - left) : INT32_MAX;
    batch_threads_ = step_threads_->begin(n_tokens, most);
    llama_set_n_threads(context_.get(), batch_threads_, batch_threads_);
}

// Returns llama_decode's status, or `decode_threw`.
int Engine::decode(const llama_batch & batch, const std::vector<AnswerPtr> & answers) {
    choose_threads(batch.n_tokens, answers);
    struct Decoding {
        const std::vector<AnswerPtr> *& current;
        ~Decoding() { current = nullptr; }
    } const until_done{decoding_ = &answers};
    const auto begin = Clock::now();
    use_adapter_of(*answers.front());
    try {
        const int status = llama_decode(context_.get(), batch);
        if (status == 0) {
            llama_synchronize(context_.get());
            decode_ms_ = ms_between(begin, Clock::now());
            step_threads_->end(decode_ms_);
        }
        return status;
    } catch (const std::exception & exception) {  // there is no memory for its buffers
        decode_exception_ = exception.what();
        return decode_threw;
    }
}

// Called by llama.cpp between graph nodes on the CPU. True when every answer of the batch was cancelled, unless others
// would lose more.
bool Engine::decode_is_pointless() const {
    return stopping_ || (decoding_ != nullptr && !cache_->moves_states_for(decoding_->size()) &&
                         is_given_up(decode_aborted, *decoding_));
}

// Whether a batch failed since nobody waits for it any more.
bool Engine::is_given_up(int status, const std::vector<AnswerPtr> & answers) const {
    const auto is_cancelled = [](const auto & answer) { return answer->request->cancelled.load(); };
    return stopping_ || (status == decode_aborted && std::all_of(answers.begin(), answers.end(), is_cancelled));
}

// Reserves a KV cell for the next token of every generating answer. Preempts the youngest answers if there are too
// few. Returns false when nothing is left to run.
bool Engine::make_room_for_next_tokens() {
    for (size_t i = 0; i < running_.size(); i++) {
        Answer & answer = *running_[i];
        while (!cache_->grow(answer.place.slot, answer.total_tokens() + 1)) {
            push_out(running_.back());
            if (running_.size() == i) {
                return !running_.empty();  // it was preempted itself
            }
        }
    }
    return !running_.empty();
}

// Returns an answer to the head of the queue, to be recomputed when there is room. Its tokens are kept.
void Engine::push_out(AnswerPtr answer) {
    work_done_.preemptions++;
    release(*answer, true);
    const std::lock_guard<std::mutex> lock(mutex_);
    queue_.push_front(std::move(answer));
}

// `keep`: the cells may serve the next prompt with the same beginning.
void Engine::release(Answer & answer, bool keep) {
    if (answer.place.slot < 0) {
        return;
    }
    cache_->release(answer.place.slot, keep, answer.request->without_token > 0 && !answer.request->cancelled);
    turns_.leave(answer.request->settings.client);
    answer.place.slot = -1;
    running_.erase(std::find_if(running_.begin(), running_.end(),
                                [&answer](const auto & running) { return running.get() == &answer; }));
    const std::lock_guard<std::mutex> lock(mutex_);
    running_count_ = running_.size();
    woken_ = true;  // it may have been the only one that ran, and others wait for its place
}

void Engine::finish(const AnswerPtr & answer, const char * reason, std::optional<llama_token> stop_token) {
    const auto now = Clock::now();
    const Request & request = *answer->request;
    reason = tell_rest(*answer, reason);
    Event end{request.id, Event::Kind::finish, answer->index, answer->text.finish(), reason};
    end.thought_tokens = answer->reader ? answer->reader->thought_tokens() : 0;
    end.stop_string = answer->text.stopped_by();
    end.stop_token = stop_token;
    end.reports = answer->reports.take_shown(answer->text.shown());
    end.unshown_reports = answer->reports.take_all();
    end.prompt_tokens = request.prompt.n_tokens;
    end.cached_tokens = request.cached_tokens;
    end.completion_tokens = static_cast<int32_t>(answer->generated.size());
    end.prefill_steps = answer->first_token_step - answer->admission_step;
    end.decode_steps = steps_ - answer->first_token_step;
    end.queue_ms = ms_between(request.submitted_at, answer->admitted_at);
    end.prefill_ms = ms_between(answer->admitted_at, answer->first_token_at);
    end.encode_ms = request.encode_ms;
    end.decode_ms = ms_between(answer->first_token_at, now);
    events_.push_back(std::move(end));
    release(*answer, true);
}

void Engine::fail(const AnswerPtr & answer, const EngineError & error) {
    fail(answer, error.code, error.what());
}

// Ends the request: the next round drops its other answers.
void Engine::fail(const AnswerPtr & answer, const std::string & code, const std::string & message) {
    if (!answer->request->cancelled.exchange(true)) {
        events_.push_back({answer->request->id, Event::Kind::failure, answer->index, message, code});
        wake();
    }
    release(*answer, false);
}

void Engine::flush_events() {
    if (!events_.empty()) {
        options_.on_events(std::move(events_));
        events_.clear();
    }
}

}  // namespace vserve
