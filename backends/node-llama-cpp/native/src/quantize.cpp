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
    std::string tensor;  // that it was at
    int system_error = 0;
};

// llama.cpp says why it failed in its log only, and the system's reason is in errno only, until something else fails.
// Before each tensor it logs "[   1/  20] its name   - [its shape], …".
void keep_errors(ggml_log_level level, const char * text, void * data) {
    const int system_error = errno;
    auto * failure = static_cast<Failure *>(data);
    if (level == GGML_LOG_LEVEL_ERROR) {
        failure->message += text;
        failure->system_error = system_error;
        return;
    }
    const std::string line = text;
    const size_t number_end = line.find("] ");
    if (level == GGML_LOG_LEVEL_INFO && line.compare(0, 1, "[") == 0 && number_end != std::string::npos) {
        const size_t begin = number_end + 2;
        failure->tensor = line.substr(begin, line.find(' ', begin) - begin);
    }
}

// What it says of a tensor names neither that nor what it may come from: a block's scale is of half precision.
std::string explained(const Failure & failure) {
    if (failure.message.find("data validation failed") == std::string::npos) {
        return failure.message;
    }
    return "the tensor " + failure.tensor + " has weights too large for the type, or without a value (" +
           failure.message.substr(0, failure.message.find_last_not_of('\n') + 1) + ").";
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
                          is_full(failure.system_error) ? std::strerror(failure.system_error) : explained(failure));
    }
}

}  // namespace vserve
