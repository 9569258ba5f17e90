#include "file_binding.h"

#include <memory>
#include <string>
#include <utility>

#include "file.h"
#include "js.h"
#include "namespace.h"

namespace meshd {
namespace {

// A table of a million connections is about 200 MB; whoever means to read that says so.
constexpr int64_t kReadBytesDefault = 64 * 1024 * 1024;
constexpr int64_t kReadBytesMax = 1024 * 1024 * 1024;

class ReadWorker : public PromiseWorker {
 public:
  ReadWorker(Napi::Env env, Napi::Promise::Deferred deferred, std::string path, std::string netns,
             size_t max_bytes)
      : PromiseWorker(env, "meshd:netlink.readFile", deferred),
        path_(std::move(path)),
        netns_(std::move(netns)),
        max_bytes_(max_bytes) {}

 protected:
  void Execute() override { read_ = ReadFile(path_, netns_, max_bytes_); }
  Napi::Value Outcome(Napi::Env env) override {
    if (!read_.ok()) throw MakeError(env, read_.error);
    return Napi::Buffer<uint8_t>::Copy(env, read_.value.data(), read_.value.size());
  }

 private:
  std::string path_;
  std::string netns_;
  size_t max_bytes_;
  Result<Bytes> read_;
};

class WriteWorker : public PromiseWorker {
 public:
  WriteWorker(Napi::Env env, Napi::Promise::Deferred deferred, std::string path,
              std::string netns, Bytes data)
      : PromiseWorker(env, "meshd:netlink.writeFile", deferred),
        path_(std::move(path)),
        netns_(std::move(netns)),
        data_(std::move(data)) {}

 protected:
  void Execute() override { error_ = WriteFile(path_, netns_, data_); }
  Napi::Value Outcome(Napi::Env env) override {
    if (error_) throw MakeError(env, error_);
    return env.Undefined();
  }

 private:
  std::string path_;
  std::string netns_;
  Bytes data_;
  SystemError error_;
};

std::string ReadNetns(const Napi::Object& options) {
  const Napi::Value netns = options.Get("netns");
  return Has(netns) ? ReadPath(netns, "netns") : std::string();
}

Napi::Value StartRead(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    std::string path = ReadPath(info[0], "path");
    const Napi::Object options = ReadOptions(info, 1);
    std::string netns = ReadNetns(options);
    const Napi::Value limit = options.Get("maxBytes");
    const int64_t max_bytes =
        Has(limit) ? ReadInteger(limit, "maxBytes", 0, kReadBytesMax) : kReadBytesDefault;
    PromiseWorker::Queue(std::make_unique<ReadWorker>(env, deferred, std::move(path),
                                                      std::move(netns),
                                                      static_cast<size_t>(max_bytes)));
  });
}

Napi::Value StartWrite(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return Promised(env, [&](Napi::Promise::Deferred deferred) {
    std::string path = ReadPath(info[0], "path");
    Bytes data = ReadBytes(info[1], "data");
    std::string netns = ReadNetns(ReadOptions(info, 2));
    PromiseWorker::Queue(std::make_unique<WriteWorker>(env, deferred, std::move(path),
                                                       std::move(netns), std::move(data)));
  });
}

// Not a promise: open, ioctl and fstat of a namespace file wait for nothing.
Napi::Value NetnsId(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto id =
      IdentifyNamespace(Has(info[0]) ? ReadPath(info[0], "path") : std::string());
  if (!id.ok()) throw MakeError(env, id.error);
  Napi::Object made = Napi::Object::New(env);
  made.Set("dev", Napi::Number::New(env, static_cast<double>(id.value.device)));
  made.Set("ino", Napi::Number::New(env, static_cast<double>(id.value.inode)));
  return made;
}

}  // namespace

void RegisterFiles(Napi::Env env, Napi::Object exports) {
  exports.Set("readFile", Napi::Function::New<StartRead>(env, "readFile"));
  exports.Set("writeFile", Napi::Function::New<StartWrite>(env, "writeFile"));
  exports.Set("netnsId", Napi::Function::New<NetnsId>(env, "netnsId"));
}

}  // namespace meshd
