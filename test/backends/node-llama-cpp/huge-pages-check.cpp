// Checks use_huge_pages(): huge-pages-check allowed | refused. Prints the kilobytes of huge pages that it got for memory in use,
// and what the kernel gives when asked directly.

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include <sys/mman.h>
#include <sys/prctl.h>

#include "huge-pages.h"

namespace {

constexpr size_t huge_page = 2 * 1024 * 1024;
constexpr size_t bytes = 8 * huge_page;
constexpr int collapse = 25;  // MADV_COLLAPSE

// A mapping of its own: an inaccessible page keeps it apart from its neighbours.
uint8_t * memory_in_use() {
    auto * guarded = static_cast<uint8_t *>(
        mmap(nullptr, bytes + 2 * huge_page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    auto * memory = reinterpret_cast<uint8_t *>((reinterpret_cast<uintptr_t>(guarded) + huge_page) / huge_page * huge_page);
    mprotect(memory, bytes, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < bytes; i++) {
        memory[i] = static_cast<uint8_t>(i * 31 >> 7);
    }
    return memory;
}

bool is_intact(const uint8_t * memory) {
    for (size_t i = 0; i < bytes; i++) {
        if (memory[i] != static_cast<uint8_t>(i * 31 >> 7)) {
            return false;
        }
    }
    return true;
}

// Of the mappings that begin in the memory: asking may have split it.
long huge_kilobytes(const uint8_t * memory) {
    std::ifstream maps("/proc/self/smaps");
    long sum = 0;
    bool is_inside = false;
    for (std::string line; std::getline(maps, line);) {
        unsigned long begin = 0;
        unsigned long end = 0;
        long kilobytes = 0;
        if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
            const auto first = reinterpret_cast<uintptr_t>(memory);
            is_inside = begin >= first && begin < first + bytes;
        } else if (is_inside && std::sscanf(line.c_str(), "AnonHugePages: %ld kB", &kilobytes) == 1) {
            sum += kilobytes;
        }
    }
    return sum;
}

}  // namespace

int main(int, char ** arguments) {
    if (arguments[1] == std::string("refused") && prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) {
        return 1;
    }
    uint8_t * ours = memory_in_use();
    vserve::use_huge_pages(ours + 1, bytes - 1);  // it begins and ends anywhere: the first page stays small
    uint8_t * direct = memory_in_use() + huge_page;
    madvise(direct, bytes - huge_page, MADV_HUGEPAGE);
    madvise(direct, bytes - huge_page, collapse);
    std::printf("%ld %ld %s\n", huge_kilobytes(ours), huge_kilobytes(direct - huge_page),
                is_intact(ours) ? "intact" : "changed");
}
