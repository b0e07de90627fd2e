// Preloaded into vserve: counts the calls that copy KV cells, each of which a GPU waits for, and the batches of one token a
// sequence whose slots have gaps between them, for which llama.cpp reads the weights more than once. Writes both numbers to
// the file that COUNTED_CALLS names as the process ends.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <link.h>

struct ggml_tensor;
struct llama_context;
struct llama_batch {
    int32_t n_tokens;
    int32_t * token;
    float * embd;
    int32_t * pos;
    int32_t * n_seq_id;
    int32_t ** seq_id;
    int8_t * logits;
};

static std::atomic<long> copies{0};
static std::atomic<long> gaps{0};

static int find_llama(dl_phdr_info * library, size_t, void * path) {
    const std::string name = library->dlpi_name;
    if (name.find("libllama.") != std::string::npos) {
        *static_cast<std::string *>(path) = name;
    }
    return 0;
}

static void * real(const std::string & library, const char * name) {
    return dlsym(dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD), name);
}

static void count(const ggml_tensor * tensor) {
    static const auto name_of =
        reinterpret_cast<const char * (*)(const ggml_tensor *)>(real("libggml-base.so", "ggml_get_name"));
    if (std::strncmp(name_of(tensor), "cache_", 6) == 0) {
        copies++;
    }
}

extern "C" void ggml_backend_tensor_get(const ggml_tensor * tensor, void * data, size_t offset, size_t size) {
    static const auto get = reinterpret_cast<void (*)(const ggml_tensor *, void *, size_t, size_t)>(
        real("libggml-base.so", "ggml_backend_tensor_get"));
    count(tensor);
    get(tensor, data, offset, size);
}

extern "C" void ggml_backend_tensor_set(ggml_tensor * tensor, const void * data, size_t offset, size_t size) {
    static const auto set = reinterpret_cast<void (*)(ggml_tensor *, const void *, size_t, size_t)>(
        real("libggml-base.so", "ggml_backend_tensor_set"));
    count(tensor);
    set(tensor, data, offset, size);
}

extern "C" int32_t llama_decode(llama_context * context, llama_batch batch) {
    static const auto decode = [] {
        std::string path;
        dl_iterate_phdr(find_llama, &path);
        return reinterpret_cast<int32_t (*)(llama_context *, llama_batch)>(real(path, "llama_decode"));
    }();
    std::vector<int32_t> slots;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        slots.push_back(batch.seq_id[i][0]);
    }
    const bool one_each = std::adjacent_find(slots.begin(), slots.end()) == slots.end();
    if (one_each && !slots.empty() && slots.back() - slots.front() + 1 != batch.n_tokens) {
        gaps++;
    }
    return decode(context, batch);
}

static struct AtExit {
    ~AtExit() {
        if (const char * path = std::getenv("COUNTED_CALLS")) {
            std::ofstream(path) << copies << ' ' << gaps;
        }
    }
} at_exit;
