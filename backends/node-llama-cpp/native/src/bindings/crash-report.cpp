#include "bindings/crash-report.h"

#ifdef _WIN32

namespace vserve {

void explain_bus_errors(const std::vector<std::string> &) {}

}  // namespace vserve

#else

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>

#include <sys/stat.h>
#include <unistd.h>

namespace vserve {

namespace {

struct File {
    std::string path;
    off_t bytes;
    time_t modified;
};

// Never freed: the handler may be reading it.
std::atomic<const std::vector<File> *> files{nullptr};
struct sigaction before;  // the previous handler: V8's on macOS

// Builds a line without allocating: signal handlers may call next to nothing of the C library.
class Line {
  public:
    void add(const char * text) {
        const size_t length = std::min(std::strlen(text), sizeof(bytes_) - length_);
        std::memcpy(bytes_ + length_, text, length);
        length_ += length;
    }

    void add(off_t number) {
        char digits[24];
        char * at = digits + sizeof(digits);
        *--at = '\0';
        do {
            *--at = static_cast<char>('0' + number % 10);
            number /= 10;
        } while (number > 0);
        add(at);
    }

    void write() const {
        const ssize_t ignored = ::write(STDERR_FILENO, bytes_, length_);
        (void)ignored;
    }

  private:
    char bytes_[4096];
    size_t length_ = 0;
};

bool add_change(Line & line, const File & file) {
    struct stat now;
    const bool is_there = ::stat(file.path.c_str(), &now) == 0;
    if (is_there && now.st_size == file.bytes && now.st_mtime == file.modified) {
        return false;
    }
    line.add(" ");
    line.add(file.path.c_str());
    if (!is_there) {
        line.add(" (removed)");
        return true;
    }
    line.add(" (");
    line.add(file.bytes);
    line.add(" bytes when it was loaded, ");
    line.add(now.st_size);
    line.add(now.st_size == file.bytes ? " now, but written to)" : " now)");
    return true;
}

// Returns whether a file changed, which explains the signal.
bool explain() {
    Line line;
    line.add("vserve: SIGBUS: a model file changed while it was served:");
    bool changed = false;
    const auto * watched = files.load();
    for (size_t i = 0; watched != nullptr && i < watched->size(); i++) {
        changed = add_change(line, (*watched)[i]) || changed;
    }
    if (!changed) {
        return false;
    }
    line.add(". Put the file back and start again; to replace a model that is served, rename the new file over it.\n");
    line.write();
    return true;
}

void on_bus_error(int signal, siginfo_t * info, void * context) {
    if (explain() || before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN) {
        std::signal(signal, SIG_DFL);
        std::raise(signal);
    } else if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(signal, info, context);
    } else {
        before.sa_handler(signal);
    }
}

}  // namespace

void explain_bus_errors(const std::vector<std::string> & paths) {
    auto * watched = new std::vector<File>;
    for (const auto & path : paths) {
        struct stat now;
        if (::stat(path.c_str(), &now) == 0) {
            watched->push_back({path, now.st_size, now.st_mtime});
        }
    }
    const bool is_first = files.exchange(watched) == nullptr;
    if (is_first) {
        struct sigaction action {};
        action.sa_sigaction = on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &before);
    }
}

}  // namespace vserve

#endif
