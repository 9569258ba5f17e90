#include "process_binding.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "js.h"

namespace meshd {
namespace {

// execve() ends every other thread and closes what is marked close-on-exec, which is all that Node
// opens, and 0, 1 and 2 as well: Node marks them at start (uv_disable_stdio_inheritance), so the
// mark is taken off here. Ignored signals and the mask would be inherited: both are reset.
Napi::Value ReplaceProcess(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = ReadPath(info[0], "path");
  if (!info[1].IsArray()) throw Napi::TypeError::New(env, "argv must be an array of strings");
  const auto array = info[1].As<Napi::Array>();
  std::vector<std::string> words;
  for (uint32_t i = 0; i < array.Length(); i++) words.push_back(ReadPath(array.Get(i), "argv"));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(&word[0]);
  argv.push_back(nullptr);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  for (int fd = 0; fd <= 2; fd++) fcntl(fd, F_SETFD, 0);
  execv(path.c_str(), argv.data());
  throw MakeError(env, SystemError{errno, "execve", path});
}

}  // namespace

void RegisterProcess(Napi::Env env, Napi::Object exports) {
  exports.Set("replaceProcess", Napi::Function::New(env, ReplaceProcess, "replaceProcess"));
}

}  // namespace meshd
