// The JavaScript class Responder: the edge of dns_responder.
#pragma once

#include <napi.h>
#include <uv.h>

#include <memory>
#include <vector>

#include "dns_responder.h"

namespace meshd {

// A responder whose misses are called back on the environment's event loop, until Stop().
class MissedQueries : public std::enable_shared_from_this<MissedQueries> {
 public:
  // Does not keep the event loop alive.
  static std::shared_ptr<MissedQueries> Start(Napi::Env env, const Napi::Function& callback);
  // Lets go of thread, sockets and callback at once. May be called twice.
  void Stop();
  bool stopped() const { return stopped_; }

  explicit MissedQueries(Napi::Env env);

  DnsResponder responder;

 private:
  static void OnMissed(uv_async_t* wake);
  static void OnTeardown(napi_async_cleanup_hook_handle hook, void* self);
  static void OnClosed(uv_handle_t* wake);
  void Deliver();
  void Call(const std::vector<Miss>& misses);

  Napi::Env env_;
  Napi::FunctionReference callback_;
  napi_async_cleanup_hook_handle teardown_ = nullptr;
  uv_async_t wake_{};
  std::shared_ptr<MissedQueries> self_;  // libuv's share: until it no longer uses wake_
  bool stopped_ = false;
};

class ResponderBinding : public Napi::ObjectWrap<ResponderBinding> {
 public:
  static void Register(Napi::Env env, Napi::Object exports);

  explicit ResponderBinding(const Napi::CallbackInfo& info);
  ~ResponderBinding() override;

 private:
  Napi::Value Add(const Napi::CallbackInfo& info);
  void SetView(const Napi::CallbackInfo& info);
  void Remove(const Napi::CallbackInfo& info);
  void Send(const Napi::CallbackInfo& info);
  void Put(const Napi::CallbackInfo& info);
  void Forget(const Napi::CallbackInfo& info);
  void Clear(const Napi::CallbackInfo& info);
  void SetAnswering(const Napi::CallbackInfo& info);
  Napi::Value Respond(const Napi::CallbackInfo& info);
  Napi::Value Counts(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  std::shared_ptr<MissedQueries> queries_;
};

}  // namespace meshd
