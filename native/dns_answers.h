// Answers to DNS queries (RFC 1035, RFC 6891) kept as bytes. Knows no socket and no JavaScript.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace meshd {

// What UDP carries without fragments anywhere (DNS flag day 2020): no response is longer.
constexpr size_t kResponseBytesMax = 1232;

struct KeptAnswer {
  uint16_t flags = 0;  // beside QR and what is repeated of the query: AA, RA, the response code
  uint16_t answers = 0;
  uint16_t authority = 0;
  std::string records;    // behind the question, which begins at byte 12
  size_t turn_bytes = 0;  // of one of the answers, all as long, told in turn; 0 = always as they are
  uint32_t counter = 0;   // which counter counts it
};

struct Kept {
  KeptAnswer answer;
  std::vector<std::string> labels;  // see DnsAnswers::Forget
};

// Filled by one thread and read by another. What it is not sure of it leaves to somebody else.
class DnsAnswers {
 public:
  // The response to `query`, in `response` of kResponseBytesMax; 0 = nothing is kept for it.
  // `view`: answers of different views have nothing to do with each other.
  size_t Respond(uint32_t view, const uint8_t* query, size_t size, uint8_t* response);

  // `question`: name, type and class as in a message, the name written out. False for anything
  // else. What was kept for it before is replaced.
  bool Put(uint32_t view, const std::vector<uint8_t>& question, Kept kept);
  // All that was put with the label.
  void Forget(const std::string& label);
  void Clear();

  // While false, nothing is answered.
  void SetAnswering(bool answering);
  size_t size() const;
  // By counter: queries answered so far.
  std::vector<uint64_t> counts() const;

 private:
  using Entries = std::unordered_map<std::string, Kept>;

  void Erase(Entries::iterator entry);

  mutable std::mutex mutex_;
  bool answering_ = true;
  Entries entries_;
  std::unordered_map<std::string, std::unordered_set<const std::string*>> by_label_;
  std::vector<uint64_t> counts_;
  std::string key_;  // of the query at hand: no allocation for each
  uint32_t turn_ = 0;
};

}  // namespace meshd
