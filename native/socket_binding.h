// The JavaScript class Socket: a queue of exchanges in front of one netlink socket.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "listener.h"
#include "netlink_socket.h"

namespace meshd {

class SocketBinding : public Napi::ObjectWrap<SocketBinding> {
 public:
  // Adds open() to the module, and the class to the environment's own data.
  static void Register(Napi::Env env, Napi::Object exports);

  explicit SocketBinding(const Napi::CallbackInfo& info);
  ~SocketBinding() override;

 private:
  friend class OpenWorker;
  friend class ExchangeWorker;

  struct Waiting {
    std::vector<uint8_t> requests;
    bool one_by_one;
    Napi::Promise::Deferred deferred;
  };

  static Napi::Value Open(const Napi::CallbackInfo& info);
  static Napi::Value Wrap(Napi::Env env, NetlinkSocket socket);

  Napi::Value Exchange(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  void Listen(const Napi::CallbackInfo& info);
  Napi::Value PortId(const Napi::CallbackInfo& info);
  Napi::Value ReceiveBufferBytes(const Napi::CallbackInfo& info);

  void Start(Napi::Env env, Waiting next);
  void OnExchanged(Napi::Env env);
  void Release(Napi::Env env);
  void RejectWaiting(Napi::Env env);

  // A default-made Socket (JavaScript can reach the constructor) is a closed one.
  std::shared_ptr<NetlinkSocket> socket_;
  bool closing_ = true;
  bool running_ = false;
  std::deque<Waiting> waiting_;
  std::vector<Napi::Promise::Deferred> closers_;
  std::shared_ptr<Listener> listener_;
};

}  // namespace meshd
