/* floor: how fast an HTTP log could be here with nothing behind it.
 *
 * libmicrohttpd answers GET with a constant and POST by group commit: bodies that wait are gathered into one
 * write and one fdatasync by one thread, then all their connections are resumed. No routing, no parsing, no
 * format, no recovery: a limit to compare with, in the same run and on the same disk.
 *
 * cc -O2 -o floor floor.c $(pkg-config --cflags --libs libmicrohttpd) -lpthread
 * ./floor PORT FILE [threads=2] [sync=1]        ends on SIGTERM or SIGINT, printing records and flushes
 */
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BODY_LIMIT = 64 * 1024, BATCH_LIMIT = 1024 };

struct append {
  struct MHD_Connection *connection;
  char *body;
  size_t size;
  int durable;
  struct append *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t waiting = PTHREAD_COND_INITIALIZER;
static struct append *queue;
static int file, synced = 1;
static unsigned long records, flushes;
static struct MHD_Response *answer;

static void *commit(void *unused) {
  static char batch[(size_t)BATCH_LIMIT * BODY_LIMIT];
  (void)unused;
  for (;;) {
    pthread_mutex_lock(&lock);
    while (!queue) pthread_cond_wait(&waiting, &lock);
    struct append *taken = queue;
    queue = NULL;
    pthread_mutex_unlock(&lock);
    size_t size = 0;
    for (struct append *a = taken; a; a = a->next) {
      memcpy(batch + size, a->body, a->size);
      size += a->size;
      records++;
    }
    if (write(file, batch, size) != (ssize_t)size || (synced && fdatasync(file))) {
      perror("floor");
      exit(1);
    }
    flushes++;
    while (taken) {
      struct append *next = taken->next;
      taken->durable = 1;
      MHD_resume_connection(taken->connection);
      taken = next;
    }
  }
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **slot) {
  (void)cls, (void)url, (void)version;
  struct append *a = *slot;
  /* Not in the first call: an answer given there makes the library close the connection. */
  if (a && method[0] == 'G') return MHD_queue_response(connection, MHD_HTTP_OK, answer);
  if (!a) {
    a = calloc(1, sizeof *a);
    a->connection = connection;
    a->body = method[0] == 'G' ? NULL : malloc(BODY_LIMIT);
    *slot = a;
    return MHD_YES;
  }
  if (*size) {
    if (a->size + *size > BODY_LIMIT) return MHD_NO;
    memcpy(a->body + a->size, data, *size);
    a->size += *size;
    *size = 0;
    return MHD_YES;
  }
  if (a->durable) return MHD_queue_response(connection, MHD_HTTP_OK, answer);
  MHD_suspend_connection(connection);
  pthread_mutex_lock(&lock);
  a->next = queue;
  queue = a;
  pthread_cond_signal(&waiting);
  pthread_mutex_unlock(&lock);
  return MHD_YES;
}

static void finished(void *cls, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode code) {
  (void)cls, (void)connection, (void)code;
  struct append *a = *slot;
  if (a) free(a->body), free(a);
  *slot = NULL;
}

int main(int count, char **arguments) {
  if (count < 3) return fprintf(stderr, "usage: floor PORT FILE [threads] [sync]\n"), 2;
  unsigned threads = count > 3 ? (unsigned)atoi(arguments[3]) : 2;
  synced = count > 4 ? atoi(arguments[4]) : 1;
  file = open(arguments[2], O_CREAT | O_WRONLY | O_TRUNC | O_APPEND, 0600);
  if (file < 0) return perror(arguments[2]), 1;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, NULL);
  static char text[] = "{\"first\":1234,\"next\":1334,\"count\":1,\"bytes\":100,\"durability\":\"synced\"}\n";
  answer = MHD_create_response_from_buffer(sizeof text - 1, text, MHD_RESPMEM_PERSISTENT);
  MHD_add_response_header(answer, "Content-Type", "application/json");
  pthread_t thread;
  pthread_create(&thread, NULL, commit, NULL);
  struct MHD_Daemon *daemon = MHD_start_daemon(
      MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO, (unsigned short)atoi(arguments[1]), NULL, NULL,
      handle, NULL, MHD_OPTION_NOTIFY_COMPLETED, finished, NULL, MHD_OPTION_CONNECTION_LIMIT, 4096u,
      MHD_OPTION_THREAD_POOL_SIZE, threads > 1 ? threads : 0u, MHD_OPTION_END);
  if (!daemon) return fprintf(stderr, "floor: cannot listen on port %s\n", arguments[1]), 1;
  int which;
  sigwait(&ends, &which);
  printf("records %lu flushes %lu\n", records, flushes);
  return 0;
}
