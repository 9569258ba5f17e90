// The module table. See README.md for the contract.
#include <napi.h>

#include "dns_binding.h"
#include "file_binding.h"
#include "inet_binding.h"
#include "process_binding.h"
#include "socket_binding.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  meshd::SocketBinding::Register(env, exports);
  meshd::ResponderBinding::Register(env, exports);
  meshd::RegisterFiles(env, exports);
  meshd::RegisterInet(env, exports);
  meshd::RegisterProcess(env, exports);
  return exports;
}

}  // namespace

// Runs once per environment and keeps nothing outside it, so worker threads may load it too.
NODE_API_MODULE(netlink, Init)
