#pragma once

#include <cstddef>

#include "llama.h"

namespace vserve {

// Asks the operating system for huge pages under the weights in main memory that are not mapped from the file: each step
// reads all of them, and with small pages the CPU looks up an address every 4 kilobytes. Only Linux; where it has none to
// give, nothing changes.
void use_huge_pages(const llama_model * model);

// The same for memory that is in use: what it holds stays.
void use_huge_pages(void * memory, size_t bytes);

}  // namespace vserve
