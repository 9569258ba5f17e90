/*
 * ipvs_batch SERVICES DESTINATIONS: programs that many IPVS services the direct way: generic
 * netlink, 500 messages per send, each acknowledged. The measure of what the kernel itself takes.
 * Prints the milliseconds it took. Addresses as in ../workload.ts.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 500, MESSAGE_MAX = 256 };

static char batch[BATCH * MESSAGE_MAX];
static size_t used;
static int pending;
static uint32_t sequence;
static int netlink;
static uint16_t family;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static struct nlattr *begin(uint16_t type) {
  struct nlattr *a = (struct nlattr *)(batch + used);
  a->nla_type = type;
  used += NLA_HDRLEN;
  return a;
}

static void end(struct nlattr *a) {
  a->nla_len = (uint16_t)(batch + used - (char *)a);
  used = NLA_ALIGN(used);
}

static void put(uint16_t type, const void *data, size_t length) {
  struct nlattr *a = begin(type);
  memcpy(batch + used, data, length);
  used += length;
  end(a);
}

static void put16(uint16_t type, uint16_t value) { put(type, &value, 2); }
static void put32(uint16_t type, uint32_t value) { put(type, &value, 4); }

static void put_address(uint16_t type, uint32_t address) {
  uint32_t bytes[4] = {htonl(address), 0, 0, 0};
  put(type, bytes, sizeof bytes);
}

static struct nlmsghdr *message(uint16_t type, uint8_t command) {
  struct nlmsghdr *h = (struct nlmsghdr *)(batch + used);
  struct genlmsghdr *g = (struct genlmsghdr *)(h + 1);
  memset(h, 0, NLMSG_HDRLEN + GENL_HDRLEN);
  h->nlmsg_type = type;
  h->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  h->nlmsg_seq = ++sequence;
  g->cmd = command;
  g->version = 1;
  used += NLMSG_HDRLEN + GENL_HDRLEN;
  return h;
}

static void finish(struct nlmsghdr *h) {
  h->nlmsg_len = (uint32_t)(batch + used - (char *)h);
  pending++;
}

/* Sends what is there and reads an acknowledgement for each message of it. */
static void flush(void) {
  static char replies[1 << 16];
  if (send(netlink, batch, used, 0) < 0) die("send");
  while (pending > 0) {
    ssize_t n = recv(netlink, replies, sizeof replies, 0);
    if (n < 0) die("recv");
    for (struct nlmsghdr *h = (struct nlmsghdr *)replies; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      errno = -((struct nlmsgerr *)NLMSG_DATA(h))->error;
      if (errno != 0) die("refused");
      pending--;
    }
  }
  used = 0;
}

static void find_family(void) {
  char reply[4096];
  struct nlmsghdr *h = message(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
  put(CTRL_ATTR_FAMILY_NAME, "IPVS", 5);
  h->nlmsg_flags = NLM_F_REQUEST;
  finish(h);
  if (send(netlink, batch, used, 0) < 0) die("send");
  ssize_t n = recv(netlink, reply, sizeof reply, 0);
  h = (struct nlmsghdr *)reply;
  if (n < 0 || h->nlmsg_type == NLMSG_ERROR) die("no IPVS");
  for (char *at = reply + NLMSG_HDRLEN + GENL_HDRLEN; at < reply + n;) {
    struct nlattr *a = (struct nlattr *)at;
    if (a->nla_type == CTRL_ATTR_FAMILY_ID) memcpy(&family, a + 1, 2);
    at += NLA_ALIGN(a->nla_len);
  }
  used = 0;
  pending = 0;
}

static void put_identity(uint32_t vip) {
  put16(IPVS_SVC_ATTR_AF, AF_INET);
  put16(IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
  put_address(IPVS_SVC_ATTR_ADDR, vip);
  put16(IPVS_SVC_ATTR_PORT, htons(80));
}

static void add_service(uint32_t vip) {
  struct nlmsghdr *h = message(family, IPVS_CMD_NEW_SERVICE);
  struct nlattr *service = begin(IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED);
  struct ip_vs_flags flags = {0, ~0u};
  put_identity(vip);
  put(IPVS_SVC_ATTR_SCHED_NAME, "rr", 3);
  put(IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
  put32(IPVS_SVC_ATTR_TIMEOUT, 0);
  put32(IPVS_SVC_ATTR_NETMASK, ~0u);
  end(service);
  finish(h);
}

static void add_destination(uint32_t vip, uint32_t address) {
  struct nlmsghdr *h = message(family, IPVS_CMD_NEW_DEST);
  struct nlattr *service = begin(IPVS_CMD_ATTR_SERVICE | NLA_F_NESTED);
  put_identity(vip);
  end(service);
  struct nlattr *destination = begin(IPVS_CMD_ATTR_DEST | NLA_F_NESTED);
  put16(IPVS_DEST_ATTR_ADDR_FAMILY, AF_INET);
  put_address(IPVS_DEST_ATTR_ADDR, address);
  put16(IPVS_DEST_ATTR_PORT, htons(80));
  put32(IPVS_DEST_ATTR_FWD_METHOD, IP_VS_CONN_F_MASQ);
  put32(IPVS_DEST_ATTR_WEIGHT, 1);
  put32(IPVS_DEST_ATTR_U_THRESH, 0);
  put32(IPVS_DEST_ATTR_L_THRESH, 0);
  end(destination);
  finish(h);
}

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
  double started = now_ms();
  uint32_t services = argc > 1 ? (uint32_t)atoi(argv[1]) : 1000;
  uint32_t destinations = argc > 2 ? (uint32_t)atoi(argv[2]) : 10;
  int receive_buffer = 4 << 20;
  netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
  if (netlink < 0) die("socket");
  setsockopt(netlink, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
  find_family();
  for (uint32_t i = 0; i < services; i++) {
    uint32_t vip = 0x0a600000u + i;
    add_service(vip);
    if (pending == BATCH) flush();
    for (uint32_t j = 0; j < destinations; j++) {
      add_destination(vip, 0x0a010000u + i * destinations + j);
      if (pending == BATCH) flush();
    }
  }
  if (pending > 0) flush();
  printf("%.3f\n", now_ms() - started);
  return 0;
}
