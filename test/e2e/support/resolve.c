// resolve NAME: the addresses of a name, as the C library that this is linked with finds them, in one line: IPv4, then
// IPv6. musl has a resolver of its own, which asks all name servers at once and takes the first answer.
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>

static int print_addresses(const char *name, int family) {
  const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
  struct addrinfo *found;
  const int error = getaddrinfo(name, NULL, &hints, &found);
  if (error != 0) {
    fprintf(stderr, "%s: %s\n", name, gai_strerror(error));
    return 1;
  }
  for (const struct addrinfo *one = found; one != NULL; one = one->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0) printf("%s ", text);
  }
  freeaddrinfo(found);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fputs("usage: resolve NAME\n", stderr);
    return 2;
  }
  const int failed = print_addresses(argv[1], AF_INET) | print_addresses(argv[1], AF_INET6);
  putchar('\n');
  return failed;
}
