// Conversions between JavaScript values and the system-call layer, and promises settled from the
// libuv pool. Everything here throws Napi::Error, which the callers turn into a rejection.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "result.h"

namespace meshd {

// Error with {errno (positive), code ('ENOENT'), syscall, path?} and Node's wording.
Napi::Error MakeError(Napi::Env env, const SystemError& error);
// Error with {code} for a refusal of our own; `number` becomes `errno` unless 0.
Napi::Error MakeRefusal(Napi::Env env, const char* code, const char* message, int number = 0);

// Readers of arguments. `name` is for the message; TypeError or RangeError on anything else.
std::string ReadPath(const Napi::Value& value, const char* name);
int64_t ReadInteger(const Napi::Value& value, const char* name, int64_t low, int64_t high);
// A copy: the caller may go on writing to its buffer, or transfer it to another thread.
std::vector<uint8_t> ReadBytes(const Napi::Value& value, const char* name);
// An absent options argument is an empty object.
Napi::Object ReadOptions(const Napi::CallbackInfo& info, size_t index);
// undefined is the same as absent: TypeScript callers pass optional fields through.
bool Has(const Napi::Value& value);

// Settles once and never throws. False when the environment is being torn down and refuses; the
// promise must not be touched again then, as Node may have freed it.
bool Settle(const Napi::Promise::Deferred& deferred, bool resolve, napi_value outcome);

// Runs `body(deferred)`, which must either throw or see to it that the promise is settled later.
template <typename Body>
Napi::Value Promised(Napi::Env env, Body&& body) {
  auto deferred = Napi::Promise::Deferred::New(env);
  try {
    body(deferred);
  } catch (const Napi::Error& e) {
    Settle(deferred, false, e.Value());
  } catch (const std::exception& e) {
    Settle(deferred, false, Napi::Error::New(env, e.what()).Value());
  }
  return deferred.Promise();
}

// One piece of work on the libuv pool that settles one promise.
class PromiseWorker : public Napi::AsyncWorker {
 public:
  static void Queue(std::unique_ptr<PromiseWorker> worker) {
    worker->Napi::AsyncWorker::Queue();
    worker.release();  // deletes itself after completion
  }

 protected:
  PromiseWorker(Napi::Env env, const char* name, Napi::Promise::Deferred deferred)
      : Napi::AsyncWorker(env, name), deferred_(deferred) {}

  // Execute() is inherited: on a pool thread, may touch no JavaScript.

  // On the JavaScript thread: the value to resolve with, or throws what to reject with.
  virtual Napi::Value Outcome(Napi::Env env) = 0;
  // On the JavaScript thread, after settling; not called when the environment is torn down.
  virtual void Finished(Napi::Env) {}

 private:
  void OnOK() final;
  void OnError(const Napi::Error& error) final;

  Napi::Promise::Deferred deferred_;
};

}  // namespace meshd
