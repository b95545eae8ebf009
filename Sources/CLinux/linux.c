#define _GNU_SOURCE
#include "CLinux.h"

#include <linux/tcp.h>
#include <malloc.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

void clinux_bound_memory(void) {
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    mallopt(M_ARENA_MAX, 4);
}

void clinux_name_thread(const char *name) {
    prctl(PR_SET_NAME, name);
}
