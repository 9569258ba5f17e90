// One netlink socket: open in a namespace, send, drain. Knows nothing of JavaScript, and of
// messages only how long each is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "result.h"
#include "unique_fd.h"

namespace meshd {

struct OpenOptions {
  int protocol = 0;
  std::string netns;  // empty = the process's own
  std::vector<uint32_t> groups;
  int receive_buffer_bytes = 4 * 1024 * 1024;
};

struct Received {
  std::vector<uint8_t> messages;
  bool overrun = false;  // something was lost: the messages are not the whole answer
  int error = 0;         // errno of the socket (not of a message); 0 = drained
};

struct Exchanged : Received {
  size_t sent = 0;
};

// True when `bytes` is a row of whole messages, each beginning and ending on 4 bytes.
bool IsFramed(const std::vector<uint8_t>& bytes);

class NetlinkSocket {
 public:
  static constexpr size_t kNoLimit = SIZE_MAX;

  static Result<NetlinkSocket> Open(const OpenOptions& options);

  // Sends and collects every answer. Needs no timeout: the kernel handles a request inside
  // sendmsg() and produces the next part of a dump inside recvmsg(), so an empty queue means
  // "answered". `one_by_one` sends each message alone and drains before the next, because the
  // kernel runs one dump per socket at a time; `requests` must be framed then.
  Exchanged Exchange(const std::vector<uint8_t>& requests, bool one_by_one);

  // Appends what is queued, at most `limit` datagrams.
  void Drain(size_t limit, Received& received);

  int fd() const { return fd_.get(); }
  uint32_t port_id() const { return port_id_; }
  int receive_buffer_bytes() const { return receive_buffer_bytes_; }

 private:
  static Result<NetlinkSocket> OpenHere(const OpenOptions& options);
  bool Send(const uint8_t* data, size_t size, Exchanged& exchanged);

  UniqueFd fd_;
  uint32_t port_id_ = 0;
  int receive_buffer_bytes_ = 0;
  // Dumps come in parts of up to 32 KiB when the reader has room for that much.
  size_t datagram_bytes_ = 64 * 1024;
};

}  // namespace meshd
