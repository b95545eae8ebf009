// Records every call that changes files below CALLS_ROOT, in order, into the file CALLS: a line of text
// (number of bytes that follow, call, inode, two numbers, path, other path), then the bytes.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static const char *root;
static size_t root_length;

static void *original(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) abort();
    return found;
}

__attribute__((constructor)) static void start(void) {
    int (*open_)(const char *, int, ...) = original("open");
    root = getenv("CALLS_ROOT");
    const char *path = getenv("CALLS");
    if (!root || !path) return;
    root_length = strlen(root);
    out = open_(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static ssize_t raw(int file, const void *data, size_t count) {
    return ((ssize_t (*)(int, const void *, size_t))original("write"))(file, data, count);
}

// The path below the root; NULL for others.
static const char *below(const char *path) {
    if (out < 0 || strncmp(path, root, root_length) || path[root_length] != '/') return NULL;
    return path + root_length + 1;
}

static int path_of(int file, char *target, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, target, size - 1);
    if (length < 0) return 0;
    target[length] = 0;
    return !strncmp(target, root, root_length);
}

static void note(const char *call, uint64_t inode, long long first, long long second,
                 const char *path, const char *other, const void *data, size_t count) {
    char line[9000];
    int length = snprintf(line, sizeof line, "%zu\t%s\t%llu\t%lld\t%lld\t%s\t%s\n", count, call,
                          (unsigned long long)inode, first, second, path, other);
    if (raw(out, line, length) != length) abort();
    if (count && raw(out, data, count) != (ssize_t)count) abort();
}

// Makes the call and tells of it as one step.
#define TELLING(type, call, told)                                                                  \
    ({                                                                                             \
        pthread_mutex_lock(&lock);                                                                 \
        type result_ = (call);                                                                     \
        int saved_ = errno;                                                                        \
        if (result_ >= 0) { told; }                                                                \
        pthread_mutex_unlock(&lock);                                                               \
        errno = saved_;                                                                            \
        result_;                                                                                   \
    })

static uint64_t inode_of(int file, char *path, size_t size) {
    struct stat status;
    if (out < 0 || fstat(file, &status) || !path_of(file, path, size)) return 0;
    return status.st_ino;
}

static void note_file(const char *call, int file, long long first, long long second,
                      const void *data, size_t count) {
    char path[4200];
    uint64_t inode = inode_of(file, path, sizeof path);
    struct stat status;
    if (!inode) return;
    fstat(file, &status);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) return;
    if (S_ISDIR(status.st_mode)) call = "syncdir";
    const char *shown = path[root_length] ? path + root_length + 1 : "";
    note(call, inode, first, second, shown, "", data, count);
}

ssize_t pwrite(int file, const void *data, size_t count, off_t offset) {
    ssize_t (*call)(int, const void *, size_t, off_t) = original("pwrite");
    return TELLING(ssize_t, call(file, data, count, offset),
                   note_file("write", file, offset, 0, data, result_));
}

ssize_t pwrite64(int file, const void *data, size_t count, off_t offset) {
    return pwrite(file, data, count, offset);
}

int ftruncate(int file, off_t size) {
    int (*call)(int, off_t) = original("ftruncate");
    return TELLING(int, call(file, size), note_file("truncate", file, size, 0, NULL, 0));
}

int ftruncate64(int file, off_t size) { return ftruncate(file, size); }

int posix_fallocate(int file, off_t offset, off_t size) {
    int (*call)(int, off_t, off_t) = original("posix_fallocate");
    return TELLING(int, call(file, offset, size),
                   if (!result_) note_file("allocate", file, offset, size, NULL, 0));
}

int posix_fallocate64(int file, off_t offset, off_t size) {
    return posix_fallocate(file, offset, size);
}

int fsync(int file) {
    int (*call)(int) = original("fsync");
    return TELLING(int, call(file), note_file("sync", file, 0, 0, NULL, 0));
}

int fdatasync(int file) {
    int (*call)(int) = original("fdatasync");
    return TELLING(int, call(file), note_file("sync", file, 0, 0, NULL, 0));
}

static void note_memory(const uint8_t *address, size_t size) {
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4600];
    while (maps && fgets(line, sizeof line, maps)) {
        unsigned long first, last, inode;
        unsigned long long offset;
        int path = 0;
        line[strcspn(line, "\n")] = 0;
        if (sscanf(line, "%lx-%lx %*s %llx %*s %lu %n", &first, &last, &offset, &inode, &path) < 4)
            continue;
        if ((unsigned long)address < first || (unsigned long)address >= last || !path) continue;
        const char *name = below(line + path);
        if (!name) break;
        unsigned long place = (unsigned long)address - first;
        if (size > last - first - place) size = last - first - place;
        note("map", inode, place + offset, 0, name, "", address, size);
        break;
    }
    if (maps) fclose(maps);
}

int msync(void *address, size_t size, int flags) {
    int (*call)(void *, size_t, int) = original("msync");
    return TELLING(int, call(address, size, flags), if (out >= 0) note_memory(address, size));
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    int (*call)(const char *, int, ...) = original("open");
    if (!(flags & (O_CREAT | O_TRUNC)) || out < 0 || !below(path)) return call(path, flags, mode);
    return TELLING(int, call(path, flags, mode), {
        struct stat status;
        fstat(result_, &status);
        // It was there if it is older than this call; whoever makes a file gives it a new name.
        note("open", status.st_ino, !!(flags & O_CREAT), !!(flags & O_TRUNC), below(path), "",
             NULL, 0);
    });
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return open(path, flags, mode);
}

static int two(const char *name, const char *from, const char *to) {
    int (*call)(const char *, const char *) = original(name);
    return TELLING(int, call(from, to), if (out >= 0 && below(from) && below(to))
                       note(name, 0, 0, 0, below(from), below(to), NULL, 0));
}

int link(const char *from, const char *to) { return two("link", from, to); }

int rename(const char *from, const char *to) { return two("rename", from, to); }

int unlink(const char *path) {
    int (*call)(const char *) = original("unlink");
    return TELLING(int, call(path),
                   if (out >= 0 && below(path)) note("unlink", 0, 0, 0, below(path), "", NULL, 0));
}

int rmdir(const char *path) {
    int (*call)(const char *) = original("rmdir");
    return TELLING(int, call(path),
                   if (out >= 0 && below(path)) note("rmdir", 0, 0, 0, below(path), "", NULL, 0));
}

int mkdir(const char *path, mode_t mode) {
    int (*call)(const char *, mode_t) = original("mkdir");
    return TELLING(int, call(path, mode),
                   if (out >= 0 && below(path)) note("mkdir", 0, 0, 0, below(path), "", NULL, 0));
}
