// Feeds a text to TextStream byte by byte (a token can end anywhere) and prints what comes out, a line for each push.
//   text-stream-check <text> [stop string]...

#include <cstdio>

#include "text-stream.h"

int main(int argc, char ** argv) {
    vserve::TextStream stream(std::vector<std::string>(argv + 2, argv + argc));
    for (const char * byte = argv[1]; *byte != 0; byte++) {
        std::printf("%s\n", stream.push(std::string_view(byte, 1)).c_str());
    }
    std::printf("%s\n%s\n", stream.finish().c_str(), stream.stopped() ? "stopped" : "open");
}
