/* Replays the plain part of the trace language on the buffer pool of Berkeley DB 5.3:
 *     mpool_libdb FOLDER TRACE
 * pool, fopen, a, w, fsync, sync; other lines are passed over. Prints the figures as JSON. */
#include <db.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What marks a page as changed: the flag of get that should is lost in the library. */
extern int __memp_dirty(DB_MPOOLFILE *, void *, void *, DB_TXN *, DB_CACHE_PRIORITY, u_int32_t);

static DB_ENV *environment;
static struct {
    char name[32];
    DB_MPOOLFILE *file;
} handles[64];

static void check(int result, const char *line) {
    if (!result) return;
    fprintf(stderr, "%s: %s\n", line, db_strerror(result));
    exit(1);
}

static DB_MPOOLFILE **handle(const char *name) {
    for (int place = 0; place < 64; place++) {
        if (!handles[place].name[0]) strcpy(handles[place].name, name);
        if (!strcmp(handles[place].name, name)) return &handles[place].file;
    }
    exit(1);
}

static long value(const char *line, const char *key) {
    const char *found = strstr(line, key);
    return found ? strtol(found + strlen(key), NULL, 0) : 0;
}

static void open_pool(const char *line) {
    check(db_env_create(&environment, 0), line);
    unsigned size = value(line, "cachesize=");
    check(environment->set_cachesize(environment, 0, size ? size : 131072, 1), line);
    unsigned flags = DB_CREATE | DB_INIT_MPOOL | DB_PRIVATE;
    check(environment->open(environment, NULL, flags, 0600), line);
}

static void open_file(const char *folder, const char *line, const char *name, const char *path) {
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", folder, path);
    size_t size = value(line, "pagesize=");
    DB_MPOOLFILE **file = handle(name);
    check(environment->memp_fcreate(environment, file, 0), line);
    check((*file)->set_clear_len(*file, size), line);
    check((*file)->open(*file, full, DB_CREATE | DB_NOMMAP, 0600, size), line);
}

static void touch(const char *line, const char *name, db_pgno_t number, const uint64_t *stamp) {
    DB_MPOOLFILE *file = *handle(name);
    void *page;
    check(file->get(file, &number, NULL, stamp ? DB_MPOOL_CREATE : 0, &page), line);
    if (stamp) {
        check(__memp_dirty(file, &page, NULL, NULL, DB_PRIORITY_UNCHANGED, DB_MPOOL_DIRTY), line);
        memcpy((char *)page + 16, stamp, 8);
        memcpy((char *)page + 24, &number, 4);
    }
    check(file->put(file, page, DB_PRIORITY_UNCHANGED, 0), line);
}

int main(int count, char **arguments) {
    char line[1024], name[32], path[64];
    unsigned long number, stamp;
    FILE *trace = count == 3 ? fopen(arguments[2], "r") : NULL;
    if (!trace) return 2;
    while (fgets(line, sizeof line, trace)) {
        if (!strncmp(line, "pool", 4)) open_pool(line);
        else if (sscanf(line, "fopen %31s %63s", name, path) == 2)
            open_file(arguments[1], line, name, path);
        else if (sscanf(line, "a %31s %lu", name, &number) == 2) touch(line, name, number, NULL);
        else if (sscanf(line, "w %31s %lu %lu", name, &number, &stamp) == 3) {
            uint64_t wide = stamp;
            touch(line, name, number, &wide);
        } else if (sscanf(line, "fsync %31s", name) == 1) {
            DB_MPOOLFILE *file = *handle(name);
            check(file->sync(file), line);
        } else if (!strncmp(line, "sync", 4))
            check(environment->memp_sync(environment, NULL), line);
    }
    DB_MPOOL_STAT *figures;
    check(environment->memp_stat(environment, &figures, NULL, 0), "stat");
    printf("{\"st_cache_hit\": %lu, \"st_cache_miss\": %lu, \"st_page_create\": %lu, "
           "\"st_page_in\": %lu, \"st_page_out\": %lu}\n",
           (unsigned long)figures->st_cache_hit, (unsigned long)figures->st_cache_miss,
           (unsigned long)figures->st_page_create, (unsigned long)figures->st_page_in,
           (unsigned long)figures->st_page_out);
    return 0;
}
