// UDP and TCP sockets bound in any network namespace, for others to listen on.
#pragma once

#include <cstdint>
#include <string>

#include "result.h"
#include "unique_fd.h"

namespace meshd {

struct BindOptions {
  std::string netns;  // empty = the calling thread's own
  bool stream = false;
  std::string address;  // IPv4 or IPv6, in text
  uint16_t port = 0;
};

// Not connected and not listening; non-blocking and close-on-exec. EINVAL when the address is none.
Result<UniqueFd> BindSocket(const BindOptions& options);

}  // namespace meshd
