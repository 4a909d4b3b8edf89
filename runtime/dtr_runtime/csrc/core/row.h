// SPDX-License-Identifier: Apache-2.0
// A row that grows by pieces of memory: nothing that is in it moves, and no growth costs more than a piece.
#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <vector>

namespace dtr {

template <class T>
class Row {
 public:
  size_t size() const { return kItems * pieces_.size() - static_cast<size_t>(end_ - next_); }
  void push_back(const T& item) { extend() = item; }
  // One item more, as its constructor leaves it.
  T& extend() {
    if (next_ == end_) grow();
    return *next_++;
  }
  // Keeps the first `count`.
  void cut(size_t count) {
    pieces_.resize((count + kItems - 1) / kItems);
    end_ = pieces_.empty() ? nullptr : pieces_.back().get() + kItems;
    next_ = end_ - (kItems * pieces_.size() - count);
  }
  T& operator[](size_t i) { return pieces_[i / kItems][i % kItems]; }
  const T& operator[](size_t i) const { return pieces_[i / kItems][i % kItems]; }

 private:
  static constexpr size_t kItems = std::bit_floor((size_t{1} << 15) / sizeof(T));
  [[gnu::noinline]] void grow() {
    next_ = pieces_.emplace_back(std::make_unique_for_overwrite<T[]>(kItems)).get();
    end_ = next_ + kItems;
  }

  std::vector<std::unique_ptr<T[]>> pieces_;
  T* next_ = nullptr;  // in the last piece
  T* end_ = nullptr;
};

}  // namespace dtr
