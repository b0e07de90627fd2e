#include "huge-pages.h"

#ifdef __linux__
#include <algorithm>
#include <string>
#include <unordered_set>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ggml-backend.h"

// Of llama.cpp, but in none of its headers for users.
const std::vector<std::pair<std::string, ggml_tensor *>> & llama_internal_get_tensor_map(const llama_model * model);
#endif

namespace vserve {

#ifdef __linux__

namespace {

constexpr uintptr_t huge_page = 2 * 1024 * 1024;
constexpr size_t piece = 8 * huge_page;  // between two looks at whether to go on
constexpr int collapse = 25;  // MADV_COLLAPSE: at once, not some day. From Linux 6.1 on.

// A mapped file is read as it is used, not before.
bool is_in_main_memory(ggml_backend_buffer_t buffer) {
    const ggml_backend_buffer_type_t type = ggml_backend_buffer_get_type(buffer);
    const ggml_backend_dev_t device = ggml_backend_buft_get_device(type);
    return device != nullptr && ggml_backend_dev_type(device) == GGML_BACKEND_DEVICE_TYPE_CPU &&
           ggml_backend_buft_name(type) != std::string("CPU_Mapped");
}

uintptr_t next_huge_page(const void * memory) {
    return (reinterpret_cast<uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
}

}  // namespace

void use_huge_pages(void * memory, size_t bytes) {
    const uintptr_t first = next_huge_page(memory);
    const uintptr_t end = (reinterpret_cast<uintptr_t>(memory) + bytes) / huge_page * huge_page;
    if (first < end && madvise(reinterpret_cast<void *>(first), end - first, MADV_HUGEPAGE) == 0) {
        madvise(reinterpret_cast<void *>(first), end - first, collapse);
    }
}

HugePages::HugePages(const llama_model * model) {
    std::unordered_set<ggml_backend_buffer_t> seen;
    for (const auto & [name, tensor] : llama_internal_get_tensor_map(model)) {
        if (tensor->buffer != nullptr && seen.insert(tensor->buffer).second && is_in_main_memory(tensor->buffer)) {
            buffers_.emplace_back(ggml_backend_buffer_get_base(tensor->buffer), ggml_backend_buffer_get_size(tensor->buffer));
        }
    }
    if (buffers_.empty()) {
        return;
    }
    thread_ = std::thread([this] {
        setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), 19);
        for (const auto & [memory, bytes] : buffers_) {
            const uintptr_t end = reinterpret_cast<uintptr_t>(memory) + bytes;
            for (uintptr_t at = next_huge_page(memory); at < end && !stopping_; at += piece) {
                use_huge_pages(reinterpret_cast<void *>(at), std::min<size_t>(piece, end - at));
            }
        }
    });
}

#else

HugePages::HugePages(const llama_model *) {}
void use_huge_pages(void *, size_t) {}

#endif

HugePages::~HugePages() {
    stopping_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
}

}  // namespace vserve
