// readFile(), writeFile() and netnsId() of the module.
#pragma once

#include <napi.h>

namespace meshd {

void RegisterFiles(Napi::Env env, Napi::Object exports);

}  // namespace meshd
