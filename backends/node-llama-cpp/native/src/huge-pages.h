#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "llama.h"

namespace vserve {

// Asks the operating system for huge pages under memory that is in use: what it holds stays. Only Linux; where it has none
// to give, nothing changes.
void use_huge_pages(void * memory, size_t bytes);

// Does so for the weights in main memory that are not mapped from the file: each step reads all of them, and with small
// pages the CPU looks up an address every 4 kilobytes. It takes seconds where memory is in small pieces, so a thread of the
// lowest priority does it beside the first requests. `model` must outlive this.
class HugePages {
  public:
    explicit HugePages(const llama_model * model);
    ~HugePages();
    HugePages(const HugePages &) = delete;
    HugePages & operator=(const HugePages &) = delete;

  private:
    std::atomic<bool> stopping_{false};
    std::vector<std::pair<void *, size_t>> buffers_;
    std::thread thread_;
};

}  // namespace vserve
