// Preloaded into vserve: llama_decode fails for some batches while the file that FAILING_DECODE names exists. It says how and
// for which: "throw" (as where a GPU has no memory left), "hang", or a status, and "tokens", "sequences" or "position" with
// the greatest number for which it still decodes. With "late" behind that, it has decoded when it fails: a model with a
// recurrent state cannot go back then.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

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

static int32_t number_of(const std::string & what, const llama_batch & batch) {
    if (what == "tokens") {
        return batch.n_tokens;
    }
    if (what == "position") {
        return *std::max_element(batch.pos, batch.pos + batch.n_tokens);
    }
    std::set<int32_t> sequences;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        sequences.insert(batch.seq_id[i][0]);
    }
    return static_cast<int32_t>(sequences.size());
}

extern "C" int32_t llama_decode(llama_context * context, llama_batch batch) {
    static const Decode decode = real_decode();
    const char * path = std::getenv("FAILING_DECODE");
    std::ifstream file(path == nullptr ? "" : path);
    std::string status;
    if (file >> status && status == "throw") {
        throw std::runtime_error("no memory for the batch");
    }
    while (status == "hang") {
        pause();
    }
    std::string what;
    int32_t most = 0;
    if (file >> what >> most && number_of(what, batch) > most) {
        std::string late;
        if (file >> late) {
            decode(context, batch);
        }
        return std::stoi(status);
    }
    return decode(context, batch);
}
