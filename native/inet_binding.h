// bindSocket(): the edge of inet_socket.
#pragma once

#include <napi.h>

namespace meshd {

void RegisterInet(Napi::Env env, Napi::Object exports);

}  // namespace meshd
