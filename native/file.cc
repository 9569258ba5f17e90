#include "file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "namespace.h"
#include "unique_fd.h"

namespace meshd {
namespace {

// The kernel fills at most one buffer per read() of a seq_file; larger gives nothing more.
constexpr size_t kFirstReadBytes = 64 * 1024;

Result<Bytes> ReadHere(const std::string& path, size_t max_bytes) {
  // O_NONBLOCK so that a FIFO given by mistake does not hold a pool thread for ever.
  const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return LastError("open", path);

  Bytes content;
  size_t used = 0;
  for (;;) {
    // Doubling keeps the number of copies logarithmic for files of tens of megabytes. One byte
    // above the limit is asked for, so that "exactly at the limit" and "more" differ.
    if (used == content.size()) {
      content.resize(std::min(std::max(kFirstReadBytes, used * 2), max_bytes + 1));
    }
    const ssize_t count = read(file.get(), content.data() + used, content.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return LastError("read", path);
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > max_bytes) return SystemError{EFBIG, "read", path};
  }
  content.resize(used);
  return content;
}

SystemError WriteHere(const std::string& path, const Bytes& data) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return LastError("open", path);
  ssize_t count;
  do {
    count = write(file.get(), data.data(), data.size());
  } while (count < 0 && errno == EINTR);
  if (count < 0) return LastError("write", path);
  // Going on after a short write would hand a sysctl the tail as a value of its own.
  if (static_cast<size_t>(count) != data.size()) return SystemError{EIO, "write", path};
  return {};
}

}  // namespace

Result<Bytes> ReadFile(const std::string& path, const std::string& netns, size_t max_bytes) {
  Result<Bytes> result;
  SystemError error = RunInNamespace(netns, [&] { result = ReadHere(path, max_bytes); });
  if (error) return error;
  return result;
}

SystemError WriteFile(const std::string& path, const std::string& netns, const Bytes& data) {
  SystemError result;
  SystemError error = RunInNamespace(netns, [&] { result = WriteHere(path, data); });
  return error ? error : result;
}

}  // namespace meshd
