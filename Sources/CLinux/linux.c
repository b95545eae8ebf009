#define _GNU_SOURCE
#include "CLinux.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

long clinux_pread_cached(int descriptor, void *buffer, unsigned long count, long offset) {
    struct iovec part = {buffer, count};
    return preadv2(descriptor, &part, 1, offset, RWF_NOWAIT);
}

long clinux_seek_data(int descriptor, long offset) {
    return lseek(descriptor, offset, SEEK_DATA);
}

int clinux_accept(int listener, void *address, unsigned *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

unsigned long clinux_bytes_received(int socket) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size)) return 0;
    return info.tcpi_bytes_received;
}

int clinux_peer_has_closed(int socket) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size)) return 1;
    /* 1 is TCP_ESTABLISHED, which only the C library's header has. */
    return info.tcpi_state != 1;
}

void clinux_shut_down(int socket) {
    shutdown(socket, SHUT_RDWR);
}

void clinux_bound_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_ARENA_MAX, 4);
}

void clinux_name_thread(const char *name) {
    prctl(PR_SET_NAME, name);
}

void clinux_futex_wait(void *word, unsigned value, long milliseconds) {
    struct timespec limit = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, NULL, 0);
}

void clinux_futex_wake(void *word) {
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

unsigned clinux_thread_number(void) {
    static unsigned next;
    static _Thread_local unsigned number;
    if (!number) number = __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED);
    return number;
}

int clinux_punch_hole(int descriptor, long offset, long length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int clinux_lock_byte(int descriptor, long offset) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(descriptor, F_OFD_SETLK, &lock);
}

static int is_locked(int descriptor, long offset, long length) {
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = length};
    if (fcntl(descriptor, F_OFD_GETLK, &lock)) return -1;
    return lock.l_type != F_UNLCK;
}

int clinux_byte_is_locked(int descriptor, long offset) {
    return is_locked(descriptor, offset, 1);
}

int clinux_any_byte_is_locked(int descriptor) { return is_locked(descriptor, 0, 0); }
