/* Times the buffer pool of Berkeley DB as MPoolBench times ours: FOLDER has the file `large`, which
 * MPoolBench has made. Build with cc -O2 libdb.c -ldb-5.3 -pthread. */
#include <db.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, HOT = 2000, LARGE = 65536, OPERATIONS = 2000000 };

static const char *folder;
static DB_ENV *environment;
static DB_MPOOLFILE *file;
static unsigned pages;

static double now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void check(int result, const char *what) {
    if (!result) return;
    fprintf(stderr, "%s: %s\n", what, db_strerror(result));
    exit(1);
}

static void open_pool(int is_private, int cached) {
    char home[4096], path[4096];
    snprintf(home, sizeof home, "%s/libdb", folder);
    snprintf(path, sizeof path, "%s/large", folder);
    char command[8300];
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir '%s'", home, home);
    if (system(command)) exit(1);
    check(db_env_create(&environment, 0), "create");
    check(environment->set_cachesize(environment, 0, (unsigned)cached * PAGE, 1), "cachesize");
    unsigned flags = DB_CREATE | DB_INIT_MPOOL | DB_THREAD | (is_private ? DB_PRIVATE : 0);
    check(environment->open(environment, home, flags, 0600), "open");
    check(environment->memp_fcreate(environment, &file, 0), "fcreate");
    check(file->open(file, path, DB_NOMMAP, 0, PAGE), "fopen");
}

static void close_pool(void) {
    file->close(file, 0);
    environment->close(environment, 0);
}

static void touch(db_pgno_t number) {
    void *page;
    check(file->get(file, &number, NULL, 0, &page), "get");
    if (*(char *)page != 0x5A) exit(1);
    check(file->put(file, page, DB_PRIORITY_UNCHANGED, 0), "put");
}

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void *hit(void *number) {
    uint64_t state = (uintptr_t)number * 7919 + 1;
    for (int done = 0; done < OPERATIONS; done++) touch((uint32_t)(next(&state) >> 20) % pages);
    return NULL;
}

static double hits(int threads) {
    pthread_t all[2];
    for (unsigned page = 0; page < pages; page++) touch(page);
    double start = now(CLOCK_MONOTONIC);
    for (intptr_t each = 0; each < threads; each++)
        pthread_create(&all[each], NULL, hit, (void *)each);
    for (int each = 0; each < threads; each++) pthread_join(all[each], NULL);
    return (now(CLOCK_MONOTONIC) - start) * 1e9 / threads / OPERATIONS;
}

static double page_in(int is_random) {
    static uint32_t order[LARGE];
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        uint64_t state = 4711;
        for (int page = 0; page < LARGE; page++) order[page] = page;
        for (int place = LARGE - 1; is_random && place > 0; place--) {
            int other = next(&state) % (place + 1);
            uint32_t page = order[place];
            order[place] = order[other];
            order[other] = page;
        }
        double start = now(CLOCK_THREAD_CPUTIME_ID);
        for (int page = 0; page < LARGE; page++) touch(order[page]);
        double time = now(CLOCK_THREAD_CPUTIME_ID) - start;
        if (time < best) best = time;
    }
    return (double)LARGE * PAGE / 1e6 / best;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    folder = arguments[1];
    const char *kinds[] = {"shared", "private"};
    for (int is_private = 1; is_private >= 0; is_private--)
        for (int threads = 1; threads <= 2; threads++) {
            open_pool(is_private, HOT + 1000);
            pages = HOT;
            printf("hit, %s, %d threads\tlibdb\t%.3f\tM/s\n", kinds[is_private], threads,
                   1000 / hits(threads));
            close_pool();
        }
    for (int is_random = 0; is_random < 2; is_random++)
        for (int is_private = 1; is_private >= 0; is_private--) {
            open_pool(is_private, 2048);
            printf("page-in, %s, %s\tlibdb\t%.1f\tMB/s\n", is_random ? "random" : "sequential",
                   kinds[is_private], page_in(is_random));
            close_pool();
        }
    return 0;
}
