/* What the file system takes of a log's bytes, with nothing done to them: no engine can be faster.
 *
 * bare FOLDER SIZE COUNT prints the cases of LogBench that are bound by it, in its form: name, value,
 * unit. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* Writes `count` items, `each` of them with a call, flushed or not. */
static double once(const char *path, size_t item, long count, long each, int flushes) {
    size_t size = item * each;
    char *bytes = malloc(size);
    memset(bytes, 'p', size);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0640);
    off_t end = 0;
    double began = now();
    for (long done = 0; done < count; done += each, end += size)
        if (pwrite(file, bytes, size, end) != (ssize_t)size || (flushes && fdatasync(file))) {
            perror(path);
            exit(1);
        }
    double seconds = now() - began;
    close(file);
    unlink(path);
    free(bytes);
    return count / seconds;
}

/* The best of five. */
static double rate(const char *path, size_t item, long count, long each, int flushes) {
    double best = 0;
    for (int turn = 0; turn < 5; turn++) {
        double found = once(path, item, count, each, flushes);
        if (found > best) best = found;
    }
    return best;
}

int main(int count, char **arguments) {
    if (count != 4) {
        fprintf(stderr, "usage: bare FOLDER SIZE COUNT\n");
        return 2;
    }
    /* A term and its framing. */
    size_t item = atol(arguments[2]) + 8;
    long records = atol(arguments[3]);
    char path[4096];
    snprintf(path, sizeof path, "%s/bare", arguments[1]);
    printf("log_terms of 100\t%.0f\trecords/s\n", rate(path, item, records, 100, 0));
    printf("log and sync, 16 writers\t%.0f\trecords/s\n", rate(path, item, records / 20, 16, 1));
    return 0;
}
