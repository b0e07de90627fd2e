// Preloaded: has the program whose command line contains WAITING_PROGRAM wait, until a signal ends it, before it begins.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

__attribute__((constructor)) static void wait_in_program() {
    const char * name = std::getenv("WAITING_PROGRAM");
    std::ifstream file("/proc/self/cmdline", std::ios::binary);
    const std::string command{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (name != nullptr && command.find(name) != std::string::npos) {
        pause();
    }
}
