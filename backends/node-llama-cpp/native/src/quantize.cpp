#include "quantize.h"

#include <cerrno>
#include <cstring>
#include <map>

#include "error.h"
#include "llama.h"

namespace vserve {

namespace {

// What llama.cpp keeps in memory of one tensor. More is no faster.
constexpr size_t buffer_bytes = 128u * 1024 * 1024;

const std::map<std::string, llama_ftype> file_types = {
    {"q8_0", LLAMA_FTYPE_MOSTLY_Q8_0},     {"q6_k", LLAMA_FTYPE_MOSTLY_Q6_K}, {"q5_k_m", LLAMA_FTYPE_MOSTLY_Q5_K_M},
    {"q4_k_m", LLAMA_FTYPE_MOSTLY_Q4_K_M}, {"q4_0", LLAMA_FTYPE_MOSTLY_Q4_0},
};

struct Failure {
    std::string message;
    int system_error = 0;
};

// llama.cpp says why it failed in its log only, and the system's reason is in errno only, until something else fails.
void keep_errors(ggml_log_level level, const char * text, void * data) {
    if (level == GGML_LOG_LEVEL_ERROR) {
        const int system_error = errno;
        auto * failure = static_cast<Failure *>(data);
        failure->message += text;
        failure->system_error = system_error;
    }
}

bool is_full(int system_error) {
#ifdef EDQUOT
    if (system_error == EDQUOT) {
        return true;
    }
#endif
    return system_error == ENOSPC || system_error == EFBIG;
}

}  // namespace

void quantize(const std::string & source, const std::string & destination, const std::string & type, int threads) {
    const auto file_type = file_types.find(type);
    if (file_type == file_types.end()) {
        throw EngineError("quantization_failed", "There is no type " + type + ".");
    }
    auto params = llama_model_quantize_default_params();
    params.ftype = file_type->second;
    params.nthread = threads;
    params.max_buf_size = buffer_bytes;

    ggml_log_callback log;
    void * log_data;
    llama_log_get(&log, &log_data);
    Failure failure;
    llama_log_set(keep_errors, &failure);
    errno = 0;
    const bool failed = llama_model_quantize(source.c_str(), destination.c_str(), &params) != 0;
    llama_log_set(log, log_data);
    if (failed) {
        throw EngineError(is_full(failure.system_error) ? "disk_full" : "quantization_failed",
                          is_full(failure.system_error) ? std::strerror(failure.system_error) : failure.message);
    }
}

}  // namespace vserve
