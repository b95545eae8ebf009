/* Takes variables out of the environment before libpmem and libpmemlog see them.
 *
 * Both libraries read the environment while they are loaded, before main: a PMEMLOG_CONF they
 * cannot parse, or a PMEMLOG_CONF_FILE they cannot read, aborts the process there; PMEM_NO_FLUSH
 * and PMEM_IS_PMEM_FORCE on an ordinary disk make acknowledged data vanish in a power cut. What
 * stands in .preinit_array runs before the initializers of all shared libraries.
 *
 * TIDEMARK_KEEP_PMEM_ENVIRONMENT=1 leaves everything as it is, for real persistent memory.
 */
#include "CPmemEnvironment.h"

#include <string.h>

static int starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

static int is_dangerous(const char *entry) {
    return starts_with(entry, "PMEMLOG_CONF=") || starts_with(entry, "PMEMLOG_CONF_FILE=") ||
           starts_with(entry, "PMEM_IS_PMEM_FORCE=") || starts_with(entry, "PMEM_NO_FLUSH=");
}

static void scrub(int count, char **arguments, char **environment) {
    (void)count;
    (void)arguments;
    for (char **entry = environment; *entry; entry++)
        if (starts_with(*entry, "TIDEMARK_KEEP_PMEM_ENVIRONMENT=1")) return;
    char **kept = environment;
    for (char **entry = environment; *entry; entry++)
        if (!is_dangerous(*entry)) *kept++ = *entry;
    *kept = 0;
}

__attribute__((section(".preinit_array"), used)) static void (*const scrub_first)(int, char **,
                                                                                  char **) = scrub;
