#include "huge-pages.h"

#ifdef __linux__
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <sys/mman.h>

#include "ggml-backend.h"

// Of llama.cpp, but in none of its headers for users.
const std::vector<std::pair<std::string, ggml_tensor *>> & llama_internal_get_tensor_map(const llama_model * model);
#endif

namespace vserve {

#ifdef __linux__

namespace {

constexpr uintptr_t huge_page = 2 * 1024 * 1024;
constexpr int collapse = 25;  // MADV_COLLAPSE: at once, not some day. From Linux 6.1 on.

// A mapped file is read as it is used, not before.
bool is_in_main_memory(ggml_backend_buffer_t buffer) {
    const ggml_backend_buffer_type_t type = ggml_backend_buffer_get_type(buffer);
    const ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
    return device != nullptr && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU &&
           ggml_backend_buft_name(type) != std::string("CPU_Mapped");
}

}  // namespace

void use_huge_pages(void * memory, size_t bytes) {
    const uintptr_t first = (reinterpret_cast<uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
    const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) / huge_page * huge_page;
    if (first < end && madvise(reinterpret_cast<void *>(first), end - first, MADV_HUGEPAGE) == 0) {
        madvise(reinterpret_cast<void *>(first), end - first, collapse);
    }
}

void use_huge_pages(const llama_model * model) {
    std::unordered_set<ggml_backend_buffer_t> seen;
    for (const auto & [name, tensor] : llama_internal_get_tensor_map(model)) {
        if (tensor->buffer != nullptr && seen.insert(tensor->buffer).second && is_in_main_memory(tensor->buffer)) {
            use_huge_pages(ggml_backend_buffer_get_base(tensor->buffer), ggml_backend_buffer_get_size(tensor->buffer));
        }
    }
}

#else

void use_huge_pages(const llama_model *) {}
void use_huge_pages(void *, size_t) {}

#endif

}  // namespace vserve
