// SPDX-License-Identifier: Apache-2.0
// What has to be known of an operator once, from its schema and from what schemas omit.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/util/flat_hash_map.h>

#include <memory>
#include <string>
#include <vector>

namespace dtr {

// Whether torch has no kernel for it, but calls the operators that it is made of.
bool is_composite(const c10::OperatorHandle&);

enum class Kind : uint8_t {
  call,      // reads and writes bytes
  view,      // only describes existing storages anew
  allocate,  // hands out memory that nobody has written (aten::empty and kin)
};

struct Operator {
  std::string name;
  Kind kind = Kind::call;
  bool random = false;         // draws from a generator
  bool shape_only = false;     // looks at its tensor arguments' metadata alone
  bool overwrites = false;     // every byte of the arguments it writes, without reading them
  bool elementwise_list = false;  // a list operator that is the loop over its elements
  bool writes_lists = false;   // a list operator that overwrites elements
  bool foreign = false;        // another library's: what it does inside is unknown
  bool matmul_like = false;
  bool collective = false;     // between processes
  bool lends = false;          // its result shares the bytes with its argument until one of them is written
  bool returns_fresh = false;  // may return new storages
  bool in_place = false;       // overwrites arguments and asks for nothing but scratch
  std::vector<uint8_t> tensors;  // arguments that may hold tensors
  std::vector<uint8_t> writes;   // arguments whose storages are overwritten
  int writes_if = -1;          // the flag argument without which nothing is overwritten
  int generator = -1;          // the argument that names a generator
  int device = -1;             // the argument that names a device
  size_t results = 0;          // how many values it returns
  bool pointed_at = false;     // torch reads its last result through a pointer, across other operators
  bool resizes = false;        // may give an argument new memory without overwriting it
  bool reshapes = false;       // may give an argument another shape or storage
  bool takes_symbols = false;  // may be given symbols for sizes
  bool takes_storages = false; // has arguments that are storages

  explicit Operator(const c10::OperatorHandle&);
};

// Those called so far in this process. One thread at a time may ask. What is returned lives forever.
class Operators {
 public:
  static Operators& instance();
  const Operator& of(const c10::OperatorHandle&);

 private:
  Operators();

  ska::flat_hash_map<const c10::FunctionSchema*, std::unique_ptr<Operator>> known_;
  std::vector<std::unique_ptr<Operator>> gone_;
};

}  // namespace dtr
