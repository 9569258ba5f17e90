#include "socket_binding.h"

#include <climits>
#include <utility>

#include "js.h"

namespace meshd {
namespace {

constexpr size_t kWaitingMax = 1024;

Napi::Error Closed(Napi::Env env) {
  return MakeRefusal(env, "ERR_CLOSED", "the netlink socket is closed", EBADF);
}

Napi::Error Listening(Napi::Env env) {
  return MakeRefusal(env, "ERR_LISTENING", "the netlink socket is listening");
}

OpenOptions ReadOpenOptions(const Napi::CallbackInfo& info) {
  const Napi::Object options = ReadOptions(info, 0);
  OpenOptions read;
  read.protocol = static_cast<int>(ReadInteger(options.Get("protocol"), "protocol", 0, 255));
  const Napi::Value netns = options.Get("netns");
  if (Has(netns)) read.netns = ReadPath(netns, "netns");
  const Napi::Value bytes = options.Get("receiveBufferBytes");
  // The kernel doubles the number for its own bookkeeping.
  if (Has(bytes)) {
    read.receive_buffer_bytes =
        static_cast<int>(ReadInteger(bytes, "receiveBufferBytes", 1, INT_MAX / 2));
  }
  const Napi::Value groups = options.Get("groups");
  if (!Has(groups)) return read;
  if (!groups.IsArray()) throw Napi::TypeError::New(info.Env(), "groups must be an array");
  const auto list = groups.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    read.groups.push_back(
        static_cast<uint32_t>(ReadInteger(list.Get(i), "a group", 1, INT_MAX)));
  }
  return read;
}

}  // namespace

class OpenWorker : public PromiseWorker {
 public:
  OpenWorker(Napi::Env env, Napi::Promise::Deferred deferred, OpenOptions options)
      : PromiseWorker(env, "meshd:netlink.open", deferred), options_(std::move(options)) {}

 protected:
  void Execute() override { opened_ = NetlinkSocket::Open(options_); }
  Napi::Value Outcome(Napi::Env env) override {
    if (!opened_.ok()) throw MakeError(env, opened_.error);
    return SocketBinding::Wrap(env, std::move(opened_.value));
  }

 private:
  OpenOptions options_;
  Result<NetlinkSocket> opened_;
};

class ExchangeWorker : public PromiseWorker {
 public:
  ExchangeWorker(Napi::Env env, SocketBinding* binding, SocketBinding::Waiting work)
      : PromiseWorker(env, "meshd:netlink.exchange", work.deferred),
        binding_(binding),
        socket_(binding->socket_),
        work_(std::move(work)) {}

 protected:
  void Execute() override { done_ = socket_->Exchange(work_.requests, work_.one_by_one); }

  Napi::Value Outcome(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("replies",
               Napi::Buffer<uint8_t>::Copy(env, done_.messages.data(), done_.messages.size()));
    result.Set("overrun", Napi::Boolean::New(env, done_.overrun));
    result.Set("errno", Napi::Number::New(env, done_.error));
    result.Set("sent", Napi::Number::New(env, static_cast<double>(done_.sent)));
    return result;
  }

  void Finished(Napi::Env env) override { binding_->OnExchanged(env); }

 private:
  SocketBinding* binding_;  // referenced while an exchange runs, so it is there in Finished()
  std::shared_ptr<NetlinkSocket> socket_;
  SocketBinding::Waiting work_;
  Exchanged done_;
};

void SocketBinding::Register(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = DefineClass(
      env, "Socket",
      {
          InstanceMethod<&SocketBinding::Exchange>("exchange"),
          InstanceMethod<&SocketBinding::Close>("close"),
          InstanceMethod<&SocketBinding::Listen>("listen"),
          InstanceAccessor<&SocketBinding::PortId>("portId"),
          InstanceAccessor<&SocketBinding::ReceiveBufferBytes>("receiveBufferBytes"),
      });
  // Per environment: each worker thread that loads the addon gets a class of its own.
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(constructor)));
  exports.Set("open", Napi::Function::New<&SocketBinding::Open>(env, "open"));
}

SocketBinding::SocketBinding(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<SocketBinding>(info) {}

// Collected, or the environment is gone. No exchange can be running: it would hold a reference,
// and Node finishes pool work before it finalizes objects.
SocketBinding::~SocketBinding() {
  if (listener_) listener_->Stop();
}

Napi::Value SocketBinding::Open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    PromiseWorker::Queue(std::make_unique<OpenWorker>(env, deferred, ReadOpenOptions(info)));
  });
}

Napi::Value SocketBinding::Wrap(Napi::Env env, NetlinkSocket socket) {
  const Napi::Object made = env.GetInstanceData<Napi::FunctionReference>()->New({});
  SocketBinding* binding = Unwrap(made);
  binding->socket_ = std::make_shared<NetlinkSocket>(std::move(socket));
  binding->closing_ = false;
  return made;
}

Napi::Value SocketBinding::Exchange(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    Waiting next{ReadBytes(info[0], "requests"), false, deferred};
    // Options are read before the state is looked at: a getter may close the socket.
    const Napi::Value one_by_one = ReadOptions(info, 1).Get("oneByOne");
    if (Has(one_by_one) && !one_by_one.IsBoolean()) {
      throw Napi::TypeError::New(env, "oneByOne must be a boolean");
    }
    next.one_by_one = Has(one_by_one) && one_by_one.As<Napi::Boolean>().Value();
    if (next.requests.empty()) throw Napi::RangeError::New(env, "requests are empty");
    if (next.one_by_one && !IsFramed(next.requests)) {
      throw Napi::RangeError::New(env, "requests are not a row of whole, aligned messages");
    }
    if (closing_) throw Closed(env);
    if (listener_) throw Listening(env);
    if (!running_) {
      Start(env, std::move(next));
    } else if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(std::move(next));
    } else {
      throw MakeRefusal(env, "ERR_QUEUE_FULL", "too many exchanges wait for the netlink socket");
    }
  });
}

void SocketBinding::Start(Napi::Env env, Waiting next) {
  PromiseWorker::Queue(std::make_unique<ExchangeWorker>(env, this, std::move(next)));
  running_ = true;
  Ref();  // a caller may keep only the promise
}

void SocketBinding::OnExchanged(Napi::Env env) {
  running_ = false;
  // A loop, because an exchange that cannot be started must not hold up those behind it.
  while (!closing_ && !running_ && !waiting_.empty()) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    const auto deferred = next.deferred;
    try {
      Start(env, std::move(next));
    } catch (const Napi::Error& e) {
      Settle(deferred, false, e.Value());
    }
  }
  if (closing_) Release(env);
  Unref();  // last, and after the next Ref(): this may be the only reference
}

Napi::Value SocketBinding::Close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    closers_.push_back(deferred);
    closing_ = true;
    RejectWaiting(env);
    if (!running_) Release(env);
  });
}

// Closes the descriptor and tells everyone who asked for it.
void SocketBinding::Release(Napi::Env env) {
  if (listener_) {
    std::exchange(listener_, nullptr)->Stop();
    Unref();
  }
  socket_.reset();
  for (const auto& closer : std::exchange(closers_, {})) Settle(closer, true, env.Undefined());
}

void SocketBinding::RejectWaiting(Napi::Env env) {
  for (const auto& work : std::exchange(waiting_, {})) {
    Settle(work.deferred, false, Closed(env).Value());
  }
}

void SocketBinding::Listen(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) throw Napi::TypeError::New(env, "callback must be a function");
  if (closing_) throw Closed(env);
  if (listener_) throw Listening(env);
  if (running_) throw MakeRefusal(env, "ERR_BUSY", "an exchange is running");
  listener_ = Listener::Start(env, socket_, info[0].As<Napi::Function>());
  Ref();  // as a server does: it listens until it is closed, referenced or not
}

Napi::Value SocketBinding::PortId(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), socket_ ? socket_->port_id() : 0);
}

Napi::Value SocketBinding::ReceiveBufferBytes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), socket_ ? socket_->receive_buffer_bytes() : 0);
}

}  // namespace meshd
