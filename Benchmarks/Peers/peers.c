/* peers: the same load for servers of several protocols.
 *
 * Each client sends one request, waits for the whole answer, and sends it again: the same bytes each time, made
 * before the clock starts. One thread and one epoll drive all clients, so that a request costs here the same
 * whoever is measured; only the few lines that find the end of an answer differ.
 *
 * cc -O2 -o peers peers.c
 * ./peers http|resp|postgres|nats PORT CLIENTS SECONDS PARTS HELLO REQUEST
 *
 * HELLO and REQUEST are files; HELLO is sent once on each connection, and answered before the clock starts
 * (http, resp: not sent). PARTS is how many records an answer confirms: rows of an INSERT, acknowledgements of
 * JetStream. "@CLIENT" in both files becomes the number of the client, in as many letters.
 * Prints answers within SECONDS: accepted, refused (503), wrong; and all that were accepted, late ones included.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 1 << 20, PATIENCE = 30 };
enum verdict { MORE, ACCEPTED, REFUSED, WRONG, VERDICTS };

struct client {
  int socket, waits;
  char *request;
  size_t sent;
  char *in;
  size_t from, to;   /* of what came and was not looked at */
  int parts, failed; /* of the answer so far */
};

static int parts;
static char *hello, *request;
static size_t hello_size, request_size;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned number(const char *at) {
  const unsigned char *b = (const unsigned char *)at;
  return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

static enum verdict end(struct client *c, int wanted) {
  enum verdict found = c->failed || c->parts != wanted ? WRONG : ACCEPTED;
  c->parts = c->failed = 0;
  return found;
}

/* Where a body in chunks ends; NULL if that has not come. */
static char *chunks_end(char *at, char *stop) {
  for (;;) {
    char *line = memchr(at, '\n', (size_t)(stop - at));
    if (!line) return NULL;
    size_t size = strtoul(at, NULL, 16);
    if ((size_t)(stop - line) < size + 3) return NULL;
    at = line + 1 + size + 2;
    if (!size) return at; /* nobody here sends trailers */
  }
}

/* One whole answer or none; takes what it has read. */
static enum verdict read_http(struct client *c) {
  char *text = c->in + c->from, *body = memmem(text, c->to - c->from, "\r\n\r\n", 4);
  if (!body) return MORE;
  *body = 0;
  body += 4;
  char *stop = c->in + c->to, *after = NULL;
  const char *length = strcasestr(text, "\r\nContent-Length:");
  const char *chunks = strcasestr(text, "\r\nTransfer-Encoding: chunked");
  int status = atoi(text + 9), last = !!strcasestr(text, "\r\nConnection: close");
  body[-4] = '\r';
  if ((!length && !chunks) || last) return WRONG; /* nobody here hangs up */
  if (chunks) {
    after = chunks_end(body, stop);
  } else {
    size_t size = strtoul(length + 17, NULL, 10);
    if ((size_t)(stop - body) >= size) after = body + size;
  }
  if (!after) return MORE;
  c->from = (size_t)(after - c->in);
  if (status == 503) return REFUSED;
  /* webdis says 200 even if Redis refuses. */
  return status / 100 != 2 || memmem(body, (size_t)(after - body), "[false", 6) ? WRONG : ACCEPTED;
}

static enum verdict read_resp(struct client *c) {
  char *text = c->in + c->from, *last = memchr(text, '\n', c->to - c->from);
  if (!last) return MORE;
  c->from += (size_t)(last - text) + 1;
  return *text == ':' ? ACCEPTED : WRONG;
}

static enum verdict read_postgres(struct client *c) {
  while (c->to - c->from >= 5) {
    char *message = c->in + c->from;
    size_t size = 1 + number(message + 1);
    if (c->to - c->from < size) break;
    c->from += size;
    if (*message == 'E') c->failed = 1;
    if (*message == 'C' && !strncmp(message + 5, "INSERT 0 ", 9)) c->parts += atoi(message + 14);
    if (*message == 'Z') return end(c, parts);
  }
  return MORE;
}

static enum verdict read_nats(struct client *c) {
  for (;;) {
    char *line = c->in + c->from, *last = memchr(line, '\n', c->to - c->from);
    if (!last) return MORE;
    size_t size = (size_t)(last - line) + 1;
    if (!strncmp(line, "MSG ", 4) || !strncmp(line, "HMSG ", 5)) {
      char *count = last;
      while (count[-1] != ' ') count--;
      size_t payload = strtoul(count, NULL, 10);
      if (c->to - c->from < size + payload + 2) return MORE;
      if (!memmem(line + size, payload, "\"seq\":", 6)) c->failed = 1;
      size += payload + 2;
      c->parts++;
    } else if (!strncmp(line, "-ERR", 4)) {
      c->failed = 1, c->parts = parts;
    } else if (!strncmp(line, "PING", 4)) {
      if (send(c->socket, "PONG\r\n", 6, MSG_NOSIGNAL) != 6) c->failed = 1, c->parts = parts;
    }
    int ready = !strncmp(line, "PONG", 4);
    c->from += size;
    if (ready) return ACCEPTED; /* to the hello */
    if (c->parts == parts) return end(c, parts);
  }
}

static const struct protocol {
  const char *name;
  enum verdict (*read)(struct client *);
  int hellos; /* answers to the hello */
} protocols[] = {{"http", read_http, 0}, {"resp", read_resp, 0}, {"postgres", read_postgres, 2}, {"nats", read_nats, 1}};
static const struct protocol *protocol;

/* Takes what has come; 0 if the connection is over. */
static int take(struct client *c) {
  if (c->from) memmove(c->in, c->in + c->from, c->to - c->from);
  c->to -= c->from;
  c->from = 0;
  for (;;) {
    size_t room = ROOM - c->to;
    ssize_t got = recv(c->socket, c->in + c->to, room, 0);
    if (got < 0 && errno == EAGAIN) return 1;
    if (got <= 0) return 0;
    c->to += (size_t)got;
    c->in[c->to] = 0;
    if ((size_t)got < room) return 1;
    if (c->to == ROOM) return 0;
  }
}

/* Sends what is left of the request; 0 if the connection is over. */
static int give(struct client *c) {
  while (c->sent < request_size) {
    ssize_t done = send(c->socket, c->request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
    if (done < 0) return errno == EAGAIN;
    c->sent += (size_t)done;
  }
  return 1;
}

static char *contents(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  char *text = malloc(*size + 1);
  if (!text || fread(text, 1, *size, file) != *size) die(path);
  fclose(file);
  return text;
}

static char *numbered(const char *text, size_t size, int client) {
  char *copy = malloc(size + 1), digits[16];
  if (!copy) die("memory");
  memcpy(copy, text, size);
  snprintf(digits, sizeof digits, "%07d", client);
  for (char *at = copy; (at = memmem(at, (size_t)(copy + size - at), "@CLIENT", 7)); at += 7) memcpy(at, digits, 7);
  return copy;
}

static void join(struct client *c, int client, int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  c->socket = socket(AF_INET, SOCK_STREAM, 0);
  if (c->socket < 0 || connect(c->socket, (struct sockaddr *)&address, sizeof address)) die("connect");
  setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->in = malloc(ROOM + 1);
  c->request = numbered(request, request_size, client);
  char *first = numbered(hello, hello_size, client);
  if (protocol->hellos && send(c->socket, first, hello_size, MSG_NOSIGNAL) != (ssize_t)hello_size) die("hello");
  for (int answered = 0; answered < protocol->hellos;) {
    if (!take(c)) die("hello");
    while (answered < protocol->hellos && protocol->read(c) != MORE) answered++;
  }
  free(first);
  fcntl(c->socket, F_SETFL, O_NONBLOCK);
}

struct found {
  long counts[VERDICTS], late; /* late: accepted after the end */
};

/* Lets all clients ask until the time is over, and waits for what is owed then. */
static struct found drive(struct client *all, int clients, int epoll, double seconds) {
  struct found result = {0};
  long *counts = result.counts;
  struct epoll_event events[256];
  int waiting = clients;
  double ends = now() + seconds, patience = ends + PATIENCE;
  for (int i = 0; i < clients; i++) {
    all[i].waits = 1;
    give(&all[i]);
  }
  while (waiting && now() < patience) {
    int ready = epoll_wait(epoll, events, 256, 100);
    double time = now();
    for (int i = 0; i < ready; i++) {
      struct client *c = events[i].data.ptr;
      if (!c->waits) continue;
      enum verdict found = give(c) && take(c) ? MORE : WRONG;
      if (found == MORE) found = protocol->read(c);
      if (found == MORE) continue;
      if (time < ends) counts[found]++;
      else if (found == ACCEPTED) result.late++;
      else if (found == WRONG) counts[WRONG]++;
      c->sent = 0;
      if (time < ends && (found != WRONG || protocol->read != read_http)) {
        if (give(c)) continue;
        counts[WRONG]++;
      }
      /* What follows a wrong answer over HTTP would not be found. */
      c->waits = 0;
      waiting--;
    }
  }
  counts[WRONG] += waiting; /* never answered */
  return result;
}

int main(int count, char **arguments) {
  if (count != 8) return fprintf(stderr, "usage: see the source\n"), 2;
  for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
    if (!strcmp(arguments[1], protocols[i].name)) protocol = &protocols[i];
  int clients = atoi(arguments[3]);
  double seconds = atof(arguments[4]);
  parts = atoi(arguments[5]);
  if (!protocol || clients < 1) return fprintf(stderr, "usage: see the source\n"), 2;
  hello = contents(arguments[6], &hello_size);
  request = contents(arguments[7], &request_size);
  struct client *all = calloc((size_t)clients, sizeof *all);
  int epoll = epoll_create1(0);
  for (int i = 0; i < clients; i++) {
    join(&all[i], i, atoi(arguments[2]));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &all[i]};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, all[i].socket, &event)) die("epoll");
  }

  struct found found = drive(all, clients, epoll, seconds);
  const long *in_time = found.counts;
  printf("%ld %ld %ld %ld\n", in_time[ACCEPTED], in_time[REFUSED], in_time[WRONG], in_time[ACCEPTED] + found.late);
  return 0;
}
