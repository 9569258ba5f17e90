#include "inet_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>

#include "namespace.h"

namespace meshd {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Address ReadAddress(const BindOptions& options) {
  Address read;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&read.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&read.storage);
  if (inet_pton(AF_INET, options.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(options.port);
    read.size = sizeof(*v4);
  } else if (inet_pton(AF_INET6, options.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(options.port);
    read.size = sizeof(*v6);
  }
  return read;
}

Result<UniqueFd> BindHere(const BindOptions& options, const Address& address) {
  const int type = (options.stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  UniqueFd fd(socket(address.storage.ss_family, type, 0));
  if (!fd.valid()) return LastError("socket");
  const int on = 1;
  // A server that was restarted finds connections of its last life in TIME_WAIT.
  if (options.stream &&
      setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0) {
    return LastError("setsockopt");
  }
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    return LastError("bind");
  }
  return fd;
}

}  // namespace

Result<UniqueFd> BindSocket(const BindOptions& options) {
  const Address address = ReadAddress(options);
  if (address.size == 0) return SystemError{EINVAL, "bind", {}};
  Result<UniqueFd> result;
  // A socket stays in the namespace it was made in; only the making must happen there.
  SystemError error =
      RunInNamespace(options.netns, [&] { result = BindHere(options, address); });
  if (error) return error;
  return result;
}

}  // namespace meshd
