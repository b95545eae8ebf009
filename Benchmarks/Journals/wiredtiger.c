/* Times the log of the real WiredTiger as JournalBench times ours.
 *
 * wiredtiger FOLDER SIZE COUNT: one line a measurement: name, value, unit. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <wiredtiger.h>

static WT_CONNECTION *connection;
static char *text;
static long each;

static void check(int error) {
    if (!error) return;
    fprintf(stderr, "%s\n", wiredtiger_strerror(error));
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static void report(const char *name, long records, double started) {
    printf("%s\t%.0f\trecords/s\n", name, records / (now() - started));
}

static void *write_and_sync(void *unused) {
    WT_SESSION *session;
    (void)unused;
    check(connection->open_session(connection, NULL, NULL, &session));
    for (long i = 0; i < each; i++) {
        check(session->log_printf(session, "%s", text));
        check(session->log_flush(session, "sync=on"));
    }
    check(session->close(session, NULL));
    return NULL;
}

static void write_with(int writers, const char *name) {
    pthread_t threads[8];
    double started = now();
    for (int i = 0; i < writers; i++) pthread_create(&threads[i], NULL, write_and_sync, NULL);
    for (int i = 0; i < writers; i++) pthread_join(threads[i], NULL);
    report(name, each * writers, started);
}

int main(int argc, char *argv[]) {
    WT_SESSION *session;
    WT_CURSOR *cursor;
    if (argc != 4) return 2;
    long size = atol(argv[2]), count = atol(argv[3]);
    text = calloc(1, size + 1);
    memset(text, 'm', size);
    mkdir(argv[1], 0755);
    check(wiredtiger_open(
        argv[1], NULL, "create,log=(enabled=true,archive=false)", &connection));
    check(connection->open_session(connection, NULL, NULL, &session));
    for (long i = 0; i < count; i++) check(session->log_printf(session, "%s", text));
    check(session->log_flush(session, "sync=on"));
    check(connection->close(connection, NULL));

    /* Closed files, read as they should be. */
    check(wiredtiger_open(argv[1], NULL, "readonly=true,log=(enabled=false)", &connection));
    check(connection->open_session(connection, NULL, NULL, &session));
    check(session->open_cursor(session, "log:", NULL, NULL, &cursor));
    uint32_t(*places)[2] = malloc(count * 2 * sizeof *places);
    long rows = 0;
    double started = now();
    for (; cursor->next(cursor) == 0; rows++) {
        uint32_t counter;
        cursor->get_key(cursor, &places[rows][0], &places[rows][1], &counter);
    }
    report("next", rows, started);
    started = now();
    for (long i = 0; i < count / 10; i++) {
        long place = ((unsigned long)i * 2654435761u) % rows;
        cursor->set_key(cursor, places[place][0], places[place][1], 0);
        check(cursor->search(cursor));
    }
    report("search", count / 10, started);
    check(connection->close(connection, NULL));

    check(wiredtiger_open(
        argv[1], NULL, "log=(enabled=true,archive=false)", &connection));
    each = count / 200;
    write_with(1, "message and sync, 1 writers");
    write_with(8, "message and sync, 8 writers");
    check(connection->close(connection, NULL));
    return 0;
}
