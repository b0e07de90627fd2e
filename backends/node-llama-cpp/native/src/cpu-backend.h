#pragma once

#include <string>

#include "error.h"
#include "ggml-backend.h"

namespace vserve {

// A function of ggml's CPU backend. It is a library of its own, chosen for the processor at run time: its functions are
// asked for by name. Throws EngineError native_addon_mismatch.
template <typename Function> Function cpu_function(const char * name) {
    ggml_backend_dev_t device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    void * address =
        device == nullptr ? nullptr : ggml_backend_reg_get_proc_address(ggml_backend_dev_backend_reg(device), name);
    if (address == nullptr) {
        throw EngineError("native_addon_mismatch", std::string("The CPU backend of llama.cpp has no ") + name + ".");
    }
    return reinterpret_cast<Function>(address);
}

}  // namespace vserve
