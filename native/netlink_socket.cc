#include "netlink_socket.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>
#include <memory>

#include "namespace.h"

namespace meshd {
namespace {

// A batch must fit the send buffer whole; the system default may be smaller than one of ours.
constexpr int kSendBufferBytes = 4 * 1024 * 1024;

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// The forced variant passes net.core.{r,w}mem_max but needs CAP_NET_ADMIN in the initial user
// namespace; the other one is silently capped.
bool SetBuffer(int fd, int force_name, int name, int bytes) {
  return SetOption(fd, SOL_SOCKET, force_name, bytes) || SetOption(fd, SOL_SOCKET, name, bytes);
}

// Errors carry the kernel's own words; acknowledgements do not repeat the request; dump
// requests are checked instead of ignored in part. Kernels before these options still work.
bool SetNetlinkOptions(int fd) {
  for (const int name : {NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK}) {
    if (!SetOption(fd, SOL_NETLINK, name, 1) && errno != ENOPROTOOPT) return false;
  }
  return true;
}

uint32_t MessageLength(const uint8_t* message) {
  uint32_t length;
  std::memcpy(&length, message, sizeof(length));
  return length;
}

// The next message of a dump begins where this datagram ends: keep it on 4 bytes.
void Append(std::vector<uint8_t>& to, const uint8_t* data, size_t size) {
  to.insert(to.end(), data, data + size);
  to.resize(NLMSG_ALIGN(to.size()));
}

}  // namespace

bool IsFramed(const std::vector<uint8_t>& bytes) {
  size_t offset = 0;
  while (offset < bytes.size()) {
    const size_t left = bytes.size() - offset;
    if (left < sizeof(nlmsghdr)) return false;
    const uint32_t length = MessageLength(bytes.data() + offset);
    if (length < sizeof(nlmsghdr) || length > left || length % NLMSG_ALIGNTO != 0) return false;
    offset += length;
  }
  return true;
}

Result<NetlinkSocket> NetlinkSocket::Open(const OpenOptions& options) {
  Result<NetlinkSocket> result;
  // A socket stays in the namespace it was made in; only the making must happen there.
  SystemError error = RunInNamespace(options.netns, [&] { result = OpenHere(options); });
  if (error) return error;
  return result;
}

Result<NetlinkSocket> NetlinkSocket::OpenHere(const OpenOptions& options) {
  NetlinkSocket made;
  made.fd_ = UniqueFd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
                             options.protocol));
  if (!made.fd_.valid()) return LastError("socket");
  const int fd = made.fd_.get();

  if (!SetBuffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer_bytes) ||
      !SetBuffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, kSendBufferBytes) || !SetNetlinkOptions(fd)) {
    return LastError("setsockopt");
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  socklen_t size = sizeof(address);
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) return LastError("bind");
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return LastError("getsockname");
  }
  made.port_id_ = address.nl_pid;

  for (const uint32_t group : options.groups) {
    if (!SetOption(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, static_cast<int>(group))) {
      return LastError("setsockopt");
    }
  }
  size = sizeof(made.receive_buffer_bytes_);
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &made.receive_buffer_bytes_, &size) != 0) {
    return LastError("getsockopt");
  }
  return made;
}

bool NetlinkSocket::Send(const uint8_t* data, size_t size, Exchanged& exchanged) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  iovec part{const_cast<uint8_t*>(data), size};
  msghdr message{};
  message.msg_name = &kernel;
  message.msg_namelen = sizeof(kernel);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t count;
  do {
    count = sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    // A refused send had no effect (all or nothing), so the caller may retry or send less.
    exchanged.error = errno;
    return false;
  }
  exchanged.sent += static_cast<size_t>(count);
  return true;
}

void NetlinkSocket::Drain(size_t limit, Received& received) {
  // Not a vector: clearing 64 KiB for each of a thousand acknowledgements costs more than they do.
  std::unique_ptr<uint8_t[]> datagram(new uint8_t[datagram_bytes_]);
  for (size_t count = 0; count < limit; count++) {
    sockaddr_nl sender{};
    iovec part{datagram.get(), datagram_bytes_};
    msghdr message{};
    message.msg_name = &sender;
    message.msg_namelen = sizeof(sender);
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // MSG_TRUNC as a flag makes the result the whole length, also when only a part fitted.
    const ssize_t got = recvmsg(fd_.get(), &message, MSG_TRUNC);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0 && errno == ENOBUFS) {
      received.overrun = true;  // reported once; what did fit is still queued behind it
      continue;
    }
    if (got < 0) {
      received.error = errno;
      return;
    }
    if (sender.nl_pid != 0) continue;  // any process may write to us; only the kernel is believed
    const size_t size = static_cast<size_t>(got);
    if (size > datagram_bytes_) {
      // The rest of this one is gone, which the caller treats as any other loss; the next fits.
      received.overrun = true;
      datagram_bytes_ = NLMSG_ALIGN(size);
      datagram.reset(new uint8_t[datagram_bytes_]);
      continue;
    }
    Append(received.messages, datagram.get(), size);
  }
}

Exchanged NetlinkSocket::Exchange(const std::vector<uint8_t>& requests, bool one_by_one) {
  Exchanged exchanged;
  size_t offset = 0;
  while (offset < requests.size() && exchanged.error == 0) {
    const uint8_t* next = requests.data() + offset;
    const size_t size = one_by_one ? MessageLength(next) : requests.size();
    if (Send(next, size, exchanged)) Drain(kNoLimit, exchanged);
    offset += size;
  }
  return exchanged;
}

}  // namespace meshd
