/*
 * http_server ADDRESS FIRST-PORT COUNT: answers every request on these ports with 13 bytes, from
 * one process, with as few system calls as can be, so that what is between client and server shows.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY "Content-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world\n"
static const char keep[] = "HTTP/1.1 200 OK\r\n" BODY;
static const char last[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n" BODY;

enum { LISTENER = 1 << 30 };

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int epoll, int fd, uint32_t tag) {
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)fd | tag};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

static void listen_on(int epoll, const char *address, uint16_t port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || inet_pton(AF_INET, address, &a.sin_addr) != 1) die("socket");
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 1024) < 0) die("bind");
  watch(epoll, fd, LISTENER);
}

/* A request is small and comes in one piece; anything else ends the connection. */
static void serve(int fd) {
  char request[4096];
  ssize_t n = recv(fd, request, sizeof request - 1, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    close(fd);
    return;
  }
  request[n] = 0;
  int closing = strcasestr(request, "connection: close") != NULL;
  if (closing) {
    send(fd, last, sizeof last - 1, MSG_NOSIGNAL);
    close(fd);
  } else {
    send(fd, keep, sizeof keep - 1, MSG_NOSIGNAL);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  int epoll = epoll_create1(0);
  int first = atoi(argv[2]), count = atoi(argv[3]);
  for (int i = 0; i < count; i++) listen_on(epoll, argv[1], (uint16_t)(first + i));
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < n; i++) {
      uint32_t tag = events[i].data.u32;
      if (!(tag & LISTENER)) {
        serve((int)tag);
        continue;
      }
      int fd = accept4((int)(tag & ~(uint32_t)LISTENER), NULL, NULL, SOCK_NONBLOCK);
      int on = 1;
      if (fd < 0) continue;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(epoll, fd, 0);
    }
  }
}
