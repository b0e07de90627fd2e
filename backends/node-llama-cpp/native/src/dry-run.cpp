// A program of its own: loads a model, and a projector for it, as the engine would, and computes a token and a picture, but
// for the products that make up the work.
//
//     vserve-dry-run <folder of llama.cpp's libraries> <use> <model> [<projector> <most tokens of a picture> [<key>=<number>…]]
//
// The use is `generate`, or `embed` for a model that was trained for that. An empty projector is none.
//
// llama.cpp trusts the header of a GGUF file in many places, and where it should not, an assertion or the system ends the
// process: this one, then, instead of the server. The model's weights are mapped and not read; the projector's are not even
// mapped. It writes to stdout what it is at (`model`, `projector`), and to stderr why it failed. The exit status is 0 where
// all went well, and 1 where something was refused. The last line of `generate` is `encoder` and the bytes in which the
// largest picture is encoded, alone and with as many others as a GPU takes at once, and how many tokens of it have to be
// decoded together. The keys (`max_pixels`, `min_pixels`, `longest_edge`, `max_tiles`) are what requests may ask of the image
// processor at most; `other_template=1` says that the engine will use another chat template than the model's.

#ifdef __linux__
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "embedder.h"
#include "engine.h"
#include "ggml-backend.h"
#include "llama.h"
#include "log.h"  // llama.cpp's
#include "mtmd.h"
#include "program.h"

// A sanitizer's own memory is beyond every limit, and mappings are its affair.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VSERVE_SANITIZED 1
#else
#define VSERVE_SANITIZED 0
#endif

namespace {

constexpr int32_t context_cells = 256;
constexpr int32_t batch_tokens = 256;
constexpr int32_t max_length = 1 << 20;  // so that any image fits

void tell_errors(ggml_log_level level, const char * text, void *) {
    if (level == GGML_LOG_LEVEL_ERROR) {
        std::fputs(text, stderr);
    }
}

void begin(const char * stage) {
    std::printf("%s\n", stage);
    std::fflush(stdout);
}

// A header can ask for any work and memory: a model of 27 billion parameters takes a second or two, and 0.4 GB.
constexpr uint64_t most_cpu_s = 60;
constexpr uint64_t most_bytes = 16ull << 30;

// node-llama-cpp tokenizes one as it loads a model, and so does nearly every chat template.
void tokenize_newline(const llama_model * model) {
    llama_token tokens[8];
    try {
        llama_tokenize(llama_model_get_vocab(model), "\n", 1, tokens, 8, false, false);
    } catch (const std::exception & error) {
        throw std::runtime_error(std::string("its vocabulary cannot write a line break: ") + error.what());
    }
}

// The model's chat template is not looked at: another one is used.
constexpr const char * other_template = "other_template";
constexpr const char * any_template = "{% for message in messages %}{{ message.content }}{% endfor %}";

bool has_other_template(int argc, char ** argv) {
    return std::any_of(argv, argv + argc, [](const char * argument) {
        return std::string(argument) == std::string(other_template) + "=1";
    });
}

vserve::ProcessorChanges changes_of(int argc, char ** argv) {
    vserve::ProcessorChanges changes;
    for (int i = 6; i < argc; i++) {
        const std::string argument = argv[i];
        const size_t at = std::min(argument.find('='), argument.size());
        const auto value = static_cast<uint32_t>(std::strtoul(argument.c_str() + std::min(at + 1, argument.size()), nullptr, 10));
        const std::string key = argument.substr(0, at);
        if (key == "max_pixels") {
            changes.max_pixels = value;
        } else if (key == "min_pixels") {
            changes.min_pixels = value;
        } else if (key == "longest_edge") {
            changes.longest_edge = value;
        } else if (key == "max_tiles") {
            changes.max_tiles = value;
        } else if (key != other_template) {
            throw std::runtime_error("vserve-dry-run has no setting " + key);
        }
    }
    return changes;
}

vserve::EngineOptions options_for(const std::string & mmproj_path) {
    vserve::EngineOptions options{};
    options.mmproj_path = mmproj_path;
    options.context_cells = context_cells;
    options.max_length = max_length;
    options.max_sequences = 1;
    options.batch_tokens = batch_tokens;
    options.n_threads = 1;
    options.n_threads_batch = 1;
    options.n_cpus = 1;
    options.flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
    options.encoder_flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
    options.kv_type = GGML_TYPE_F16;
    options.mmproj_encoding = vserve::Vision::Encoding::original;
    options.dry_run = true;
    options.on_projector_progress = [](float) {};
    options.on_events = [](std::vector<vserve::Event> &&) {};
    return options;
}

vserve::EmbedderOptions embedder_options_for(const std::string & mmproj_path) {
    vserve::EmbedderOptions options;
    options.mmproj_path = mmproj_path;
    options.max_length = batch_tokens;
    options.mmproj_encoding = vserve::Vision::Encoding::original;
    options.dry_run = true;
    return options;
}

void try_to_generate(llama_model * model, const char * projector, int32_t max_tokens, vserve::ProcessorChanges largest,
                     const std::string & chat_template) {
    vserve::EngineOptions text_options = options_for("");
    text_options.chat_template = chat_template;
    { const vserve::Engine engine(model, std::move(text_options)); }
    if (projector == nullptr) {
        return;
    }
    begin("projector");
    vserve::EngineOptions options = options_for(projector);
    options.chat_template = chat_template;
    options.largest_image = largest;
    vserve::Engine engine(model, options);
    const size_t alone_bytes = engine.encoder_bytes(false, max_tokens);
    const size_t batch_bytes = engine.encoder_bytes(true, max_tokens);
    std::printf("encoder %zu %zu %d\n", alone_bytes, batch_bytes, engine.whole_image_tokens());
    std::fflush(stdout);
}

void try_to_embed(llama_model * model, const char * projector) {
    { const vserve::Embedder embedder(model, embedder_options_for("")); }
    if (projector != nullptr) {
        begin("projector");
        const vserve::Embedder embedder(model, embedder_options_for(projector));
    }
}

}  // namespace

#if defined(__linux__) && defined(__LP64__) && !VSERVE_SANITIZED
// llama.cpp has a file read when it maps it, which is to say all weights. Its library finds these two first.
extern "C" __attribute__((visibility("default"))) void * mmap(void * address, size_t length, int protection, int flags,
                                                              int file, off_t offset) {
    return reinterpret_cast<void *>(
        syscall(SYS_mmap, address, length, protection, flags & ~MAP_POPULATE, file, offset));
}
extern "C" __attribute__((visibility("default"))) int posix_madvise(void *, size_t, int) {
    return 0;
}
#endif

int main(int argc, char ** argv) {
    std::vector<char *> arguments = vserve::utf8_arguments(argc, argv);
    argv = arguments.data();
    if (argc < 4) {
        return 1;
    }
    const char * projector = argc > 4 && argv[4][0] != '\0' ? argv[4] : nullptr;
    vserve::confine_process(most_cpu_s, VSERVE_SANITIZED ? 0 : most_bytes);
    llama_log_set(tell_errors, nullptr);
    common_log_set_verbosity_thold(LOG_LEVEL_ERROR);
    ggml_backend_load_all_from_path(argv[1]);
    try {
        begin("model");
        ggml_backend_dev_t no_gpu[] = {nullptr};
        llama_model_params params = llama_model_default_params();
        params.devices = no_gpu;
        params.load_mode = LLAMA_LOAD_MODE_MMAP;
        params.use_extra_bufts = false;  // into which weights are copied
        const std::unique_ptr<llama_model, decltype(&llama_model_free)> model(llama_model_load_from_file(argv[3], params),
                                                                              llama_model_free);
        if (!model) {
            return 1;
        }
        tokenize_newline(model.get());
        if (std::string(argv[2]) == "embed") {
            try_to_embed(model.get(), projector);
        } else {
            const char * chat_template = has_other_template(argc, argv) ? any_template : "";
            try_to_generate(model.get(), projector, argc > 5 ? std::atoi(argv[5]) : 0, changes_of(argc, argv),
                            chat_template);
        }
        std::_Exit(0);  // taking a vocabulary apart takes as long as half of making it
    } catch (const std::exception & error) {
        std::fputs(error.what(), stderr);
        return 1;
    }
}
