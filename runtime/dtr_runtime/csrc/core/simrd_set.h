// SPDX-License-Identifier: Apache-2.0
// Sets of storages: one bit each, within the range of words that are in use. Without elements they take no memory.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace dtr::simrd {

class StorageSet {
 public:
  // `capacity`: all storages are below it.
  void insert(int32_t s, size_t capacity) {
    if (words_.empty()) words_.resize(capacity / 64 + 1);
    const size_t w = static_cast<size_t>(s) / 64;
    begin_ = begin_ == end_ ? w : std::min(begin_, w);
    end_ = std::max(end_, w + 1);
    words_[w] |= bit(s);
  }

  void insert_all(std::span<const int32_t> given, size_t capacity) {
    if (given.empty()) return;
    if (words_.empty()) words_.resize(capacity / 64 + 1);
    const auto [least, most] = std::minmax_element(given.begin(), given.end());
    const size_t first = static_cast<size_t>(*least) / 64, last = static_cast<size_t>(*most) / 64;
    begin_ = begin_ == end_ ? first : std::min(begin_, first);
    end_ = std::max(end_, last + 1);
    uint64_t* const words = words_.data();
    for (const int32_t s : given) words[static_cast<size_t>(s) / 64] |= bit(s);
  }

  bool has(int32_t s) const {
    const size_t w = static_cast<size_t>(s) / 64;
    return w >= begin_ && w < end_ && (words_[w] & bit(s)) != 0;
  }

  void erase(int32_t s) { words_[static_cast<size_t>(s) / 64] &= ~bit(s); }

  void clear() {
    std::fill(words_.begin() + static_cast<ptrdiff_t>(begin_), words_.begin() + static_cast<ptrdiff_t>(end_), 0);
    begin_ = end_ = 0;
  }

  template <class Visit>
  void for_each(Visit&& visit) const {
    for (size_t w = begin_; w < end_; ++w) each(w, words_[w], visit);
  }

  // Insert all of another set, and visit those that are new.
  template <class Visit>
  void insert_all(const StorageSet& other, Visit&& visit) {
    if (other.begin_ == other.end_) return;
    if (words_.empty()) words_.resize(other.words_.size());
    begin_ = begin_ == end_ ? other.begin_ : std::min(begin_, other.begin_);
    end_ = std::max(end_, other.end_);
    for (size_t w = other.begin_; w < other.end_; ++w) {
      const uint64_t fresh = other.words_[w] & ~words_[w];
      words_[w] |= fresh;
      each(w, fresh, visit);
    }
  }

 private:
  static uint64_t bit(int32_t s) { return uint64_t{1} << (s % 64); }

  template <class Visit>
  static void each(size_t w, uint64_t bits, Visit&& visit) {
    for (; bits != 0; bits &= bits - 1) visit(static_cast<int32_t>(w * 64) + std::countr_zero(bits));
  }

  std::vector<uint64_t> words_;
  size_t begin_ = 0, end_ = 0;
};

}  // namespace dtr::simrd
