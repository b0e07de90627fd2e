// Preloaded into vserve: llama_decode fails for some batches while the file that FAILING_DECODE names exists. It says how and
// for which: "throw" (as where a GPU has no memory left), "hang", or a status, and what of a batch is counted, with the
// greatest number that is still decoded: "tokens", "rows" (of an image), "sequences", "neighbours" (sequences with adjacent
// ids: llama.cpp computes these together) or "position". With "late" behind that, it has decoded when it fails: a model with
// a recurrent state cannot go back then. With "begun", it has prepared to; with "once" behind that, it removes the file.
// Where the status is "wait", it makes a file whose name ends with ".waiting", and decodes once that is gone.

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
using SetAbortCallback = void (*)(llama_context *, bool (*)(void *), void *);

static int find_llama(dl_phdr_info * library, size_t, void * path) {
    const std::string name = library->dlpi_name;
    if (name.find("libllama.") != std::string::npos) {
        *static_cast<std::string *>(path) = name;
    }
    return 0;
}

template <typename Function>
static Function real(const char * name) {
    std::string path;
    dl_iterate_phdr(find_llama, &path);
    return reinterpret_cast<Function>(dlsym(dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD), name));
}

// Takes the callback of vserve away: what is cancelled is computed to its end.
static void let_decode(llama_context * context, bool to_the_end) {
    static const auto set_abort_callback = real<SetAbortCallback>("llama_set_abort_callback");
    const auto always = [](void *) { return true; };
    set_abort_callback(context, to_the_end ? nullptr : +always, nullptr);
}

static void wait_for_removal(const std::string & path) {
    std::ofstream{path};
    while (access(path.c_str(), F_OK) == 0) {
        usleep(1000);
    }
}

static int32_t most_in_a_row(const std::set<int32_t> & numbers) {
    int32_t most = 0;
    int32_t in_a_row = 0;
    for (const int32_t number : numbers) {
        in_a_row = numbers.count(number - 1) != 0 ? in_a_row + 1 : 1;
        most = std::max(most, in_a_row);
    }
    return most;
}

static int32_t number_of(const std::string & what, const llama_batch & batch) {
    if (what == "tokens") {
        return batch.n_tokens;
    }
    if (what == "rows") {
        return batch.embd != nullptr ? batch.n_tokens : 0;
    }
    if (what == "position") {
        return *std::max_element(batch.pos, batch.pos + batch.n_tokens);
    }
    std::set<int32_t> sequences;
    for (int32_t i = 0; i < batch.n_tokens; i++) {
        sequences.insert(batch.seq_id[i][0]);
    }
    return what == "neighbours" ? most_in_a_row(sequences) : static_cast<int32_t>(sequences.size());
}

extern "C" int32_t llama_decode(llama_context * context, llama_batch batch) {
    static const auto decode = real<Decode>("llama_decode");
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
    if (!(file >> what >> most) || number_of(what, batch) <= most) {
        return decode(context, batch);
    }
    if (status == "wait") {
        wait_for_removal(std::string(path) + ".waiting");
        return decode(context, batch);
    }
    std::string when;
    if (file >> when) {
        let_decode(context, when == "late");
        decode(context, batch);
        let_decode(context, true);
    }
    std::string times;
    if (file >> times) {
        unlink(path);
    }
    return std::stoi(status);
}
