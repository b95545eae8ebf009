#ifndef CLINUX_H
#define CLINUX_H

/* System calls that the toolchain's C library module does not show, in plain types: a type of the C
 * library would become this module's in Swift. */

/* preadv2(2) with RWF_NOWAIT: what the page cache holds; EAGAIN if that is nothing. */
long clinux_pread_cached(int descriptor, void *buffer, unsigned long count, long offset);

/* lseek(2) with SEEK_DATA: where the next bytes are that are no hole; moves the file's own place. */
long clinux_seek_data(int descriptor, long offset);

/* accept4(2): the new socket does not block and is not inherited. */
int clinux_accept(int listener, void *address, unsigned *length);

/* How many bytes have come in on a TCP connection since it was made; 0 if that can't be told. */
unsigned long clinux_bytes_received(int socket);

/* Whether the other end of a TCP connection has closed its side, whatever has not been read yet. */
int clinux_peer_has_closed(int socket);

/* shutdown(2) of both directions: the constant for that belongs to whichever module is read first. */
void clinux_shut_down(int socket);

/* Makes malloc give large blocks back to the system as soon as they are freed, and keep few arenas:
 * left to itself it keeps what the largest request ever needed, in each thread's arena. */
void clinux_bound_memory(void);

/* prctl(2) with PR_SET_NAME: what top and gdb call the calling thread; 15 bytes at most. */
void clinux_name_thread(const char *name);

/* futex(2), between processes too: sleeps while *word is value, for at most that long, in
 * milliseconds; and wakes all that sleep so. */
void clinux_futex_wait(void *word, unsigned value, long milliseconds);
void clinux_futex_wake(void *word);

/* The calling thread's number: threads are counted from 1 as they ask for it. */
unsigned clinux_thread_number(void);

/* Fetches the line of the processor's cache at an address for this core alone: who reads first and then
 * writes would fetch it from another core twice. Any address will do. */
static inline void clinux_fetch_to_write(const void *address) {
#if defined(__x86_64__)
    __asm__ volatile("prefetchw %0" : : "m"(*(const char *)address));
#else
    __builtin_prefetch(address, 1);
#endif
}

/* fallocate(2) that gives the blocks of a stretch back; what is read there afterwards is zeros. */
int clinux_punch_hole(int descriptor, long offset, long length);

/* fcntl(2) with F_OFD_SETLK on one byte: 0 if it is this open file's now. */
int clinux_lock_byte(int descriptor, long offset);

/* fcntl(2) with F_OFD_GETLK: 1 if another open file holds the byte, 0 if none does, -1 on failure. */
int clinux_byte_is_locked(int descriptor, long offset);

/* As clinux_byte_is_locked, for all bytes of the file. */
int clinux_any_byte_is_locked(int descriptor);

#endif
