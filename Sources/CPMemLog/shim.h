#include <errno.h>
#include <libpmem.h>
#include <libpmemlog.h>
#include <sys/mman.h>
#include <sys/uio.h>

/* Linux 5.14; older headers lack it and older kernels answer EINVAL. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
