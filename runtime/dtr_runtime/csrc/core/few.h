// SPDX-License-Identifier: Apache-2.0
// A few items, the first N of them in place: most calls have no more inputs and results than that, and most storages
// no more calls and readers, so that nothing is asked of the allocator for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace dtr {

template <class T, uint32_t N>
class Few {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Few() = default;
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  ~Few() {
    if (items_ != first_) delete[] items_;
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return items_; }
  T* end() { return items_ + size_; }
  const T* begin() const { return items_; }
  const T* end() const { return items_ + size_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  const T& back() const { return items_[size_ - 1]; }

  void push_back(T item) {
    if (size_ == capacity_) grow();
    items_[size_++] = item;
  }
  void pop_back() { --size_; }
  void clear() { size_ = 0; }  // keeps what it got from the allocator

 private:
  [[gnu::noinline]] void grow() {
    T* more = new T[2 * size_t{capacity_}];
    std::copy(begin(), end(), more);
    if (items_ != first_) delete[] items_;
    items_ = more;
    capacity_ *= 2;
  }

  T* items_ = first_;
  uint32_t size_ = 0, capacity_ = N;
  T first_[N];
};

}  // namespace dtr
