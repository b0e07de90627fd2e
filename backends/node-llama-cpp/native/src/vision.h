#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dry-run-nodes.h"
#include "encoder-matmul.h"
#include "encoder-pace.h"
#include "llama.h"
#include "mtmd.h"
#include "processor-settings.h"

namespace vserve {

// The vision encoder and projector. encode() runs on the engine thread only; the rest of mtmd is thread-safe.
class Vision {
  public:
    // Arithmetic of the encoder on a CPU: ggml's kernels in the types of the weights (original), our kernels in float32
    // (f32), or float32 if we have kernels for this CPU (automatic). On a GPU always ggml's.
    enum class Encoding { automatic, original, f32 };

    struct Options {
        std::string mmproj_path;
        bool use_gpu;
        int n_threads;
        llama_flash_attn_type flash_attention;
        Encoding encoding;
        ProcessorChanges image_defaults;         // in place of the processor's own settings
        bool dry_run;                            // without the weights: the results are meaningless
        std::function<void(float)> on_progress;  // 0 to 1
    };

    // Throws EngineError model_load_failed; invalid_setting for an encoding this machine cannot do.
    Vision(const llama_model * model, Options options);
    ~Vision();
    Vision(const Vision &) = delete;
    Vision & operator=(const Vision &) = delete;

    struct Encoded {
        size_t index;             // of the chunk
        std::vector<float> rows;  // n_tokens rows of the text model's input width
    };

    // Whether encode() may take more than the first of its chunks.
    bool takes_several() const { return use_gpu_; }

    // Encodes the first of the image chunks, and others that fit into the same batch. `keep_going` is called between
    // groups of graph nodes, to let other work run; if it returns false, encoding stops and the result is empty. Throws
    // EngineError generation_failed.
    std::vector<Encoded> encode(const std::vector<const mtmd_input_chunk *> & chunks,
                                const std::function<bool()> & keep_going);

    // Bytes of the encoder's device in which the largest of these image chunks is computed, alone or with as many others as
    // encode() takes of its size. The chunks may be placeholders. With `reserve`, the bytes are allocated: 0 if there are
    // fewer.
    size_t compute_bytes(const mtmd_input_chunks * chunks, bool several, bool reserve);

    // Encodes a blank image of a usual size, to compile the GPU's kernels before the first request.
    void warm_up();

    const mtmd_context * context() const { return context_.get(); }
    mtmd_context * context() { return context_.get(); }

    // How the image processor of the projector's checkpoint is set up.
    const ProcessorSettings & processor_settings() const { return processor_settings_; }

    // The name of our kernels if the encoder uses them, else null.
    const char * kernel_name() const { return matmul_ ? matmul_->kernel_name() : nullptr; }

    // Called at the beginning of each group of graph nodes: the number of threads that compute it.
    void ask_for_threads(std::function<int()> n_threads) { n_threads_ = std::move(n_threads); }

    // The part of the encoder that runs on the CPU.
    ggml_backend_t cpu_backend() const { return mtmd_get_cpu_backend(context_.get()); }

  private:
    static bool on_node(ggml_tensor * node, bool ask, void * self);
    void begin_group();

    const ProcessorSettings processor_settings_;
    std::unique_ptr<EncoderMatmul> matmul_;
    std::unique_ptr<FirstOfEach> first_of_each_;  // in a dry run
    mtmd::context_ptr context_;
    const bool use_gpu_;
    size_t row_width_;
    EncoderPace pace_;
    int nodes_in_group_ = 0;
    std::chrono::steady_clock::time_point group_began_;
    bool ended_early_ = false;
    const std::function<bool()> * keep_going_ = nullptr;
    std::function<void(float)> on_progress_;
    std::function<int()> n_threads_;
    ggml_backend_set_n_threads_t set_n_threads_;
};

}  // namespace vserve
