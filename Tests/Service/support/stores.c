// Records what becomes of a pool's mapping at each of libpmem's calls: which lines of 64 bytes have
// changed since the last, and what is being flushed. STORES is the file to write to, STORES_POOL the
// end of the pool's path.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum kind { FLUSH = 1, DRAIN = 2, PERSIST = 3 };
enum { LINE = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static uint8_t *base, *shadow;
static size_t size;

static void *original(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static void put(const void *bytes, size_t count) {
    if (write(out, bytes, count) != (ssize_t)count) abort();
}

// Finds where the pool is mapped, if it is; a new mapping is told with all that is in it.
static int find(void) {
    const char *pool = getenv("STORES_POOL"), *path = getenv("STORES");
    if (!pool || !path) return 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4600];
    uint8_t *start = NULL, *end = NULL;
    while (maps && fgets(line, sizeof line, maps)) {
        line[strcspn(line, "\n")] = 0;
        size_t length = strlen(line), wanted = strlen(pool);
        unsigned long first, last;
        if (length < wanted || strcmp(line + length - wanted, pool)) continue;
        if (sscanf(line, "%lx-%lx", &first, &last) != 2) continue;
        // One mapping may be shown in parts, whose protection differs.
        if ((uint8_t *)first != end) start = (uint8_t *)first;
        end = (uint8_t *)last;
    }
    if (maps) fclose(maps);
    if (!start) return 0;
    if (out < 0) out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (out < 0) abort();
    if (start != base || size != (size_t)(end - start)) {
        base = start;
        size = end - start;
        free(shadow);
        // All that is there is told once: what was stored before the first call is in it.
        shadow = calloc(1, size);
        if (!shadow) abort();
    }
    return 1;
}

// Tells of an event, and before it of all stores since the last.
static void tell(enum kind kind, const void *address, size_t length) {
    pthread_mutex_lock(&lock);
    if (find()) {
        uint8_t *inside = (uint8_t *)address;
        int is_inside = inside >= base && inside < base + size;
        if (kind == DRAIN || is_inside) {
            uint64_t offset = kind == DRAIN ? 0 : inside - base, count = length, lines = 0;
            for (size_t at = 0; at < size; at += LINE)
                lines += memcmp(base + at, shadow + at, LINE) != 0;
            uint64_t head[4] = {kind, offset, count, lines};
            put(head, sizeof head);
            for (size_t at = 0; at < size; at += LINE) {
                if (memcmp(base + at, shadow + at, LINE) == 0) continue;
                uint64_t place = at;
                put(&place, sizeof place);
                put(base + at, LINE);
                memcpy(shadow + at, base + at, LINE);
            }
        }
    }
    pthread_mutex_unlock(&lock);
}

void *pmem_memcpy_nodrain(void *to, const void *from, size_t count) {
    void *result = ((void *(*)(void *, const void *, size_t))original("pmem_memcpy_nodrain"))(
        to, from, count);
    tell(FLUSH, to, count);
    return result;
}

void *pmem_memset_nodrain(void *to, int value, size_t count) {
    void *result = ((void *(*)(void *, int, size_t))original("pmem_memset_nodrain"))(
        to, value, count);
    tell(FLUSH, to, count);
    return result;
}

void pmem_drain(void) {
    tell(DRAIN, NULL, 0);
    ((void (*)(void))original("pmem_drain"))();
}

void pmem_persist(const void *address, size_t count) {
    tell(PERSIST, address, count);
    ((void (*)(const void *, size_t))original("pmem_persist"))(address, count);
}

int pmem_msync(const void *address, size_t count) {
    tell(PERSIST, address, count);
    return ((int (*)(const void *, size_t))original("pmem_msync"))(address, count);
}

void pmem_flush(const void *address, size_t count) {
    tell(FLUSH, address, count);
    ((void (*)(const void *, size_t))original("pmem_flush"))(address, count);
}

void pmem_deep_flush(const void *address, size_t count) {
    tell(FLUSH, address, count);
    ((void (*)(const void *, size_t))original("pmem_deep_flush"))(address, count);
}

int pmem_deep_drain(const void *address, size_t count) {
    tell(DRAIN, NULL, 0);
    return ((int (*)(const void *, size_t))original("pmem_deep_drain"))(address, count);
}

int pmem_deep_persist(const void *address, size_t count) {
    tell(PERSIST, address, count);
    return ((int (*)(const void *, size_t))original("pmem_deep_persist"))(address, count);
}
