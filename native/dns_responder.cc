#include "dns_responder.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <netinet/udp.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <system_error>
#include <utility>

namespace meshd {
namespace {

constexpr size_t kBatch = 64;
// Longer than any query that is answered, and than any of EDNS that is asked.
constexpr size_t kQueryBytesMax = 4096;
constexpr size_t kMissesMax = 4096;
constexpr uint32_t kWakeId = 0;
constexpr int kNice = -10;
constexpr int kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;
// Of all responses that the kernel gets as one packet: an IP packet has 65,535.
constexpr size_t kTrainBytesMax = 60'000;
// Room for the queries of a burst, a few thousand, while the thread is on its way.
constexpr int kReceiveBufferBytes = 2 << 20;

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

SystemError Watch(int epoll, int fd, uint32_t id) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = id;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) return LastError("epoll_ctl");
  return {};
}

}  // namespace

// What one recvmmsg() and one sendmmsg() work on: made once.
struct DnsResponder::Batch {
  Batch() {
    for (size_t i = 0; i < kBatch; i++) {
      queries[i] = {query_bytes[i].data(), kQueryBytesMax};
      msghdr& in = received[i].msg_hdr;
      in.msg_iov = &queries[i];
      in.msg_iovlen = 1;
      in.msg_name = &from[i];
    }
  }

  // Responses to one asker that are as long as each other go through the kernel as one packet and
  // are taken apart where they arrive (UDP_SEGMENT, udp(7)): most of the time is the kernel's, for
  // each packet anew.
  struct Train {
    size_t slot;  // of one of its queries
    size_t size;
    size_t count;
  };

  // Notes the next response, to the query of `slot`.
  void Add(size_t slot, size_t size) {
    const size_t train = TrainFor(slot, size);
    trains[train].count++;
    train_of[responses] = train;
    sizes[responses] = size;
    responses++;
  }

  size_t TrainFor(size_t slot, size_t size) {
    const msghdr& to = received[slot].msg_hdr;
    for (size_t i = 0; i < train_count; i++) {
      const Train& train = trains[i];
      const bool fits = train.size == size && (train.count + 1) * size <= kTrainBytesMax;
      if (fits && received[train.slot].msg_hdr.msg_namelen == to.msg_namelen &&
          std::memcmp(&from[train.slot], &from[slot], to.msg_namelen) == 0) {
        return i;
      }
    }
    trains[train_count] = {slot, size, 0};
    return train_count++;
  }

  // Makes `sent` of what was noted.
  void Finish() {
    std::array<size_t, kBatch> next;
    size_t at = 0;
    for (size_t i = 0; i < train_count; i++) {
      const Train& train = trains[i];
      next[i] = at;
      msghdr& out = sent[i].msg_hdr;
      out = {};
      out.msg_iov = &parts[at];
      out.msg_iovlen = train.count;
      out.msg_name = &from[train.slot];
      out.msg_namelen = received[train.slot].msg_hdr.msg_namelen;
      if (train.count > 1) SetSegment(out, controls[i], train.size);
      at += train.count;
    }
    for (size_t i = 0; i < responses; i++) {
      parts[next[train_of[i]]++] = {response_bytes[i].data(), sizes[i]};
    }
  }

  using Control = std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))>;

  static void SetSegment(msghdr& out, Control& control, size_t size) {
    out.msg_control = control.data();
    out.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&out);
    head->cmsg_level = SOL_UDP;
    head->cmsg_type = UDP_SEGMENT;
    head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    const auto bytes = static_cast<uint16_t>(size);
    std::memcpy(CMSG_DATA(head), &bytes, sizeof(bytes));
  }

  std::array<std::array<uint8_t, kQueryBytesMax>, kBatch> query_bytes;
  std::array<std::array<uint8_t, kResponseBytesMax>, kBatch> response_bytes;
  std::array<sockaddr_storage, kBatch> from;
  std::array<iovec, kBatch> queries;
  std::array<mmsghdr, kBatch> received{};
  std::array<size_t, kBatch> sizes;
  std::array<size_t, kBatch> train_of;
  size_t responses = 0;
  std::array<Train, kBatch> trains;
  size_t train_count = 0;
  std::array<iovec, kBatch> parts;
  alignas(cmsghdr) std::array<Control, kBatch> controls;
  std::array<mmsghdr, kBatch> sent{};
};

DnsResponder::DnsResponder(std::function<void()> missed)
    : missed_(std::move(missed)), batch_(std::make_unique<Batch>()) {}

DnsResponder::~DnsResponder() { Stop(); }

SystemError DnsResponder::Start() {
  epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return LastError("epoll_create1");
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) return LastError("eventfd");
  SystemError error = Watch(epoll_.get(), wake_.get(), kWakeId);
  if (error) return error;
  // Signals are Node's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { Run(); });
    pthread_setname_np(thread_.native_handle(), "meshd-dns");
  } catch (const std::system_error& e) {
    error = SystemError{e.code().value(), "pthread_create", {}};
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

void DnsResponder::Stop() {
  if (thread_.joinable()) {
    eventfd_write(wake_.get(), 1);
    thread_.join();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  sockets_.clear();
  misses_.clear();
}

Result<uint32_t> DnsResponder::Add(UniqueFd fd, uint32_t view, double per_second) {
  const int bytes = kReceiveBufferBytes;
  // Beyond net.core.rmem_max for root alone; others get what they get.
  if (setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  const uint32_t id = ++last_;
  const auto socket = std::make_shared<Socket>(id, std::move(fd), view, per_second);
  sockets_.emplace(id, socket);
  const SystemError error = Watch(epoll_.get(), socket->fd.get(), id);
  if (!error) return id;
  sockets_.erase(id);
  return error;
}

void DnsResponder::SetView(uint32_t socket, uint32_t view) {
  const auto found = Find(socket);
  if (found) found->view = view;
}

void DnsResponder::Remove(uint32_t socket) {
  const auto found = Find(socket);
  if (!found) return;
  // The thread may hold it for a batch longer, so the kernel would go on telling of it.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->fd.get(), nullptr);
  const std::lock_guard<std::mutex> lock(mutex_);
  sockets_.erase(socket);
}

void DnsResponder::Send(uint32_t socket, const Source& to, const std::vector<uint8_t>& response) {
  const auto found = Find(socket);
  if (!found) return;
  // Who has gone by now does not mind.
  sendto(found->fd.get(), response.data(), response.size(), kSendFlags,
         reinterpret_cast<const sockaddr*>(&to.address), to.size);
}

std::vector<Miss> DnsResponder::TakeMisses() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(misses_, {});
}

ResponderCounts DnsResponder::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

std::shared_ptr<DnsResponder::Socket> DnsResponder::Find(uint32_t id) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto found = sockets_.find(id);
  return found == sockets_.end() ? nullptr : found->second;
}

void DnsResponder::Run() {
  // Of this thread alone. Who asks waits for it; what else this process does may wait a little, and
  // may take long. Without the right to it all are equal.
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
  std::array<epoll_event, kBatch> events;
  for (;;) {
    const int count = epoll_wait(epoll_.get(), events.data(), kBatch, -1);
    for (int i = 0; i < count; i++) {
      const uint32_t id = events[static_cast<size_t>(i)].data.u32;
      if (id == kWakeId) return;
      const auto socket = Find(id);
      try {
        if (socket) Serve(*socket);
      } catch (const std::bad_alloc&) {
        // The queries of this batch get no answer, and are asked again.
      }
    }
  }
}

// One batch; what is left the next turn finds, after other sockets.
void DnsResponder::Serve(Socket& socket) {
  for (mmsghdr& message : batch_->received) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
  const int received =
      recvmmsg(socket.fd.get(), batch_->received.data(), kBatch, MSG_DONTWAIT, nullptr);
  // A refusal of an earlier response is taken off the socket by this; nobody minds it.
  if (received > 0) Respond(socket, static_cast<size_t>(received));
}

void DnsResponder::Respond(Socket& socket, size_t received) {
  Batch& batch = *batch_;
  const double now = Now();
  const uint32_t view = socket.view;
  ResponderCounts dropped;
  batch.responses = 0;
  batch.train_count = 0;
  bool missed = false;
  for (size_t i = 0; i < received; i++) {
    const mmsghdr& in = batch.received[i];
    if (!socket.limit.Allows(batch.from[i], now)) {
      dropped.limited++;
    } else if ((in.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      dropped.oversized++;
    } else {
      uint8_t* const response = batch.response_bytes[batch.responses].data();
      const size_t size =
          answers_.Respond(view, batch.query_bytes[i].data(), in.msg_len, response);
      if (size == 0) {
        missed = Keep(socket.id, i) || missed;
      } else {
        batch.Add(i, size);
      }
    }
  }
  batch.Finish();
  dropped.unsent = batch.responses - SendAll(socket);
  Count(dropped);
  if (missed) missed_();
}

size_t DnsResponder::SendAll(const Socket& socket) {
  Batch& batch = *batch_;
  size_t sent = 0;
  for (size_t at = 0; at < batch.train_count;) {
    const int took = sendmmsg(socket.fd.get(), &batch.sent[at],
                              static_cast<unsigned>(batch.train_count - at), kSendFlags);
    for (int i = 0; i < took; i++) sent += batch.trains[at++].count;
    if (took > 0) continue;
    // An error is of the first one alone; where it is that of a train, its parts may go.
    sent += SendParts(socket, batch.sent[at++].msg_hdr);
  }
  return sent;
}

size_t DnsResponder::SendParts(const Socket& socket, const msghdr& train) {
  if (train.msg_iovlen == 1) return 0;
  size_t sent = 0;
  for (size_t i = 0; i < train.msg_iovlen; i++) {
    const iovec& part = train.msg_iov[i];
    const auto* const to = static_cast<const sockaddr*>(train.msg_name);
    if (sendto(socket.fd.get(), part.iov_base, part.iov_len, kSendFlags, to,
               train.msg_namelen) >= 0) {
      sent++;
    }
  }
  return sent;
}

bool DnsResponder::Keep(uint32_t socket, size_t slot) {
  const mmsghdr& in = batch_->received[slot];
  const uint8_t* const bytes = batch_->query_bytes[slot].data();
  Miss miss{socket, {batch_->from[slot], in.msg_hdr.msg_namelen}, {bytes, bytes + in.msg_len}};
  const std::lock_guard<std::mutex> lock(mutex_);
  if (misses_.size() >= kMissesMax) {
    counts_.overflow++;
    return false;
  }
  misses_.push_back(std::move(miss));
  return true;
}

void DnsResponder::Count(const ResponderCounts& dropped) {
  if (dropped.limited + dropped.oversized + dropped.unsent == 0) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  counts_.limited += dropped.limited;
  counts_.oversized += dropped.oversized;
  counts_.unsent += dropped.unsent;
}

}  // namespace meshd
