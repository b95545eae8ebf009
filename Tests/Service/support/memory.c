// Refuses memory to the libraries that MEMORY_CALLERS names (parts of their paths, with commas between),
// as the control file MEMORY says: the nth allocation of theirs from now on, or all from it on.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct control {
    _Atomic int32_t armed;
    _Atomic int32_t nth;
    int32_t sticky;
    int32_t unused;
    _Atomic int64_t seen;
    _Atomic int64_t refused;
};

enum { RANGES = 64 };

static struct control *control;
static struct range { uintptr_t first, last; } ranges[RANGES];
static int count;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static int is_named(const char *path, const char *names) {
    while (*names) {
        size_t length = strcspn(names, ",");
        for (const char *at = path; *at; at++)
            if (!strncmp(at, names, length)) return 1;
        names += length + (names[length] == ',');
    }
    return 0;
}

static int add(struct dl_phdr_info *info, size_t size, void *names) {
    (void)size;
    if (!is_named(info->dlpi_name, names)) return 0;
    for (int part = 0; part < info->dlpi_phnum && count < RANGES; part++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[part];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_X)) continue;
        ranges[count].first = info->dlpi_addr + header->p_vaddr;
        ranges[count].last = ranges[count].first + header->p_memsz;
        count++;
    }
    return 0;
}

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("MEMORY"), *names = getenv("MEMORY_CALLERS");
    int file = path && names ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    dl_iterate_phdr(add, (void *)names);
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) control = memory;
}

static int is_refused(const void *caller) {
    if (!control) return 0;
    uintptr_t place = (uintptr_t)caller;
    int is_meant = 0;
    for (int index = 0; index < count; index++)
        is_meant |= place >= ranges[index].first && place < ranges[index].last;
    if (!is_meant) return 0;
    atomic_fetch_add(&control->seen, 1);
    if (!atomic_load(&control->armed)) return 0;
    int32_t left = atomic_fetch_sub(&control->nth, 1);
    if (left > 1 || (left < 1 && !control->sticky)) return 0;
    atomic_fetch_add(&control->refused, 1);
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    return is_refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
