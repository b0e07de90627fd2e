#include "vision.h"

#include <algorithm>
#include <chrono>

#include "cpu-backend.h"
#include "error.h"

namespace vserve {

namespace {

// Of the picture that warms up a GPU: its kernels depend on the size of the work.
constexpr uint32_t usual_side = 1024;

}  // namespace

Vision::Vision(const llama_model * model, Options options)
    : processor_settings_(changed(read_processor_settings(options.mmproj_path), options.image_defaults)),
      use_gpu_(options.use_gpu),
      row_width_(llama_model_n_embd_inp(model)),
      pace_(options.use_gpu),
      on_progress_(std::move(options.on_progress)),
      set_n_threads_(cpu_function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads")) {
    if (!options.use_gpu && options.encoding != Encoding::original) {
        matmul_ = EncoderMatmul::create(options.n_threads);
    }
    if (!matmul_ && options.encoding == Encoding::f32) {
        throw EngineError("invalid_setting", "--mmproj-encoding f32 needs an x86 CPU with AVX2, and the encoder on the CPU "
                                             "(--devices cpu). Take auto instead.");
    }
    if (options.dry_run) {
        first_of_each_ = std::make_unique<FirstOfEach>();
    }
    // Log to where llama.cpp logs: node-llama-cpp forwards it to JavaScript.
    ggml_log_callback log = nullptr;
    void * log_data = nullptr;
    llama_log_get(&log, &log_data);
    mtmd_log_set(log, log_data);

    mtmd_context_params params = mtmd_context_params_default();
    params.use_gpu = options.use_gpu;
    params.n_threads = options.n_threads;
    params.print_timings = false;
    params.flash_attn_type = options.flash_attention;
    params.no_alloc = options.dry_run;
    params.cb_eval = on_node;
    params.cb_eval_user_data = this;
    params.progress_callback = [](float progress, void * self) {
        static_cast<Vision *>(self)->on_progress_(progress);
        return true;
    };
    params.progress_callback_user_data = this;
    context_.reset(mtmd_init_from_file(options.mmproj_path.c_str(), model, params));
    if (!context_) {
        throw EngineError("model_load_failed", "The vision projector " + options.mmproj_path +
                                                   " could not be loaded: it may be damaged, or made for another model.");
    }
    if (!mtmd_support_vision(context_.get())) {
        throw EngineError("model_load_failed", options.mmproj_path + " holds no vision encoder.");
    }
}

Vision::~Vision() = default;

std::vector<Vision::Encoded> Vision::encode(const std::vector<const mtmd_input_chunk *> & chunks,
                                            const std::function<bool()> & keep_going) {
    const mtmd::batch_ptr batch(mtmd_batch_init(context_.get()));
    std::vector<Encoded> encoded;
    for (size_t i = 0; i < chunks.size(); i++) {
        if (mtmd_batch_add_chunk(batch.get(), chunks[i]) == 0) {
            encoded.push_back({i, {}});
        }
    }
    keep_going_ = &keep_going;
    ended_early_ = false;
    pace_.begin();
    begin_group();
    const int32_t status = mtmd_batch_encode(batch.get());
    keep_going_ = nullptr;
    if (ended_early_) {
        return {};
    }
    if (status != 0) {
        throw EngineError("generation_failed", "The vision encoder failed on an image: there may be too little memory.");
    }
    for (auto & [index, rows] : encoded) {
        const float * first = mtmd_batch_get_output_embd(batch.get(), chunks[index]);
        rows.assign(first, first + mtmd_input_chunk_get_n_tokens(chunks[index]) * row_width_);
    }
    return encoded;
}

size_t Vision::compute_bytes(const mtmd_input_chunks * chunks, bool several, bool reserve) {
    size_t most = 0;
    for (size_t i = 0; i < mtmd_input_chunks_size(chunks); i++) {
        const mtmd_input_chunk * chunk = mtmd_input_chunks_get(chunks, i);
        if (mtmd_input_chunk_get_type(chunk) != MTMD_INPUT_CHUNK_TYPE_IMAGE) {
            continue;
        }
        const mtmd::batch_ptr batch(mtmd_batch_init(context_.get()));
        while (mtmd_batch_add_chunk(batch.get(), chunk) == 0 && several) {
        }
        const size_t bytes = mtmd_batch_compute_bytes(batch.get(), reserve);
        if (bytes == 0) {
            return 0;
        }
        most = std::max(most, bytes);
    }
    return most;
}

void Vision::warm_up() {
    const std::vector<uint8_t> black(usual_side * usual_side * 3);
    mtmd::bitmap bitmap(usual_side, usual_side, black.data());
    const mtmd_input_part part{nullptr, bitmap.ptr.get()};
    const mtmd_input_part * parts[] = {&part};
    mtmd::input_chunks chunks(mtmd_input_chunks_init());
    mtmd_tokenize_from_parts(context_.get(), chunks.ptr.get(), parts, 1, false);
    for (size_t i = 0; i < chunks.size(); i++) {
        if (mtmd_input_chunk_get_type(chunks[i]) == MTMD_INPUT_CHUNK_TYPE_IMAGE) {
            encode({chunks[i]}, [] { return true; });
            return;
        }
    }
}

void Vision::begin_group() {
    nodes_in_group_ = 0;
    group_began_ = std::chrono::steady_clock::now();
}

// ggml asks before each node whether to call back after it; returning false then ends the graph. At the first call the node
// is not computed yet, so it can still be turned into another operation.
bool Vision::on_node(ggml_tensor * node, bool ask, void * self) {
    auto & vision = *static_cast<Vision *>(self);
    if (ask) {
        if (vision.matmul_) {
            vision.matmul_->take_over(node);
        }
        if (vision.first_of_each_) {
            vision.first_of_each_->look_at(node);
        }
        if (vision.nodes_in_group_ == 0 && vision.n_threads_) {
            vision.set_n_threads_(vision.cpu_backend(), vision.n_threads_());
        }
        return ++vision.nodes_in_group_ >= vision.pace_.nodes();
    }
    const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - vision.group_began_;
    vision.pace_.computed(taken.count());
    if (vision.keep_going_ != nullptr && !vision.ended_early_ && !(*vision.keep_going_)()) {
        vision.ended_early_ = true;
    }
    vision.begin_group();
    return !vision.ended_early_;
}

}  // namespace vserve
