// UDP sockets on which DNS queries come in, served by a thread of their own from kept answers.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "dns_answers.h"
#include "result.h"
#include "source_limit.h"
#include "unique_fd.h"

namespace meshd {

struct Source {
  sockaddr_storage address{};
  socklen_t size = 0;
};

// A query that nothing is kept for: somebody else's to answer, by Send().
struct Miss {
  uint32_t socket;
  Source from;
  std::vector<uint8_t> message;
};

struct ResponderCounts {
  uint64_t limited = 0;    // of sources that asked too often
  uint64_t oversized = 0;  // longer than any query
  uint64_t overflow = 0;   // too many wait for somebody else
  uint64_t unsent = 0;     // responses that the kernel had no room for
};

class DnsResponder {
 public:
  // `missed` is called on the thread when misses wait that it was not called for yet.
  explicit DnsResponder(std::function<void()> missed);
  ~DnsResponder();

  SystemError Start();
  // Ends the thread and closes all sockets. May be called twice.
  void Stop();

  // A bound, non-blocking UDP socket; `per_second` as SourceLimit. The number is not used again.
  Result<uint32_t> Add(UniqueFd fd, uint32_t view, double per_second);
  void SetView(uint32_t socket, uint32_t view);
  void Remove(uint32_t socket);
  // Nothing when the socket is gone.
  void Send(uint32_t socket, const Source& to, const std::vector<uint8_t>& response);
  std::vector<Miss> TakeMisses();

  DnsAnswers& answers() { return answers_; }
  ResponderCounts counts() const;

 private:
  struct Socket {
    Socket(uint32_t id, UniqueFd fd, uint32_t view, double per_second)
        : id(id), fd(std::move(fd)), view(view), limit(per_second) {}
    const uint32_t id;
    const UniqueFd fd;
    std::atomic<uint32_t> view;
    SourceLimit limit;  // the thread's
  };
  struct Batch;

  void Run();
  void Serve(Socket& socket);
  void Respond(Socket& socket, size_t received);
  // How many were sent of the responses of the batch.
  size_t SendAll(const Socket& socket);
  // The same of one train, one after the other.
  static size_t SendParts(const Socket& socket, const msghdr& train);
  // For TakeMisses(); false when too many wait.
  bool Keep(uint32_t socket, size_t slot);
  void Count(const ResponderCounts& dropped);
  std::shared_ptr<Socket> Find(uint32_t id);

  const std::function<void()> missed_;
  DnsAnswers answers_;
  UniqueFd epoll_;
  UniqueFd wake_;
  std::thread thread_;
  std::unique_ptr<Batch> batch_;
  mutable std::mutex mutex_;  // of what follows
  std::unordered_map<uint32_t, std::shared_ptr<Socket>> sockets_;
  std::vector<Miss> misses_;
  ResponderCounts counts_;
  uint32_t last_ = 0;
};

}  // namespace meshd
