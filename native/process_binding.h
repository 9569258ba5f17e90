// replaceProcess() of the module.
#pragma once

#include <napi.h>

namespace meshd {

void RegisterProcess(Napi::Env env, Napi::Object exports);

}  // namespace meshd
