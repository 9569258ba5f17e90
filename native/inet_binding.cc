#include "inet_binding.h"

#include <memory>
#include <utility>

#include "inet_socket.h"
#include "js.h"

namespace meshd {
namespace {

class BindWorker : public PromiseWorker {
 public:
  BindWorker(Napi::Env env, Napi::Promise::Deferred deferred, BindOptions options)
      : PromiseWorker(env, "meshd:netlink.bindSocket", deferred), options_(std::move(options)) {}

 protected:
  void Execute() override { bound_ = BindSocket(options_); }
  // The number is the caller's from here on: Node's own sockets close it.
  Napi::Value Outcome(Napi::Env env) override {
    if (!bound_.ok()) throw MakeError(env, bound_.error);
    return Napi::Number::New(env, bound_.value.Release());
  }

 private:
  BindOptions options_;
  Result<UniqueFd> bound_;
};

BindOptions ReadBindOptions(const Napi::CallbackInfo& info) {
  const Napi::Object options = ReadOptions(info, 0);
  BindOptions read;
  const Napi::Value netns = options.Get("netns");
  if (Has(netns)) read.netns = ReadPath(netns, "netns");
  const Napi::Value type = options.Get("type");
  const std::string name = type.IsString() ? type.As<Napi::String>().Utf8Value() : "";
  if (name != "udp" && name != "tcp") {
    throw Napi::TypeError::New(info.Env(), "type must be udp or tcp");
  }
  read.stream = name == "tcp";
  read.address = ReadPath(options.Get("address"), "address");
  read.port = static_cast<uint16_t>(ReadInteger(options.Get("port"), "port", 0, 65535));
  return read;
}

Napi::Value StartBind(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    PromiseWorker::Queue(std::make_unique<BindWorker>(env, deferred, ReadBindOptions(info)));
  });
}

}  // namespace

void RegisterInet(Napi::Env env, Napi::Object exports) {
  exports.Set("bindSocket", Napi::Function::New(env, StartBind, "bindSocket"));
}

}  // namespace meshd
