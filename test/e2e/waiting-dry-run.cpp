// Preloaded: has the dry run wait, until a signal ends it, before it begins.
#include <errno.h>
#include <string.h>
#include <unistd.h>

__attribute__((constructor)) static void wait_in_dry_run() {
    if (strcmp(program_invocation_short_name, "vserve-dry-run") == 0) {
        pause();
    }
}
