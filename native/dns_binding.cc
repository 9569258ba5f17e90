#include "dns_binding.h"

#include <climits>
#include <cstring>
#include <string>
#include <utility>

#include "js.h"

namespace meshd {
namespace {

uint32_t ReadNumber(const Napi::Value& value, const char* name) {
  return static_cast<uint32_t>(ReadInteger(value, name, 0, UINT32_MAX));
}

std::string ReadString(const Napi::Value& value, const char* name) {
  if (!value.IsString()) {
    throw Napi::TypeError::New(value.Env(), std::string(name) + " must be a string");
  }
  return value.As<Napi::String>().Utf8Value();
}

Source ReadSource(const Napi::Value& value) {
  const std::vector<uint8_t> bytes = ReadBytes(value, "to");
  Source source;
  if (bytes.size() > sizeof(source.address)) {
    throw Napi::RangeError::New(value.Env(), "to is no address of a query");
  }
  std::memcpy(&source.address, bytes.data(), bytes.size());
  source.size = static_cast<socklen_t>(bytes.size());
  return source;
}

Kept ReadKept(const Napi::Value& value) {
  const Napi::Env env = value.Env();
  if (!value.IsObject()) throw Napi::TypeError::New(env, "answer must be an object");
  const auto object = value.As<Napi::Object>();
  const auto number = [&](const char* name) {
    return static_cast<uint16_t>(ReadInteger(object.Get(name), name, 0, 0xffff));
  };
  Kept kept;
  kept.answer.flags = number("flags");
  kept.answer.answers = number("answers");
  kept.answer.authority = number("authority");
  kept.answer.turn_bytes = number("turnBytes");
  kept.answer.counter = static_cast<uint32_t>(number("counter"));
  const std::vector<uint8_t> records = ReadBytes(object.Get("records"), "records");
  kept.answer.records.assign(records.begin(), records.end());
  const Napi::Value labels = object.Get("labels");
  if (!labels.IsArray()) throw Napi::TypeError::New(env, "labels must be an array");
  const auto list = labels.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    kept.labels.push_back(ReadString(list.Get(i), "a label"));
  }
  return kept;
}

}  // namespace

MissedQueries::MissedQueries(Napi::Env env)
    : responder([this] { uv_async_send(&wake_); }), env_(env) {}

std::shared_ptr<MissedQueries> MissedQueries::Start(Napi::Env env,
                                                    const Napi::Function& callback) {
  // Worker threads have loops of their own: never uv_default_loop().
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);

  auto queries = std::make_shared<MissedQueries>(env);
  queries->callback_ = Napi::Persistent(callback);
  const int status = uv_async_init(loop, &queries->wake_, OnMissed);
  if (status != 0) throw MakeError(env, {-status, "uv_async_init", {}});

  // From here on libuv knows wake_: only Stop() gives it back.
  queries->wake_.data = queries.get();
  queries->self_ = queries;
  uv_unref(reinterpret_cast<uv_handle_t*>(&queries->wake_));
  // The asynchronous kind, because the environment must not go before libuv closed the handle.
  if (napi_add_async_cleanup_hook(env, OnTeardown, queries.get(), &queries->teardown_) !=
      napi_ok) {
    queries->Stop();
    throw Napi::Error::New(env, "cannot register the cleanup of a responder");
  }
  const SystemError error = queries->responder.Start();
  if (!error) return queries;
  queries->Stop();
  throw MakeError(env, error);
}

void MissedQueries::Stop() {
  if (stopped_) return;
  stopped_ = true;
  // First: the thread wakes the loop.
  responder.Stop();
  uv_close(reinterpret_cast<uv_handle_t*>(&wake_), OnClosed);
  callback_.Reset();
}

void MissedQueries::OnClosed(uv_handle_t* wake) {
  auto* queries = static_cast<MissedQueries*>(wake->data);
  if (queries->teardown_) napi_remove_async_cleanup_hook(queries->teardown_);
  queries->self_.reset();  // may delete it
}

void MissedQueries::OnTeardown(napi_async_cleanup_hook_handle, void* self) {
  // Node waits until OnClosed removes the hook.
  static_cast<MissedQueries*>(self)->Stop();
}

void MissedQueries::OnMissed(uv_async_t* wake) {
  // The callback may close the responder: keep this until it returns.
  const auto self = static_cast<MissedQueries*>(wake->data)->shared_from_this();
  try {
    self->Deliver();
  } catch (...) {
    // Out of memory, or a terminating environment: there is nobody left to tell.
  }
}

void MissedQueries::Deliver() {
  const std::vector<Miss> misses = responder.TakeMisses();
  if (!misses.empty() && !stopped_) Call(misses);
}

void MissedQueries::Call(const std::vector<Miss>& misses) {
  const Napi::HandleScope scope(env_);
  try {
    const auto list = Napi::Array::New(env_, misses.size());
    for (size_t i = 0; i < misses.size(); i++) {
      const Miss& miss = misses[i];
      const auto* const from = reinterpret_cast<const uint8_t*>(&miss.from.address);
      const auto query = Napi::Object::New(env_);
      query.Set("socket", Napi::Number::New(env_, miss.socket));
      query.Set("from", Napi::Buffer<uint8_t>::Copy(env_, from, miss.from.size));
      query.Set("message", Napi::Buffer<uint8_t>::Copy(env_, miss.message.data(),
                                                       miss.message.size()));
      list.Set(static_cast<uint32_t>(i), query);
    }
    // MakeCallback, not Call: promises and ticks queued by the callback must run.
    callback_.MakeCallback(env_.Global(), {list});
  } catch (const Napi::Error& e) {
    // As for any event handler: 'uncaughtException'. Fails quietly when terminating.
    napi_fatal_exception(env_, e.Value());
  }
}

void ResponderBinding::Register(Napi::Env env, Napi::Object exports) {
  exports.Set("Responder",
              DefineClass(env, "Responder",
                          {
                              InstanceMethod<&ResponderBinding::Add>("add"),
                              InstanceMethod<&ResponderBinding::SetView>("setView"),
                              InstanceMethod<&ResponderBinding::Remove>("remove"),
                              InstanceMethod<&ResponderBinding::Send>("send"),
                              InstanceMethod<&ResponderBinding::Put>("put"),
                              InstanceMethod<&ResponderBinding::Forget>("forget"),
                              InstanceMethod<&ResponderBinding::Clear>("clear"),
                              InstanceMethod<&ResponderBinding::SetAnswering>("setAnswering"),
                              InstanceMethod<&ResponderBinding::Respond>("respond"),
                              InstanceMethod<&ResponderBinding::Counts>("counts"),
                              InstanceMethod<&ResponderBinding::Close>("close"),
                          }));
}

ResponderBinding::ResponderBinding(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<ResponderBinding>(info) {
  if (!info[0].IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "callback must be a function");
  }
  queries_ = MissedQueries::Start(info.Env(), info[0].As<Napi::Function>());
}

// Collected, or the environment is gone. Without queries_ the constructor threw.
ResponderBinding::~ResponderBinding() {
  if (queries_) queries_->Stop();
}

Napi::Value ResponderBinding::Add(const Napi::CallbackInfo& info) {
  const auto number = static_cast<int>(ReadInteger(info[0], "fd", 0, INT_MAX));
  const uint32_t view = ReadNumber(info[1], "view");
  const int64_t per_second = ReadInteger(info[2], "queriesPerSecond", 0, UINT32_MAX);
  // Nobody would serve it.
  if (queries_->stopped()) {
    throw MakeRefusal(info.Env(), "ERR_CLOSED", "the responder is closed", EBADF);
  }
  const auto added =
      queries_->responder.Add(UniqueFd(number), view, static_cast<double>(per_second));
  if (!added.ok()) throw MakeError(info.Env(), added.error);
  return Napi::Number::New(info.Env(), added.value);
}

void ResponderBinding::SetView(const Napi::CallbackInfo& info) {
  queries_->responder.SetView(ReadNumber(info[0], "socket"), ReadNumber(info[1], "view"));
}

void ResponderBinding::Remove(const Napi::CallbackInfo& info) {
  queries_->responder.Remove(ReadNumber(info[0], "socket"));
}

void ResponderBinding::Send(const Napi::CallbackInfo& info) {
  const uint32_t socket = ReadNumber(info[0], "socket");
  queries_->responder.Send(socket, ReadSource(info[1]), ReadBytes(info[2], "response"));
}

void ResponderBinding::Put(const Napi::CallbackInfo& info) {
  const uint32_t view = ReadNumber(info[0], "view");
  const std::vector<uint8_t> question = ReadBytes(info[1], "question");
  if (!queries_->responder.answers().Put(view, question, ReadKept(info[2]))) {
    throw Napi::RangeError::New(info.Env(), "question or answer is malformed");
  }
}

void ResponderBinding::Forget(const Napi::CallbackInfo& info) {
  queries_->responder.answers().Forget(ReadString(info[0], "label"));
}

void ResponderBinding::Clear(const Napi::CallbackInfo&) { queries_->responder.answers().Clear(); }

void ResponderBinding::SetAnswering(const Napi::CallbackInfo& info) {
  if (!info[0].IsBoolean()) throw Napi::TypeError::New(info.Env(), "must be a boolean");
  queries_->responder.answers().SetAnswering(info[0].As<Napi::Boolean>().Value());
}

Napi::Value ResponderBinding::Respond(const Napi::CallbackInfo& info) {
  const uint32_t view = ReadNumber(info[0], "view");
  const std::vector<uint8_t> query = ReadBytes(info[1], "query");
  uint8_t response[kResponseBytesMax];
  const size_t size =
      queries_->responder.answers().Respond(view, query.data(), query.size(), response);
  if (size == 0) return info.Env().Undefined();
  return Napi::Buffer<uint8_t>::Copy(info.Env(), response, size);
}

Napi::Value ResponderBinding::Counts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto number = [env](uint64_t count) {
    return Napi::Number::New(env, static_cast<double>(count));
  };
  const ResponderCounts counts = queries_->responder.counts();
  const std::vector<uint64_t> answered = queries_->responder.answers().counts();
  const auto list = Napi::Array::New(env, answered.size());
  for (size_t i = 0; i < answered.size(); i++) {
    list.Set(static_cast<uint32_t>(i), number(answered[i]));
  }
  const auto result = Napi::Object::New(env);
  result.Set("answered", list);
  result.Set("kept", number(queries_->responder.answers().size()));
  result.Set("limited", number(counts.limited));
  result.Set("oversized", number(counts.oversized));
  result.Set("overflow", number(counts.overflow));
  result.Set("unsent", number(counts.unsent));
  return result;
}

void ResponderBinding::Close(const Napi::CallbackInfo&) { queries_->Stop(); }

}  // namespace meshd
