// Watches one multicast socket on the environment's event loop.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>

#include "netlink_socket.h"

namespace meshd {

class Listener : public std::enable_shared_from_this<Listener> {
 public:
  // Calls `callback(messages, overrun)` until Stop(). Does not keep the event loop alive.
  static std::shared_ptr<Listener> Start(Napi::Env env, std::shared_ptr<NetlinkSocket> socket,
                                         const Napi::Function& callback);
  // Lets go of the socket and the callback at once. May be called twice.
  void Stop();

  Listener(Napi::Env env, std::shared_ptr<NetlinkSocket> socket);

 private:
  static void OnEvent(uv_poll_t* poll, int status, int events);
  static void OnTeardown(napi_async_cleanup_hook_handle hook, void* self);
  static void OnClosed(uv_handle_t* poll);
  void Watch();
  void Deliver();
  void Call(const Received& received);

  Napi::Env env_;
  std::shared_ptr<NetlinkSocket> socket_;  // null once stopped
  Napi::FunctionReference callback_;
  napi_async_cleanup_hook_handle teardown_ = nullptr;
  uv_poll_t poll_{};
  std::shared_ptr<Listener> self_;  // libuv's share: until it no longer uses poll_
};

}  // namespace meshd
