// So many a second of each source, and as many at once.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>

namespace meshd {

class SourceLimit {
 public:
  // `per_second` 0 = no limit.
  explicit SourceLimit(double per_second) : per_second_(per_second) {}

  // `now`: seconds of any clock that does not go back.
  bool Allows(const sockaddr_storage& from, double now) {
    if (per_second_ == 0) return true;
    // Beyond that all begin anew: sources can be made up.
    if (used_.size() >= kSourcesMax) used_.clear();
    Used& used = used_.try_emplace(AddressOf(from), Used{now, per_second_}).first->second;
    used.tokens = std::min(per_second_, used.tokens + (now - used.at) * per_second_);
    used.at = now;
    if (used.tokens < 1) return false;
    used.tokens -= 1;
    return true;
  }

 private:
  static constexpr size_t kSourcesMax = 10'000;

  struct Used {
    double at;
    double tokens;
  };

  // Without the port, which each query may have another of.
  static std::string AddressOf(const sockaddr_storage& from) {
    if (from.ss_family == AF_INET6) {
      const auto& v6 = reinterpret_cast<const sockaddr_in6&>(from);
      return {reinterpret_cast<const char*>(&v6.sin6_addr), sizeof(v6.sin6_addr)};
    }
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(from);
    return {reinterpret_cast<const char*>(&v4.sin_addr), sizeof(v4.sin_addr)};
  }

  const double per_second_;
  std::unordered_map<std::string, Used> used_;
};

}  // namespace meshd
