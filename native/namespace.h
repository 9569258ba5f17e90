// Network namespaces: doing something in one, and telling one from another.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "result.h"

namespace meshd {

// Runs `action` inside the network namespace behind `path` (/run/netns/NAME, /proc/PID/ns/net)
// and waits for it; an empty path means the calling thread's own namespace. The error tells
// that `action` did not run to its end.
SystemError RunInNamespace(const std::string& path, const std::function<void()>& action);

struct NamespaceId {
  dev_t device = 0;
  ino_t inode = 0;
};

// Identity of the namespace behind `path`; empty = the calling thread's own. EINVAL when the
// file is not a network namespace.
Result<NamespaceId> IdentifyNamespace(const std::string& path);

}  // namespace meshd
