#include "dns_answers.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace meshd {
namespace {

constexpr size_t kHeaderBytes = 12;
constexpr size_t kNameBytesMax = 255;
constexpr size_t kLabelBytesMax = 63;
constexpr size_t kPlainBytesMax = 512;  // without EDNS
constexpr size_t kOptBytes = 11;
constexpr uint16_t kTypeOpt = 41;
constexpr uint16_t kOptionCookie = 10;
constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kOpcode = 0x7800;
constexpr uint16_t kRepeated = 0x0110;  // recursion desired, checking disabled
// Beyond that all is forgotten: names that exist, asked in every way there is, are no more.
constexpr size_t kEntriesMax = 200'000;

uint16_t Read16(const uint8_t* at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

void Write16(uint8_t* at, size_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}

// Appends name, type and class at `offset` to `key`, the name in lower case (ASCII alone: RFC
// 4343). Returns where they end; 0 unless they are whole and written out.
size_t ReadQuestion(const uint8_t* bytes, size_t size, size_t offset, std::string& key) {
  size_t at = offset;
  for (;;) {
    if (at >= size || at - offset >= kNameBytesMax) return 0;
    const size_t label = bytes[at];
    if (label > kLabelBytesMax || at + 1 + label > size) return 0;
    key.push_back(static_cast<char>(label));
    at++;
    if (label == 0) break;
    for (const size_t end = at + label; at < end; at++) {
      const uint8_t byte = bytes[at];
      key.push_back(static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte));
    }
  }
  if (at + 4 > size) return 0;
  key.append(reinterpret_cast<const char*>(bytes + at), 4);
  return at + 4;
}

void StartKey(uint32_t view, std::string& key) {
  key.assign(reinterpret_cast<const char*>(&view), sizeof(view));
}

// What the asker takes by UDP; 0 when the record at `at` is not an ordinary OPT (RFC 6891).
size_t ReadOpt(const uint8_t* bytes, size_t size, size_t at) {
  if (at + kOptBytes > size || bytes[at] != 0 || Read16(bytes + at + 1) != kTypeOpt) return 0;
  const uint8_t version = bytes[at + 6];
  const size_t end = at + kOptBytes + Read16(bytes + at + 9);
  if (version != 0 || end > size) return 0;
  for (size_t option = at + kOptBytes; option < end;) {
    // A cookie wants one in return.
    if (option + 4 > end || Read16(bytes + option) == kOptionCookie) return 0;
    option += 4 + Read16(bytes + option + 2);
    if (option > end) return 0;
  }
  const size_t asked = Read16(bytes + at + 3);
  return std::min(kResponseBytesMax, std::max(kPlainBytesMax, asked));
}

uint8_t* Append(uint8_t* out, const char* bytes, size_t size) {
  std::memcpy(out, bytes, size);
  return out + size;
}

}  // namespace

size_t DnsAnswers::Respond(uint32_t view, const uint8_t* query, size_t size, uint8_t* response) {
  if (size < kHeaderBytes) return 0;
  const uint16_t flags = Read16(query + 2);
  const uint16_t additional = Read16(query + 10);
  const bool usual = (flags & (kResponse | kOpcode)) == 0 && Read16(query + 4) == 1 &&
                     Read16(query + 6) == 0 && Read16(query + 8) == 0 && additional <= 1;
  if (!usual) return 0;

  const std::lock_guard<std::mutex> lock(mutex_);
  if (!answering_) return 0;
  StartKey(view, key_);
  const size_t end = ReadQuestion(query, size, kHeaderBytes, key_);
  if (end == 0) return 0;
  const size_t bytes_max = additional == 0 ? kPlainBytesMax : ReadOpt(query, size, end);
  if (bytes_max == 0) return 0;
  const auto found = entries_.find(key_);
  if (found == entries_.end()) return 0;
  const KeptAnswer& kept = found->second.answer;
  const size_t opt = additional == 0 ? 0 : kOptBytes;
  // What is cut short is not usual.
  if (end + kept.records.size() + opt > bytes_max) return 0;

  std::memcpy(response, query, end);
  Write16(response + 2, kResponse | kept.flags | (flags & kRepeated));
  Write16(response + 6, kept.answers);
  Write16(response + 8, kept.authority);
  Write16(response + 10, additional);
  const size_t turned =
      kept.turn_bytes == 0 ? 0 : turn_++ % kept.answers * kept.turn_bytes;
  uint8_t* out = response + end;
  out = Append(out, kept.records.data() + turned, kept.records.size() - turned);
  out = Append(out, kept.records.data(), turned);
  if (opt != 0) {
    std::memset(out, 0, opt);
    Write16(out + 1, kTypeOpt);
    Write16(out + 3, kResponseBytesMax);
    out += opt;
  }
  counts_[kept.counter]++;
  return static_cast<size_t>(out - response);
}

bool DnsAnswers::Put(uint32_t view, const std::vector<uint8_t>& question, Kept kept) {
  const KeptAnswer& answer = kept.answer;
  const bool in_turn = answer.turn_bytes != 0;
  if (in_turn && answer.answers == 0) return false;
  if (in_turn && answer.turn_bytes * answer.answers != answer.records.size()) return false;
  std::string key;
  StartKey(view, key);
  if (ReadQuestion(question.data(), question.size(), 0, key) != question.size()) return false;

  const std::lock_guard<std::mutex> lock(mutex_);
  const auto before = entries_.find(key);
  if (before != entries_.end()) Erase(before);
  if (entries_.size() >= kEntriesMax) {
    entries_.clear();
    by_label_.clear();
  }
  if (counts_.size() <= answer.counter) counts_.resize(answer.counter + 1);
  const auto put = entries_.emplace(std::move(key), std::move(kept)).first;
  for (const std::string& label : put->second.labels) by_label_[label].insert(&put->first);
  return true;
}

void DnsAnswers::Forget(const std::string& label) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto labelled = by_label_.find(label);
  if (labelled == by_label_.end()) return;
  // A copy: Erase takes them out of it.
  const std::vector<const std::string*> keys(labelled->second.begin(), labelled->second.end());
  for (const std::string* key : keys) Erase(entries_.find(*key));
}

void DnsAnswers::Erase(Entries::iterator entry) {
  for (const std::string& label : entry->second.labels) {
    const auto labelled = by_label_.find(label);
    if (labelled == by_label_.end()) continue;  // the same label twice
    labelled->second.erase(&entry->first);
    if (labelled->second.empty()) by_label_.erase(labelled);
  }
  entries_.erase(entry);
}

void DnsAnswers::Clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.clear();
  by_label_.clear();
}

void DnsAnswers::SetAnswering(bool answering) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answering_ = answering;
}

size_t DnsAnswers::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_.size();
}

std::vector<uint64_t> DnsAnswers::counts() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counts_;
}

}  // namespace meshd
