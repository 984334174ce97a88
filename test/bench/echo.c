/*
 * The yardstick: the least that a UDF agent can be, in C. It sends every point and batch back as it came, and answers
 * what Kapacitor asks of any agent (info: stream to stream; init, restore: success; snapshot: empty; keepalive).
 *
 *   echo          on standard input and output
 *   echo PATH     on a Unix socket, any number of connections, one thread
 *
 * It reads what there is in large pieces, looks at the length and the first byte of each message, and writes runs of
 * data messages from where they lie: two system calls and no copy a piece.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024, MOST_CONNECTIONS = 256 };

/* The first byte of a request's payload: its field number and wire type. Data messages begin with larger ones. */
enum { INFO = 0x0a, INIT = 0x12, KEEPALIVE = 0x1a, SNAPSHOT = 0x22, RESTORE = 0x2a };

struct connection {
  int in, out;
  uint8_t *buf;
  size_t filled, room;
};

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Zero if the reader is gone. */
static int write_all(int fd, const uint8_t *bytes, size_t size) {
  while (size > 0) {
    ssize_t n = write(fd, bytes, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return 0;
    bytes += n;
    size -= n;
  }
  return 1;
}

static int answer(int out, const uint8_t *frame, size_t frame_bytes, uint8_t kind) {
  /* Length, message, its length, what is in it. */
  static const uint8_t info[] = {4, INFO, 2, 0x08, 0};
  static const uint8_t success[] = {4, 0, 2, 0x08, 1};
  static const uint8_t snapshot[] = {2, SNAPSHOT, 0};
  uint8_t reply[sizeof success];
  switch (kind) {
    case INFO:
      return write_all(out, info, sizeof info);
    case INIT:
    case RESTORE:
      memcpy(reply, success, sizeof success);
      reply[1] = kind;
      return write_all(out, reply, sizeof reply);
    case SNAPSHOT:
      return write_all(out, snapshot, sizeof snapshot);
    case KEEPALIVE: /* the answer has the request's bytes */
      return write_all(out, frame, frame_bytes);
    default:
      return 0;
  }
}

/* Handles the whole messages in the buffer and keeps the rest. Zero if the conversation is over. */
static int handle(struct connection *c) {
  size_t at = 0, run = 0;
  for (;;) {
    size_t payload = at;
    uint64_t size = 0;
    int shift = 0, whole = 0;
    while (payload < c->filled && shift < 35) {
      uint8_t byte = c->buf[payload++];
      size |= (uint64_t)(byte & 0x7f) << shift;
      shift += 7;
      if (byte < 0x80) {
        whole = 1;
        break;
      }
    }
    if (!whole) {
      if (shift >= 35) return 0;
      break;
    }
    if (size == 0) return 0;
    if (payload + size > c->filled) {
      if (payload + size - at > c->room) {
        c->room = payload + size - at;
        c->buf = realloc(c->buf, c->room);
        if (!c->buf) fail("realloc");
      }
      break;
    }
    if (c->buf[payload] < 0x80) {
      if (!write_all(c->out, c->buf + run, at - run)) return 0;
      if (!answer(c->out, c->buf + at, payload + size - at, c->buf[payload])) return 0;
      run = payload + size;
    }
    at = payload + size;
  }
  if (!write_all(c->out, c->buf + run, at - run)) return 0;
  c->filled -= at;
  memmove(c->buf, c->buf + at, c->filled);
  return 1;
}

static void open_connection(struct connection *c, int in, int out) {
  c->in = in;
  c->out = out;
  c->filled = 0;
  c->room = READ_BYTES;
  c->buf = malloc(c->room);
  if (!c->buf) fail("malloc");
}

/* Zero at the end of the input, or when something is wrong with it. */
static int serve(struct connection *c) {
  ssize_t n = read(c->in, c->buf + c->filled, c->room - c->filled);
  if (n < 0 && errno == EINTR) return 1;
  if (n <= 0) return 0;
  c->filled += n;
  return handle(c);
}

static int listen_on(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    fprintf(stderr, "the path of the socket is too long: %s\n", path);
    exit(1);
  }
  strcpy(address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0) fail("socket");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 128) < 0) fail("listen");
  return listener;
}

static void serve_socket(const char *path) {
  static struct connection connections[MOST_CONNECTIONS];
  static struct pollfd polled[MOST_CONNECTIONS + 1];
  int count = 0;
  polled[0] = (struct pollfd){.fd = listen_on(path), .events = POLLIN};
  for (;;) {
    if (poll(polled, count + 1, -1) < 0 && errno != EINTR) fail("poll");
    for (int i = count - 1; i >= 0; i--) {
      struct connection *c = &connections[i];
      if (!polled[i + 1].revents || serve(c)) continue;
      close(c->in);
      free(c->buf);
      *c = connections[--count];
      polled[i + 1] = polled[count + 1];
    }
    if (polled[0].revents && count < MOST_CONNECTIONS) {
      int fd = accept(polled[0].fd, NULL, NULL);
      if (fd < 0) continue;
      open_connection(&connections[count++], fd, fd);
      polled[count] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
  }
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc > 1) {
    serve_socket(argv[1]);
  } else {
    struct connection c;
    open_connection(&c, 0, 1);
    while (serve(&c)) continue;
  }
  return 0;
}
