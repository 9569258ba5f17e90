/*
 * Both ends of the end-to-end tests, small and fast enough for an emulated processor.
 *
 *   peer serve [--sctp] [--ask ADDRESS PORT] NAME PORT...
 *                                      answers HTTP (TCP, SCTP) and UDP on each port, IPv4 and
 *                                      IPv6, with one line: NAME and the client's address; with
 *                                      --ask, HTTP also with the line of the server there, which
 *                                      is called for each request
 *   peer load [OPTION]... ADDRESS PORT requests that line, counts the answers, prints JSON at the
 *                                      end: after N requests, after some time, or at SIGTERM
 *   peer overhear DEVICE TEXT         reads along until SIGTERM; prints how many packets went by
 *                                      there, and how many of them with TEXT in them
 *
 *   --requests N        all in all (0, the default: until told to stop)
 *   --seconds S         stop after this time
 *   --concurrency N     requests at once (default 8)
 *   --per-connection N  requests on one connection (default 1)
 *   --pause MS          between two requests of one of the concurrent clients
 *   --timeout MS        for connection and answer together (default 5000)
 *   --from ADDRESS/N    source addresses: N of them, taken in turn
 *   --from-port PORT    source ports, counted up from here each time the addresses are used up
 *   --udp, --sctp       instead of TCP
 *   --list              print the server of each request, in the order of the requests
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

enum { KINDS_MAX = 32, SLOTS_MAX = 256, BUFFER = 2048, KEEP_ALIVE_MAX = 100 };

static void die(const char *what) {
  fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now_us(clockid_t clock) {
  struct timespec at;
  clock_gettime(clock, &at);
  return at.tv_sec * 1000000LL + at.tv_nsec / 1000;
}

/* An IPv4 client of an IPv6 socket appears as ::ffff:1.2.3.4. */
static void print_address(const struct sockaddr_in6 *from, char *into) {
  if (IN6_IS_ADDR_V4MAPPED(&from->sin6_addr))
    inet_ntop(AF_INET, &from->sin6_addr.s6_addr[12], into, INET6_ADDRSTRLEN);
  else
    inet_ntop(AF_INET6, &from->sin6_addr, into, INET6_ADDRSTRLEN);
}

/* IPv4 addresses become mapped ones: one family for all sockets. */
static void parse_address(const char *text, struct sockaddr_in6 *into) {
  char mapped[64];
  into->sin6_family = AF_INET6;
  snprintf(mapped, sizeof mapped, strchr(text, ':') ? "%s" : "::ffff:%s", text);
  if (inet_pton(AF_INET6, mapped, &into->sin6_addr) != 1) {
    fprintf(stderr, "peer: not an address: %s\n", text);
    exit(2);
  }
}

/* ---- serve ---- */

struct source {
  int fd;
  enum { LISTENER, DATAGRAMS, CONNECTION, ASKED } kind;
  int requests, last;
  struct source *other; /* of a CONNECTION that waits, whom it ASKED, and the other way about */
  struct source *next;  /* of those that are closed */
  size_t length;
  char client[INET6_ADDRSTRLEN];
  char buffer[BUFFER];
};

static const char *server_name;
static int epoll_fd;
static struct sockaddr_in6 asked;
static struct source *closed;

static struct source *watch(int fd, int kind, const char *client) {
  struct source *source = calloc(1, sizeof *source);
  source->fd = fd;
  source->kind = kind;
  snprintf(source->client, sizeof source->client, "%s", client);
  struct epoll_event event = {.events = kind == ASKED ? EPOLLOUT : EPOLLIN, .data.ptr = source};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
  return source;
}

/* Freed later: it may have an event of this turn yet. */
static void close_source(struct source *source) {
  close(source->fd);
  source->fd = -1;
  source->next = closed;
  closed = source;
}

static void free_closed(void) {
  for (struct source *next; closed != NULL; closed = next) {
    next = closed->next;
    free(closed);
  }
}

static void open_port(int type, int protocol, int port) {
  int fd = socket(AF_INET6, type | SOCK_NONBLOCK, protocol);
  if (fd < 0) die("socket");
  int one = 1, zero = 0;
  setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  /* Answers must come from the address that was asked: with direct routing that is the VIP. */
  if (type == SOCK_DGRAM) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one);
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
  if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) die("bind");
  if (type == SOCK_STREAM && listen(fd, 1024) < 0) die("listen");
  watch(fd, type == SOCK_STREAM ? LISTENER : DATAGRAMS, "");
}

static void accept_all(struct source *listener) {
  for (;;) {
    struct sockaddr_in6 from;
    socklen_t size = sizeof from;
    int fd = accept4(listener->fd, (struct sockaddr *)&from, &size, SOCK_NONBLOCK);
    if (fd < 0) return;
    char client[INET6_ADDRSTRLEN];
    print_address(&from, client);
    watch(fd, CONNECTION, client);
  }
}

static void answer_datagrams(struct source *source) {
  for (;;) {
    struct sockaddr_in6 from;
    char text[BUFFER], control[256], client[INET6_ADDRSTRLEN];
    struct iovec data = {text, sizeof text};
    struct msghdr message = {&from, sizeof from, &data, 1, control, sizeof control, 0};
    if (recvmsg(source->fd, &message, 0) < 0) return;
    struct cmsghdr *info = CMSG_FIRSTHDR(&message);
    if (info != NULL && info->cmsg_type == IPV6_PKTINFO)
      ((struct in6_pktinfo *)CMSG_DATA(info))->ipi6_ifindex = 0;
    print_address(&from, client);
    data.iov_len = snprintf(text, sizeof text, "%s %s\n", server_name, client);
    sendmsg(source->fd, &message, 0);
  }
}

static void reply(struct source *source, const char *status, const char *more) {
  char body[256], text[512];
  int size = snprintf(body, sizeof body, "%s %s%s\n", server_name, source->client, more);
  size = snprintf(text, sizeof text,
                  "HTTP/1.1 %s\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n%s", status, size,
                  source->last ? "close" : "keep-alive", body);
  source->length = 0;
  if (write(source->fd, text, size) != size || source->last) close_source(source);
}

static void ask_other(struct source *source) {
  int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0) die("socket");
  if (connect(fd, (struct sockaddr *)&asked, sizeof asked) < 0 && errno != EINPROGRESS) {
    close(fd);
    reply(source, "502 Bad Gateway", "");
    return;
  }
  source->other = watch(fd, ASKED, "");
  source->other->other = source;
}

/* The other is connected, or has answered, or neither. */
static void other_happened(struct source *other, uint32_t events) {
  static const char request[] = "GET / HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n";
  struct source *client = other->other;
  if (events == EPOLLOUT && write(other->fd, request, sizeof request - 1) > 0) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = other};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, other->fd, &event);
    return;
  }
  ssize_t count = read(other->fd, other->buffer + other->length, BUFFER - 1 - other->length);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) other->length += count;
  other->buffer[other->length] = 0;
  char *body = strstr(other->buffer, "\r\n\r\n"), more[128] = "";
  char *end = body == NULL ? NULL : strchr(body + 4, '\n');
  if (end == NULL && count > 0) return;
  close_source(other);
  client->other = NULL;
  if (end == NULL) {
    reply(client, "502 Bad Gateway", "");
  } else {
    snprintf(more, sizeof more, " asked %.*s", (int)(end - body - 4), body + 4);
    reply(client, "200 OK", more);
  }
}

static void answer_request(struct source *source) {
  ssize_t count = read(source->fd, source->buffer + source->length, BUFFER - 1 - source->length);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) source->length += count;
  source->buffer[source->length] = 0;
  if (count <= 0 || source->length == BUFFER - 1) {
    if (source->other != NULL) close_source(source->other);
    close_source(source);
  } else if (source->other == NULL && strstr(source->buffer, "\r\n\r\n") != NULL) {
    source->last = ++source->requests == KEEP_ALIVE_MAX ||
                   strcasestr(source->buffer, "connection: close") != NULL;
    if (asked.sin6_port != 0) ask_other(source);
    else reply(source, "200 OK", "");
  }
}

static int serve(int count, char **arguments) {
  int sctp = count > 0 && strcmp(arguments[0], "--sctp") == 0;
  arguments += sctp;
  count -= sctp;
  if (count > 3 && strcmp(arguments[0], "--ask") == 0) {
    parse_address(arguments[1], &asked);
    asked.sin6_port = htons(atoi(arguments[2]));
    arguments += 3;
    count -= 3;
  }
  if (count < 2) return 2;
  server_name = arguments[0];
  epoll_fd = epoll_create1(0);
  for (int i = 1; i < count; i++) {
    open_port(SOCK_STREAM, 0, atoi(arguments[i]));
    open_port(SOCK_DGRAM, 0, atoi(arguments[i]));
    if (sctp) open_port(SOCK_STREAM, IPPROTO_SCTP, atoi(arguments[i]));
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int ready = epoll_wait(epoll_fd, events, 64, -1);
    for (int i = 0; i < ready; i++) {
      struct source *source = events[i].data.ptr;
      if (source->fd < 0) continue;
      if (source->kind == LISTENER) accept_all(source);
      else if (source->kind == DATAGRAMS) answer_datagrams(source);
      else if (source->kind == ASKED) other_happened(source, events[i].events);
      else answer_request(source);
    }
    free_closed();
  }
}

/* ---- load ---- */

struct tally {
  char text[KINDS_MAX][64];
  long count[KINDS_MAX];
  int size;
};

struct slot {
  int fd;
  enum { WAITING, CONNECTING, READING } state;
  int64_t at; /* WAITING: when to go on. Else: when to give up. */
  int64_t began;
  long index;
  int requests;
  size_t length;
  char own[INET6_ADDRSTRLEN];
  char buffer[BUFFER];
};

static struct {
  long requests, seconds, concurrency, per_connection, pause_ms, timeout_ms, from_count, from_port;
  int udp, sctp, list;
  struct sockaddr_in6 target, from;
} options = {.concurrency = 8, .per_connection = 1, .timeout_ms = 5000};

static struct tally servers, seen, behind, errors;
static long started, succeeded, failed, other_source;
static int64_t longest_us, last_failure_us;
static int *choices;
static volatile sig_atomic_t stopping;

static void stop(int signal) {
  (void)signal;
  stopping = 1;
}

static int add(struct tally *tally, const char *text) {
  int i = 0;
  while (i < tally->size && strcmp(tally->text[i], text) != 0) i++;
  if (i == KINDS_MAX) {
    i--;
  } else if (i == tally->size) {
    snprintf(tally->text[i], sizeof tally->text[i], "%s", i == KINDS_MAX - 1 ? "others" : text);
    tally->size++;
  }
  tally->count[i]++;
  return i;
}

static void rest(struct slot *slot) {
  slot->state = WAITING;
  slot->at = now_us(CLOCK_MONOTONIC) + options.pause_ms * 1000;
}

static void hang_up(struct slot *slot) {
  if (slot->fd >= 0) close(slot->fd);
  slot->fd = -1;
}

static void give_up(struct slot *slot, const char *why) {
  failed++;
  add(&errors, why);
  last_failure_us = now_us(CLOCK_REALTIME);
  hang_up(slot);
  rest(slot);
}

static int bind_source(int fd, long index) {
  struct sockaddr_in6 from = options.from;
  uint32_t last;
  int one = 1;
  memcpy(&last, &from.sin6_addr.s6_addr[12], 4);
  last = htonl(ntohl(last) + index % options.from_count);
  memcpy(&from.sin6_addr.s6_addr[12], &last, 4);
  if (options.from_port) {
    from.sin6_port = htons(options.from_port + index / options.from_count);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  } else {
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  }
  return bind(fd, (struct sockaddr *)&from, sizeof from);
}

static int call(struct slot *slot) {
  int type = options.udp ? SOCK_DGRAM : SOCK_STREAM, one = 1;
  slot->requests = 0;
  slot->fd = socket(AF_INET6, type | SOCK_NONBLOCK, options.sctp ? IPPROTO_SCTP : 0);
  if (slot->fd < 0) return -1;
  if (type == SOCK_STREAM && !options.sctp)
    setsockopt(slot->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (options.from_count && bind_source(slot->fd, slot->index) < 0) return -1;
  int result = connect(slot->fd, (struct sockaddr *)&options.target, sizeof options.target);
  if (result < 0 && errno != EINPROGRESS) return -1;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = slot};
  return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, slot->fd, &event);
}

static void ask(struct slot *slot) {
  struct sockaddr_in6 own;
  socklen_t size = sizeof own;
  getsockname(slot->fd, (struct sockaddr *)&own, &size);
  print_address(&own, slot->own);
  slot->state = READING;
  slot->length = 0;
  int last = ++slot->requests >= options.per_connection;
  char request[128];
  int length = snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: vip\r\n%s\r\n",
                        last ? "Connection: close\r\n" : "");
  if (write(slot->fd, request, length) != length) give_up(slot, strerror(errno));
}

static void begin(struct slot *slot) {
  int64_t now = now_us(CLOCK_MONOTONIC);
  slot->index = started++;
  slot->began = now;
  slot->at = now + options.timeout_ms * 1000;
  if (slot->fd >= 0) {
    ask(slot);
  } else if (slot->state = CONNECTING, call(slot) < 0) {
    give_up(slot, strerror(errno));
  }
}

/* Body: `NAME ADDRESS[ asked NAME ADDRESS]`, one line. */
static void answered(struct slot *slot, const char *body) {
  char name[32], address[INET6_ADDRSTRLEN], other[32];
  int words = sscanf(body, "%31s %45s asked %31s", name, address, other);
  if (words < 2 || (!options.udp && strncmp(slot->buffer, "HTTP/1.1 200 ", 13) != 0)) {
    give_up(slot, words < 2 ? "unexpected answer" : "its server got no answer");
    return;
  }
  int64_t took = now_us(CLOCK_MONOTONIC) - slot->began;
  if (took > longest_us) longest_us = took;
  succeeded++;
  int server = add(&servers, name);
  add(&seen, address);
  if (words == 3) add(&behind, other);
  if (strcmp(address, slot->own) != 0) other_source++;
  if (choices != NULL) choices[slot->index] = server;
  if (slot->requests >= options.per_connection || strcasestr(slot->buffer, "connection: close"))
    hang_up(slot);
  rest(slot);
}

static void receive(struct slot *slot) {
  for (;;) {
    ssize_t count = read(slot->fd, slot->buffer + slot->length, BUFFER - 1 - slot->length);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      give_up(slot, count == 0 ? "closed without an answer" : strerror(errno));
      return;
    }
    slot->length += count;
    slot->buffer[slot->length] = 0;
    const char *head = options.udp ? slot->buffer : strstr(slot->buffer, "\r\n\r\n");
    if (head != NULL && strchr(head + (options.udp ? 0 : 4), '\n') != NULL) {
      answered(slot, head);
      return;
    }
  }
}

static void happened(struct slot *slot, uint32_t events) {
  if (slot->state == CONNECTING) {
    int error = 0;
    socklen_t size = sizeof error;
    if (!(events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) return;
    getsockopt(slot->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) give_up(slot, strerror(error));
    else ask(slot);
  }
  if (slot->state == READING && events & (EPOLLIN | EPOLLERR | EPOLLHUP)) receive(slot);
  else if (slot->state == WAITING && slot->fd >= 0 && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
    hang_up(slot); /* the server closed it meanwhile */
}

/* Begins what is due, gives up what is late; returns how long to sleep, or -1 when all is done. */
static int turn(struct slot *slots, int over) {
  int64_t now = now_us(CLOCK_MONOTONIC), next = now + 1000000;
  int busy = 0;
  for (long i = 0; i < options.concurrency; i++) {
    struct slot *slot = &slots[i];
    if (slot->state != WAITING && slot->at <= now) give_up(slot, "timeout");
    if (slot->state == WAITING && slot->at <= now && !over &&
        (options.requests == 0 || started < options.requests))
      begin(slot);
    if (slot->state == WAITING && (over || (options.requests && started >= options.requests)))
      continue;
    busy = 1;
    if (slot->at < next) next = slot->at;
  }
  return busy ? (next > now ? (next - now + 999) / 1000 : 0) : -1;
}

static void print_tally(const char *name, const struct tally *tally) {
  printf("\"%s\":{", name);
  for (int i = 0; i < tally->size; i++)
    printf("%s\"%s\":%ld", i ? "," : "", tally->text[i], tally->count[i]);
  printf("},");
}

static void print_result(int64_t took_us) {
  printf("{\"ok\":%ld,\"failed\":%ld,", succeeded, failed);
  print_tally("servers", &servers);
  print_tally("seen", &seen);
  print_tally("behind", &behind);
  print_tally("errors", &errors);
  if (choices != NULL) {
    printf("\"choices\":[");
    for (long i = 0; i < started; i++)
      printf("%s\"%s\"", i ? "," : "", choices[i] < 0 ? "" : servers.text[choices[i]]);
    printf("],");
  }
  printf("\"otherSource\":%ld,\"longestMs\":%.1f,\"lastFailureAtMs\":%lld,\"seconds\":%.2f}\n",
         other_source, longest_us / 1e3, (long long)last_failure_us / 1000, took_us / 1e6);
}

static void parse_options(int count, char **arguments) {
  static const struct option names[] = {
      {"requests", 1, NULL, 'n'},       {"seconds", 1, NULL, 's'}, {"concurrency", 1, NULL, 'c'},
      {"per-connection", 1, NULL, 'k'}, {"pause", 1, NULL, 'p'},   {"timeout", 1, NULL, 't'},
      {"from", 1, NULL, 'f'},           {"from-port", 1, NULL, 'o'}, {"udp", 0, NULL, 'u'},
      {"sctp", 0, NULL, 'x'},           {"list", 0, NULL, 'l'},    {NULL, 0, NULL, 0}};
  for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
    switch (name) {
      case 'n': options.requests = atol(optarg); break;
      case 's': options.seconds = atol(optarg); break;
      case 'c': options.concurrency = atol(optarg); break;
      case 'k': options.per_connection = atol(optarg); break;
      case 'p': options.pause_ms = atol(optarg); break;
      case 't': options.timeout_ms = atol(optarg); break;
      case 'o': options.from_port = atol(optarg); break;
      case 'u': options.udp = 1; break;
      case 'x': options.sctp = 1; break;
      case 'l': options.list = 1; break;
      case 'f': {
        char *slash = strchr(optarg, '/');
        options.from_count = slash == NULL ? 1 : atol(slash + 1);
        if (slash != NULL) *slash = 0;
        parse_address(optarg, &options.from);
        break;
      }
      default: exit(2);
    }
  }
  if (count - optind != 2 || options.concurrency < 1 || options.concurrency > SLOTS_MAX ||
      (options.list && options.requests < 1)) {
    fputs("usage: peer load [OPTION]... ADDRESS PORT\n", stderr);
    exit(2);
  }
  parse_address(arguments[optind], &options.target);
  options.target.sin6_port = htons(atoi(arguments[optind + 1]));
}

static int load(int count, char **arguments) {
  static struct slot slots[SLOTS_MAX];
  parse_options(count, arguments);
  if (options.list) {
    choices = malloc(options.requests * sizeof *choices);
    for (long i = 0; i < options.requests; i++) choices[i] = -1;
  }
  for (int i = 0; i < SLOTS_MAX; i++) slots[i].fd = -1;
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  epoll_fd = epoll_create1(0);
  int64_t start = now_us(CLOCK_MONOTONIC);
  for (;;) {
    int64_t now = now_us(CLOCK_MONOTONIC);
    int wait = turn(slots, stopping || (options.seconds && now - start >= options.seconds * 1000000));
    if (wait < 0) break;
    struct epoll_event events[64];
    int ready = epoll_wait(epoll_fd, events, 64, wait);
    for (int i = 0; i < ready; i++) happened(events[i].data.ptr, events[i].events);
  }
  print_result(now_us(CLOCK_MONOTONIC) - start);
  return 0;
}

/* Packets of every kind, as they are on the wire; a large one may have been put together of several. */
static int overhear(const char *device, const char *text) {
  static char packet[1 << 16];
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct sockaddr_ll at = {
    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(device)
  };
  if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0) die(device);
  puts("ready");
  fflush(stdout);
  long packets = 0, found = 0;
  while (!stopping) {
    ssize_t size = recv(fd, packet, sizeof packet, 0);
    if (size < 0) continue;
    packets++;
    found += memmem(packet, size, text, strlen(text)) != NULL;
  }
  printf("{\"packets\":%ld,\"found\":%ld}\n", packets, found);
  return 0;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  if (count > 1 && strcmp(arguments[1], "serve") == 0) return serve(count - 2, arguments + 2);
  if (count > 1 && strcmp(arguments[1], "load") == 0) return load(count - 1, arguments + 1);
  if (count == 4 && strcmp(arguments[1], "overhear") == 0) return overhear(arguments[2], arguments[3]);
  fputs("usage: peer serve|load|overhear ...\n", stderr);
  return 2;
}
