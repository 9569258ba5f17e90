#include "listener.h"

#include <utility>

#include "js.h"

namespace meshd {
namespace {

// Under a storm of events the loop gets its turn after this many; libuv calls again at once.
constexpr size_t kDatagramsPerTurn = 256;

}  // namespace

Listener::Listener(Napi::Env env, std::shared_ptr<NetlinkSocket> socket)
    : env_(env), socket_(std::move(socket)) {}

std::shared_ptr<Listener> Listener::Start(Napi::Env env, std::shared_ptr<NetlinkSocket> socket,
                                          const Napi::Function& callback) {
  // Worker threads have loops of their own: never uv_default_loop().
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);

  auto listener = std::make_shared<Listener>(env, std::move(socket));
  listener->callback_ = Napi::Persistent(callback);
  const int status = uv_poll_init(loop, &listener->poll_, listener->socket_->fd());
  if (status != 0) throw MakeError(env, {-status, "uv_poll_init", {}});

  // From here on libuv knows poll_: only Stop() gives it back.
  listener->poll_.data = listener.get();
  listener->self_ = listener;
  uv_unref(reinterpret_cast<uv_handle_t*>(&listener->poll_));
  // The asynchronous kind, because the environment must not go before libuv closed the handle.
  if (napi_add_async_cleanup_hook(env, OnTeardown, listener.get(), &listener->teardown_) !=
      napi_ok) {
    listener->Stop();
    throw Napi::Error::New(env, "cannot register the cleanup of a listener");
  }
  listener->Watch();
  return listener;
}

void Listener::Watch() { uv_poll_start(&poll_, UV_READABLE, OnEvent); }

void Listener::Stop() {
  if (!socket_) return;
  // Before the descriptor is closed: its number may be reused at once.
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_), OnClosed);
  socket_.reset();
  callback_.Reset();
}

void Listener::OnClosed(uv_handle_t* poll) {
  auto* listener = static_cast<Listener*>(poll->data);
  if (listener->teardown_) napi_remove_async_cleanup_hook(listener->teardown_);
  listener->self_.reset();  // may delete it
}

void Listener::OnTeardown(napi_async_cleanup_hook_handle, void* self) {
  // Node waits until OnClosed removes the hook.
  static_cast<Listener*>(self)->Stop();
}

void Listener::OnEvent(uv_poll_t* poll, int status, int) {
  // The callback may close the socket: keep the listener until this returns.
  const auto self = static_cast<Listener*>(poll->data)->shared_from_this();
  try {
    self->Deliver();
  } catch (...) {
    // Out of memory, or a terminating environment: there is nobody left to tell.
  }
  // libuv takes a pending ENOBUFS for a broken descriptor and stops watching; it is neither.
  if (status < 0 && self->socket_) self->Watch();
}

void Listener::Deliver() {
  Received received;
  socket_->Drain(kDatagramsPerTurn, received);
  // A multicast socket that failed to deliver has lost something, whatever the reason.
  if (received.error != 0) received.overrun = true;
  if (!received.messages.empty() || received.overrun) Call(received);
}

void Listener::Call(const Received& received) {
  const Napi::HandleScope scope(env_);
  try {
    const auto messages = Napi::Buffer<uint8_t>::Copy(env_, received.messages.data(),
                                                      received.messages.size());
    // MakeCallback, not Call: promises and ticks queued by the callback must run.
    callback_.MakeCallback(env_.Global(), {messages, Napi::Boolean::New(env_, received.overrun)});
  } catch (const Napi::Error& e) {
    // As for any event handler: 'uncaughtException'. Fails quietly when terminating.
    napi_fatal_exception(env_, e.Value());
  }
}

}  // namespace meshd
