#include "namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <new>
#include <system_error>
#include <thread>

#include "unique_fd.h"

namespace meshd {
namespace {

// Nothing may leave a thread's entry function but a value: an exception there ends the process.
SystemError RunGuarded(const std::function<void()>& action) {
  try {
    action();
    return {};
  } catch (const std::bad_alloc&) {
    return {ENOMEM, "malloc", {}};
  } catch (...) {
    return {EIO, "thread", {}};
  }
}

// O_NONBLOCK so that a FIFO given by mistake does not hold a pool thread for ever.
UniqueFd OpenNamespace(const char* path) {
  return UniqueFd(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
}

}  // namespace

SystemError RunInNamespace(const std::string& path, const std::function<void()>& action) {
  if (path.empty()) return RunGuarded(action);
  const UniqueFd netns = OpenNamespace(path.c_str());
  if (!netns.valid()) return LastError("open", path);

  SystemError error;
  try {
    // A thread of its own, thrown away afterwards: the caller is a pool thread that will serve
    // others, and a thread whose way back failed would work in the wrong namespace unnoticed.
    std::thread worker([&] {
      if (setns(netns.get(), CLONE_NEWNET) != 0) {
        error.number = errno;
        error.syscall = "setns";
      } else {
        error = RunGuarded(action);
      }
    });
    worker.join();
  } catch (const std::system_error& e) {
    return {e.code().value(), "pthread_create", path};
  }
  if (error) error.path = path;
  return error;
}

Result<NamespaceId> IdentifyNamespace(const std::string& path) {
  // /proc/self is the process's main thread, which may have another namespace than this thread.
  const std::string file = path.empty() ? "/proc/thread-self/ns/net" : path;
  const UniqueFd netns = OpenNamespace(file.c_str());
  if (!netns.valid()) return LastError("open", file);

  const int type = ioctl(netns.get(), NS_GET_NSTYPE);
  // Other kinds of file answer ENOTTY or take the number for a request of their own.
  if (type != CLONE_NEWNET) return SystemError{EINVAL, "ioctl", file};

  struct stat status {};
  if (fstat(netns.get(), &status) != 0) return LastError("fstat", file);
  return NamespaceId{status.st_dev, status.st_ino};
}

}  // namespace meshd
