// What the system-call layer returns: a value, or which call failed and why. It never throws on
// an operating error, and knows nothing of JavaScript.
#pragma once

#include <cerrno>
#include <string>
#include <utility>

namespace meshd {

struct SystemError {
  int number = 0;  // errno, positive; 0 = no error
  const char* syscall = "";
  std::string path;  // empty where no path is involved

  explicit operator bool() const { return number != 0; }
};

// Takes errno as it stands: call it directly after the failing system call.
inline SystemError LastError(const char* syscall, std::string path = {}) {
  const int number = errno;
  return SystemError{number, syscall, std::move(path)};
}

template <typename T>
struct Result {
  T value{};
  SystemError error;

  Result() = default;
  Result(T v) : value(std::move(v)) {}
  Result(SystemError e) : error(std::move(e)) {}
  bool ok() const { return !error; }
};

}  // namespace meshd
