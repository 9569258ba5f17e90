// Owns one file descriptor: closed exactly once, on every path.
#pragma once

#include <unistd.h>

#include <utility>

namespace meshd {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Whoever takes the number closes it.
  int Release() { return std::exchange(fd_, -1); }

 private:
  // close() is not retried on EINTR: Linux has freed the number by then.
  void Reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

  int fd_ = -1;
};

}  // namespace meshd
