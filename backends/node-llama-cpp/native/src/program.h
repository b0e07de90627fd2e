#pragma once

#include <cstdint>
#include <vector>

namespace vserve {

// What a program of its own asks of the system.

// The arguments of main() in UTF-8, as llama.cpp opens files. They stay until the process ends.
std::vector<char *> utf8_arguments(int argc, char ** argv);

// Ends this process where it computes for longer or takes more memory of its own (0: any), and on Linux with its parent. Its
// crash leaves no image of the memory, and asks nobody what to do.
void confine_process(uint64_t cpu_s, uint64_t bytes);

}  // namespace vserve
