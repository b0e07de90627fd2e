// Preloaded into vserve: llama_decode throws while the file that THROWING_DECODE names exists, as it does where a GPU has
// no memory left for a batch.

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

struct llama_context;
struct llama_batch {
    int32_t n_tokens;
    void * arrays[6];
};

using Decode = int32_t (*)(llama_context *, llama_batch);

static int find_llama(dl_phdr_info * library, size_t, void * path) {
    const std::string name = library->dlpi_name;
    if (name.find("libllama.") != std::string::npos) {
        *static_cast<std::string *>(path) = name;
    }
    return 0;
}

static Decode real_decode() {
    std::string path;
    dl_iterate_phdr(find_llama, &path);
    return reinterpret_cast<Decode>(dlsym(dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD), "llama_decode"));
}

extern "C" int32_t llama_decode(llama_context * context, llama_batch batch) {
    static const Decode decode = real_decode();
    const char * file = std::getenv("THROWING_DECODE");
    if (file != nullptr && access(file, F_OK) == 0) {
        throw std::runtime_error("no memory for the batch");
    }
    return decode(context, batch);
}
