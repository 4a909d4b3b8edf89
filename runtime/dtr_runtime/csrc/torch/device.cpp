// SPDX-License-Identifier: Apache-2.0
#include "device.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "fingerprint.h"
#include "interpose.h"

namespace dtr {

namespace {

c10::DeviceAllocator* allocator_of(c10::Device device) {
  return c10::getDeviceAllocator(device.type());
}

at::Tensor words(const c10::Storage& storage, Bytes size) {
  at::Tensor tensor = at::detail::make_tensor<c10::TensorImpl>(
      c10::Storage(storage), c10::DispatchKeySet(c10::computeDispatchKey(at::kByte, at::kStrided, storage.device())),
      caffe2::TypeMeta::Make<uint8_t>());
  tensor.unsafeGetTensorImpl()->set_sizes_contiguous({size});
  return tensor;
}

// Copies through torch's own operator, which queues them on the current stream.
class Unseen {
  at::AutoDispatchBelowADInplaceOrView no_autograd_;
  c10::impl::ExcludeDispatchKeyGuard no_scope_{kKey};
  c10::impl::ExcludeDispatchKeyGuard no_python_{c10::python_ks};
};

}  // namespace

DeviceMemory::DeviceMemory(c10::Device device) : Memory(device), allocator_(allocator_of(device)) {}

void* DeviceMemory::take(Bytes size, StorageId owner) {
  c10::DeviceGuard here(device());
  c10::Storage storage(c10::Storage::use_byte_size_t(), static_cast<size_t>(size), allocator_, false);
  void* data = storage.mutable_data();
  enter(data, size, owner);
  holders_[data] = std::move(storage);
  return data;
}

void DeviceMemory::free(void* data) {
  strike(data);
  holders_.erase(data);
}

void DeviceMemory::give(void* data, c10::StorageImpl& storage) {
  c10::Storage& holder = holders_.at(data);
  storage._mutable_data_ptr_no_checks() = std::move(holder.unsafeGetStorageImpl()->_mutable_data_ptr_no_checks());
  holder = c10::Storage(c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(&storage));
}

void DeviceMemory::withdraw(c10::StorageImpl& storage) {
  c10::DataPtr& pointer = storage._mutable_data_ptr_no_checks();
  c10::Storage& holder = holders_.at(pointer.get());
  const auto size = static_cast<size_t>(find(pointer.get())->size);
  c10::Storage own(c10::Storage::use_byte_size_t(), size, std::move(pointer), allocator_, false);
  pointer = c10::DataPtr(nullptr, device());
  holder = std::move(own);
}

c10::Storage DeviceMemory::view(void* data, Bytes) {
  if (data) return holders_.at(data);
  return {c10::Storage::use_byte_size_t(), 0, c10::DataPtr(nullptr, device()), nullptr, false};
}

void DeviceMemory::copy(void* to, const void* from, Bytes size) {
  Unseen unseen;
  words(holders_.at(to), size).copy_(words(holders_.at(const_cast<void*>(from)), size));
}

uint64_t DeviceMemory::print(const void* data, Bytes) {
  Unseen unseen;
  const c10::Storage& storage = holders_.at(const_cast<void*>(data));
  const auto size = static_cast<Bytes>(storage.nbytes());
  at::Tensor host = at::empty({size}, at::kByte);
  host.copy_(words(storage, size));
  return fingerprint(host.const_data_ptr(), size);
}

void DeviceMemory::adopt(c10::StorageImpl& storage, Bytes size, StorageId owner) {
  void* data = storage._mutable_data_ptr_no_checks().get();
  enter(data, size, owner);
  holders_[data] = c10::Storage(c10::intrusive_ptr<c10::StorageImpl>::reclaim_copy(&storage));
}

c10::Storage DeviceMemory::release(void* data) {
  strike(data);
  c10::Storage holder = std::move(holders_.at(data));
  holders_.erase(data);
  return holder;
}

void DeviceMemory::clear() {
  while (!holders_.empty()) free(holders_.begin()->first);
}

bool DeviceMemory::owns(const c10::StorageImpl& storage) const {
  return const_cast<c10::StorageImpl&>(storage)._mutable_data_ptr_no_checks().get_deleter() ==
      allocator_->raw_deleter();
}

Reading DeviceMemory::read() const {
  const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const c10::CachingDeviceAllocator::DeviceStats stats = allocator_->getDeviceStats(device().index());
  const c10::CachingAllocator::Stat& allocated = stats.allocated_bytes[all];
  return {allocated.current, allocated.peak, allocated.allocated, stats.reserved_bytes[all].peak};
}

void DeviceMemory::reset_peaks() { allocator_->resetPeakStats(device().index()); }

c10::Stream DeviceMemory::stream() const { return c10::impl::VirtualGuardImpl(device().type()).getStream(device()); }

}  // namespace dtr
