// Fails chosen calls of the process it is preloaded into, as a control file says, which may be
// changed at any time. The file is an array of slots, one a call, in the order of `enum call`, and
// at DEATH the call at which the process is to die, counted over all that change something.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum call {
    MSYNC, FSYNC, PWRITE, FALLOCATE, PREAD, OPEN, LINK, UNLINK, RENAME, MADVISE, FTRUNCATE,
    CALLS
};

struct slot {
    _Atomic int32_t armed;
    _Atomic int32_t nth;      // Counts down; the call that brings it to 0 fails.
    int32_t sticky;           // All that follow fail too.
    int32_t error;            // 0 with a short count, or to do nothing and claim success.
    int32_t limit;            // Bytes of a short count; -1: none.
    int32_t holds;            // It is made all the same, but not before the slot is disarmed.
    _Atomic int64_t seen;
    _Atomic int64_t hits;
    char path[88];            // Only files whose path holds this.
};

enum { DEATH = 3072 };

struct death {
    _Atomic int64_t seen;     // Calls of all threads together, in the order in which they began.
    _Atomic int64_t nth;      // 0: never.
    int32_t after;            // Die when the call has been made, not before.
};

static struct slot *slots;
static struct death *death;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULTS");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) return;
    slots = memory;
    death = (struct death *)((char *)memory + DEATH);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// Counts a call that changes something; its number.
static int64_t begin(void) {
    if (!death) return 0;
    int64_t number = atomic_fetch_add(&death->seen, 1) + 1;
    if (number == atomic_load(&death->nth) && !death->after) die();
    return number;
}

static void end(int64_t number) {
    if (death && number == atomic_load(&death->nth) && death->after) die();
}

// The call's result, with the deaths before and after it.
#define LIVING(type, call)                                                                         \
    ({                                                                                             \
        int64_t number_ = begin();                                                                 \
        type result_ = (call);                                                                     \
        int saved_ = errno;                                                                        \
        end(number_);                                                                              \
        errno = saved_;                                                                            \
        result_;                                                                                   \
    })

static void *original(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

static int is_meant(struct slot *slot, const char *path, int file) {
    if (!slot->path[0]) return 1;
    char link[64], target[4096];
    if (!path) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", file);
        ssize_t length = readlink(link, target, sizeof target - 1);
        if (length < 0) return 0;
        target[length] = 0;
        path = target;
    }
    return strstr(path, slot->path) != NULL;
}

// The slot if the call is to fail now.
static struct slot *fault(enum call call, const char *path, int file) {
    if (!slots) return NULL;
    struct slot *slot = &slots[call];
    if (!is_meant(slot, path, file)) return NULL;
    atomic_fetch_add(&slot->seen, 1);
    if (!atomic_load(&slot->armed)) return NULL;
    int32_t left = atomic_fetch_sub(&slot->nth, 1);
    if (left > 1 || (left < 1 && !slot->sticky)) return NULL;
    atomic_fetch_add(&slot->hits, 1);
    if (!slot->holds) return slot;
    while (atomic_load(&slot->armed)) usleep(1000);
    return NULL;
}

static int fails(enum call call, const char *path, int file) {
    struct slot *slot = fault(call, path, file);
    if (!slot) return 0;
    errno = slot->error;
    return 1;
}

int msync(void *address, size_t size, int flags) {
    if (fails(MSYNC, "", -1)) return -1;
    return LIVING(int, ((int (*)(void *, size_t, int))original("msync"))(address, size, flags));
}

int madvise(void *address, size_t size, int advice) {
    // Only that one which makes pages writable.
    if (advice == 23 && fails(MADVISE, "", -1)) return -1;
    return ((int (*)(void *, size_t, int))original("madvise"))(address, size, advice);
}

int fsync(int file) {
    if (fails(FSYNC, NULL, file)) return -1;
    return LIVING(int, ((int (*)(int))original("fsync"))(file));
}

int fdatasync(int file) {
    if (fails(FSYNC, NULL, file)) return -1;
    return LIVING(int, ((int (*)(int))original("fdatasync"))(file));
}

static int shortened(struct slot *slot, size_t *count) {
    if (!slot) return 0;
    if (slot->limit >= 0) {
        if (*count > (size_t)slot->limit) *count = slot->limit;
        return 0;
    }
    errno = slot->error;
    return 1;
}

ssize_t pwrite(int file, const void *data, size_t count, off_t offset) {
    struct slot *slot = fault(PWRITE, NULL, file);
    if (shortened(slot, &count)) return slot->error ? -1 : (ssize_t)count;
    return LIVING(ssize_t, ((ssize_t (*)(int, const void *, size_t, off_t))original("pwrite"))(
        file, data, count, offset));
}

ssize_t pwrite64(int file, const void *data, size_t count, off_t offset) {
    return pwrite(file, data, count, offset);
}

ssize_t pread(int file, void *data, size_t count, off_t offset) {
    if (shortened(fault(PREAD, NULL, file), &count)) return -1;
    return ((ssize_t (*)(int, void *, size_t, off_t))original("pread"))(file, data, count, offset);
}

ssize_t pread64(int file, void *data, size_t count, off_t offset) {
    return pread(file, data, count, offset);
}

// What reads from the page cache alone may find nothing there: then the caller must use pread.
ssize_t preadv2(int file, const struct iovec *parts, int count, off_t offset, int flags) {
    if (slots && atomic_load(&slots[PREAD].armed)) {
        errno = EAGAIN;
        return -1;
    }
    return ((ssize_t (*)(int, const struct iovec *, int, off_t, int))original("preadv2"))(
        file, parts, count, offset, flags);
}

ssize_t preadv64v2(int file, const struct iovec *parts, int count, off_t offset, int flags) {
    return preadv2(file, parts, count, offset, flags);
}

int posix_fallocate(int file, off_t offset, off_t size) {
    struct slot *slot = fault(FALLOCATE, NULL, file);
    if (slot) return slot->error;
    int (*allocate)(int, off_t, off_t) = original("posix_fallocate");
    return LIVING(int, allocate(file, offset, size));
}

int posix_fallocate64(int file, off_t offset, off_t size) {
    return posix_fallocate(file, offset, size);
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (fails(OPEN, path, -1)) return -1;
    return ((int (*)(const char *, int, mode_t))original("open"))(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return open(path, flags, mode);
}

int ftruncate(int file, off_t size) {
    if (fails(FTRUNCATE, NULL, file)) return -1;
    return LIVING(int, ((int (*)(int, off_t))original("ftruncate"))(file, size));
}

int ftruncate64(int file, off_t size) {
    return ftruncate(file, size);
}

int link(const char *from, const char *to) {
    if (fails(LINK, to, -1)) return -1;
    return LIVING(int, ((int (*)(const char *, const char *))original("link"))(from, to));
}

int unlink(const char *path) {
    if (fails(UNLINK, path, -1)) return -1;
    return LIVING(int, ((int (*)(const char *))original("unlink"))(path));
}

int rename(const char *from, const char *to) {
    if (fails(RENAME, to, -1)) return -1;
    return LIVING(int, ((int (*)(const char *, const char *))original("rename"))(from, to));
}

int fchmod(int file, mode_t mode) {
    return LIVING(int, ((int (*)(int, mode_t))original("fchmod"))(file, mode));
}

int mkdir(const char *path, mode_t mode) {
    return LIVING(int, ((int (*)(const char *, mode_t))original("mkdir"))(path, mode));
}
