#include "program.h"

#ifdef _WIN32
#include <cstdlib>
#include <string>

#include <windows.h>
#include <shellapi.h>
#else
#include <cstdlib>

#include <sys/resource.h>
#endif
#ifdef __linux__
#include <signal.h>
#include <sys/prctl.h>
#endif

namespace vserve {

#ifdef _WIN32

namespace {

std::string * utf8_of(const wchar_t * wide) {
    const int bytes = WideCharToMultiByte(CP_UTF8, 0, wide, -1, nullptr, 0, nullptr, nullptr);  // with the zero at its end
    auto * text = new std::string(static_cast<size_t>(bytes), '\0');
    WideCharToMultiByte(CP_UTF8, 0, wide, -1, text->data(), bytes, nullptr, nullptr);
    return text;
}

}  // namespace

std::vector<char *> utf8_arguments(int argc, char ** argv) {
    int count = 0;
    wchar_t ** wide = CommandLineToArgvW(GetCommandLineW(), &count);
    if (wide == nullptr) {
        return {argv, argv + argc};
    }
    std::vector<char *> arguments;
    for (int i = 0; i < count; i++) {
        arguments.push_back(utf8_of(wide[i])->data());
    }
    LocalFree(wide);
    return arguments;
}

void confine_process(uint64_t cpu_s, uint64_t bytes) {
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    _set_abort_behavior(0, _WRITE_ABORT_MSG | _CALL_REPORTFAULT);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_TIME | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION;
    limits.BasicLimitInformation.PerProcessUserTimeLimit.QuadPart = static_cast<LONGLONG>(cpu_s) * 10'000'000;  // of 100 ns
    if (bytes > 0) {
        limits.BasicLimitInformation.LimitFlags |= JOB_OBJECT_LIMIT_PROCESS_MEMORY;
        limits.ProcessMemoryLimit = bytes;
    }
    // The job lasts as long as its process, without a handle.
    if (const HANDLE job = CreateJobObjectW(nullptr, nullptr)) {
        if (SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof(limits))) {
            AssignProcessToJobObject(job, GetCurrentProcess());
        }
        CloseHandle(job);
    }
}

#else

namespace {

void limit(int resource, uint64_t value) {
    const rlimit both{static_cast<rlim_t>(value), static_cast<rlim_t>(value)};
    setrlimit(resource, &both);
}

}  // namespace

std::vector<char *> utf8_arguments(int argc, char ** argv) {
    return {argv, argv + argc};
}

void confine_process(uint64_t cpu_s, uint64_t bytes) {
    limit(RLIMIT_CORE, 0);
    setenv("GGML_NO_BACKTRACE", "1", 1);
    limit(RLIMIT_CPU, cpu_s);
    if (bytes > 0) {
        limit(RLIMIT_DATA, bytes);
    }
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody would want to know any more
#endif
}

#endif

}  // namespace vserve
