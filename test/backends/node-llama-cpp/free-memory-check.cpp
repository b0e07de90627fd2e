// Checks return_free_memory(). Frees most of what another thread has allocated, and prints the megabytes that the process
// has of it: while all is in use, once most is free, and once that is returned.

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <unistd.h>

#include "free-memory.h"

namespace {

constexpr size_t block = 64 * 1024;  // malloc maps larger ones by themselves
constexpr size_t blocks = 1024;

long resident_megabytes() {
    long pages = 0;
    FILE * file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr || std::fscanf(file, "%*ld %ld", &pages) != 1) {
        return -1;
    }
    std::fclose(file);
    return pages * sysconf(_SC_PAGESIZE) / (1024 * 1024);
}

}  // namespace

int main() {
    const long before = resident_megabytes();
    std::vector<void *> memory;
    std::thread([&memory] {
        for (size_t i = 0; i < blocks; i++) {
            memory.push_back(std::memset(std::malloc(block), 1, block));
        }
    }).join();
    const long used = resident_megabytes() - before;
    for (size_t i = 0; i + 1 < blocks; i++) {
        if (i % 64 != 0) {
            std::free(memory[i]);
        }
    }
    const long freed = resident_megabytes() - before;
    vserve::return_free_memory();
    std::printf("%ld %ld %ld\n", used, freed, resident_megabytes() - before);
}
