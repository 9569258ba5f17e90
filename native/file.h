// Whole-file reads and single writes, inside a network namespace where /proc depends on it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "result.h"

namespace meshd {

using Bytes = std::vector<uint8_t>;

// Everything in the file; EFBIG when there is more than `max_bytes`. Does not trust st_size,
// which is 0 for files under /proc.
Result<Bytes> ReadFile(const std::string& path, const std::string& netns, size_t max_bytes);

// One write() of all of `data` to an existing file: a sysctl takes its value in one piece.
SystemError WriteFile(const std::string& path, const std::string& netns, const Bytes& data);

}  // namespace meshd
