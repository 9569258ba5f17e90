#include "js.h"

#include <uv.h>

#include <cmath>

namespace meshd {

Napi::Error MakeError(Napi::Env env, const SystemError& error) {
  char code[64];
  char words[128];
  uv_err_name_r(-error.number, code, sizeof(code));
  uv_strerror_r(-error.number, words, sizeof(words));
  std::string message = std::string(code) + ": " + words + ", " + error.syscall;
  if (!error.path.empty()) message += " '" + error.path + "'";

  Napi::Error made = Napi::Error::New(env, message);
  made.Set("errno", Napi::Number::New(env, error.number));
  made.Set("code", Napi::String::New(env, code));
  made.Set("syscall", Napi::String::New(env, error.syscall));
  if (!error.path.empty()) made.Set("path", Napi::String::New(env, error.path));
  return made;
}

Napi::Error MakeRefusal(Napi::Env env, const char* code, const char* message, int number) {
  Napi::Error made = Napi::Error::New(env, message);
  made.Set("code", Napi::String::New(env, code));
  if (number != 0) made.Set("errno", Napi::Number::New(env, number));
  return made;
}

std::string ReadPath(const Napi::Value& value, const char* name) {
  if (!value.IsString()) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a string");
  }
  std::string path = value.As<Napi::String>().Utf8Value();
  // The kernel would silently take the part before the NUL for the path.
  if (path.empty() || path.find('\0') != std::string::npos) {
    throw Napi::RangeError::New(value.Env(), std::string(name) + " is empty or contains NUL");
  }
  return path;
}

int64_t ReadInteger(const Napi::Value& value, const char* name, int64_t low, int64_t high) {
  if (!value.IsNumber()) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a number");
  }
  const double number = value.As<Napi::Number>().DoubleValue();
  // Written so that NaN fails too.
  const bool in_range = number >= static_cast<double>(low) && number <= static_cast<double>(high);
  if (!in_range || std::trunc(number) != number) {
    throw Napi::RangeError::New(value.Env(), std::string(name) + " must be an integer from " +
                                                 std::to_string(low) + " to " +
                                                 std::to_string(high));
  }
  return static_cast<int64_t>(number);
}

std::vector<uint8_t> ReadBytes(const Napi::Value& value, const char* name) {
  if (!value.IsTypedArray() ||
      value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a Uint8Array");
  }
  const auto array = value.As<Napi::Uint8Array>();
  // A detached array has no bytes and a null address.
  if (array.ByteLength() == 0) return {};
  return std::vector<uint8_t>(array.Data(), array.Data() + array.ByteLength());
}

Napi::Object ReadOptions(const Napi::CallbackInfo& info, size_t index) {
  if (!Has(info[index])) return Napi::Object::New(info.Env());
  if (!info[index].IsObject()) {
    throw Napi::TypeError::New(info.Env(), "options must be an object");
  }
  return info[index].As<Napi::Object>();
}

bool Has(const Napi::Value& value) { return !value.IsEmpty() && !value.IsUndefined(); }

bool Settle(const Napi::Promise::Deferred& deferred, bool resolve, napi_value outcome) {
  try {
    if (resolve) {
      deferred.Resolve(outcome);
    } else {
      deferred.Reject(outcome);
    }
    return true;
  } catch (...) {
    return false;
  }
}

void PromiseWorker::OnOK() {
  const Napi::Env env = Env();
  Napi::Value outcome;
  bool resolve = false;
  try {
    outcome = Outcome(env);
    resolve = true;
  } catch (const Napi::Error& e) {
    outcome = e.Value();
  } catch (const std::exception& e) {
    outcome = Napi::Error::New(env, e.what()).Value();
  }
  if (Settle(deferred_, resolve, outcome)) Finished(env);
}

// Reached when Execute() threw.
void PromiseWorker::OnError(const Napi::Error& error) {
  if (Settle(deferred_, false, error.Value())) Finished(Env());
}

}  // namespace meshd
