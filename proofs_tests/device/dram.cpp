// SPDX-License-Identifier: Apache-2.0
// A device for tests, "dram": its memory is the host's and its kernels are the CPU's, but to torch it is an
// accelerator like CUDA. Its caching allocator keeps statistics, rounds sizes, hands out cached blocks that are somewhat
// too large, may be out of memory, and insists on its own data pointers; its matrix products ask for scratch; it has streams
// and a generator. What was freed is overwritten at once, so reading it shows.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/EmptyTensor.h>
#include <ATen/NativeFunctions.h>
#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <torch/extension.h>
#include <torch/library.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

namespace {

constexpr c10::DeviceType kType = c10::DeviceType::PrivateUse1;
const c10::Device kDram(kType, 0);
constexpr size_t kGrain = 512;
constexpr unsigned char kGarbage = 0xDB;

// --- memory ---

class Allocator final : public c10::DeviceAllocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &give_back, kDram};
    const std::lock_guard lock(mutex_);
    const size_t wanted = (bytes + kGrain - 1) / kGrain * kGrain;
    auto [size, block] = cached(wanted);
    if (!block) std::tie(size, block) = fresh(wanted);
    live_[block] = size;
    in_all([&](auto& s, size_t n) { s.allocated_bytes[n].increase(size); });
    std::memset(block, kGarbage, size);
    return {block, block, &give_back, kDram};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }
  void copy_data(void* to, const void* from, size_t count) const override { default_copy_data(to, from, count); }
  bool initialized() override { return true; }
  void emptyCache(c10::MempoolId_t) override {
    const std::lock_guard lock(mutex_);
    empty();
  }
  void recordStream(const c10::DataPtr& pointer, c10::Stream) override { require_own(pointer); }
  c10::CachingDeviceAllocator::DeviceStats getDeviceStats(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex_);
    return stats_;
  }
  void resetAccumulatedStats(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex_);
    in_all([](auto& s, size_t n) { s.allocated_bytes[n].reset_accumulated(); });
  }
  void resetPeakStats(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex_);
    in_all([](auto& s, size_t n) { s.allocated_bytes[n].reset_peak(), s.reserved_bytes[n].reset_peak(); });
  }
  std::pair<size_t, size_t> getMemoryInfo(c10::DeviceIndex) override {
    const std::lock_guard lock(mutex_);
    return {capacity_ - reserved(), capacity_};
  }

  void require_own(const c10::DataPtr& pointer) const {
    TORCH_CHECK(
        pointer.get() == nullptr || (pointer.get_deleter() == &give_back && pointer.get_context() == pointer.get()),
        "dram: a data pointer that its allocator did not make");
  }
  void set_capacity(size_t bytes) { capacity_ = bytes; }
  void set_slack(size_t bytes) { slack_ = bytes; }

 private:
  using Sized = std::pair<size_t, void*>;

  template <typename F>
  void in_all(F f) {
    f(stats_, static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE));
  }
  size_t reserved() const { return static_cast<size_t>(stats_.reserved_bytes[0].current); }

  Sized cached(size_t wanted) {
    const auto best = cache_.lower_bound({wanted, nullptr});
    if (best == cache_.end() || best->first > wanted + (wanted >= slack_ ? slack_ : 0)) return {0, nullptr};
    const Sized found = *best;
    cache_.erase(best);
    return found;
  }
  Sized fresh(size_t wanted) {
    if (reserved() + wanted > capacity_) empty();
    TORCH_CHECK_WITH(
        OutOfMemoryError, reserved() + wanted <= capacity_, "dram: out of memory: ", wanted, " more bytes do not fit ",
        capacity_);
    in_all([&](auto& s, size_t n) { s.reserved_bytes[n].increase(wanted); });
    return {wanted, std::aligned_alloc(kGrain, wanted)};
  }
  void empty() {
    for (const auto& [size, block] : cache_) {
      in_all([&](auto& s, size_t n) { s.reserved_bytes[n].decrease(size); });
      std::free(block);
    }
    cache_.clear();
  }
  static void give_back(void* block);

  std::mutex mutex_;
  c10::CachingDeviceAllocator::DeviceStats stats_;
  std::map<void*, size_t> live_;
  std::set<Sized> cache_;
  size_t capacity_ = size_t{1} << 34;
  size_t slack_ = size_t{1} << 16;  // blocks of so many bytes are reused for up to so many less
};

Allocator& allocator() {
  static auto* one = new Allocator();  // outlives every tensor
  return *one;
}

void Allocator::give_back(void* block) {
  if (!block) return;
  Allocator& all = allocator();
  const std::lock_guard lock(all.mutex_);
  const auto live = all.live_.find(block);
  TORCH_INTERNAL_ASSERT(live != all.live_.end(), "dram: freed twice");
  std::memset(block, kGarbage, live->second);
  all.in_all([&](auto& s, size_t n) { s.allocated_bytes[n].decrease(live->second); });
  all.cache_.insert({live->second, block});
  all.live_.erase(live);
}

// --- one device, streams that only have numbers, a generator of the CPU's kind ---

thread_local c10::StreamId current_stream = 0;

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kType; }
  c10::Device exchangeDevice(c10::Device) const override { return kDram; }
  c10::Device getDevice() const override { return kDram; }
  void setDevice(c10::Device) const override {}
  void uncheckedSetDevice(c10::Device) const noexcept override {}
  static c10::Stream stream(c10::StreamId id) { return c10::Stream(c10::Stream::UNSAFE, kDram, id); }
  c10::Stream getStream(c10::Device) const override { return stream(current_stream); }
  c10::Stream getDefaultStream(c10::Device) const override { return stream(0); }
  c10::Stream getNewStream(c10::Device, int) const override { return stream(1); }
  c10::Stream exchangeStream(c10::Stream next) const override {
    return stream(std::exchange(current_stream, next.id()));
  }
  c10::DeviceIndex deviceCount() const noexcept override { return 1; }
  void record(void**, const c10::Stream&, c10::DeviceIndex, c10::EventFlag) const override {}
  void block(void*, const c10::Stream&) const override {}
  bool queryEvent(void*) const override { return true; }
  void synchronizeStream(const c10::Stream&) const override {}
  void synchronizeDevice(c10::DeviceIndex) const override {}
  void recordDataPtrOnStream(const c10::DataPtr& pointer, const c10::Stream& stream) const override {
    allocator().recordStream(pointer, stream);
  }
};

struct Generator final : c10::GeneratorImpl {
  Generator() : GeneratorImpl(kDram, c10::DispatchKeySet(c10::DispatchKey::PrivateUse1)) {}
  void set_current_seed(uint64_t seed) override { host.set_current_seed(seed); }
  void set_offset(uint64_t offset) override { host.set_offset(offset); }
  uint64_t get_offset() const override { return host.get_offset(); }
  uint64_t current_seed() const override { return host.current_seed(); }
  uint64_t seed() override { return host.seed(); }
  void set_state(const c10::TensorImpl& state) override { host.unsafeGetGeneratorImpl()->set_state(state); }
  c10::intrusive_ptr<c10::TensorImpl> get_state() const override {
    return host.unsafeGetGeneratorImpl()->get_state();
  }
  GeneratorImpl* clone_impl() const override {
    auto* copy = new Generator();
    copy->host = host.clone();
    return copy;
  }
  at::Generator host = at::detail::createCPUGenerator();
};

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(c10::DeviceIndex) const override { return true; }
  c10::DeviceIndex deviceCount() const override { return 1; }
  c10::DeviceIndex getCurrentDevice() const override { return 0; }
  void setCurrentDevice(c10::DeviceIndex) const override {}
  c10::DeviceIndex exchangeDevice(c10::DeviceIndex) const override { return 0; }
  c10::DeviceIndex maybeExchangeDevice(c10::DeviceIndex) const override { return 0; }
  const at::Generator& getDefaultGenerator(c10::DeviceIndex) const override {
    static auto* generator = new at::Generator(at::make_generator<Generator>());
    return *generator;
  }
  at::Generator getNewGenerator(c10::DeviceIndex) const override { return at::make_generator<Generator>(); }
  void resizePrivateUse1Bytes(const c10::Storage& storage, size_t bytes) const override {
    c10::StorageImpl& resized = *storage.unsafeGetStorageImpl();
    c10::DataPtr memory = allocator().allocate(bytes);
    if (const size_t kept = std::min(bytes, resized.nbytes()))
      std::memcpy(memory.get(), resized.data(), kept);
    resized.set_data_ptr_noswap(std::move(memory));
    resized.set_nbytes(bytes);
  }
};

// --- kernels: the CPU's, on tensors that borrow the memory ---

class Loan {
 public:
  c10::IValue to_host(const c10::IValue& value) {
    if (value.isTensor()) return to_host(value.toTensor());
    if (value.isDevice()) return c10::Device(value.toDevice().type() == kType ? c10::kCPU : value.toDevice().type());
    if (value.isGenerator()) {
      const at::Generator generator = value.toGenerator();
      TORCH_CHECK(generator.device().type() == kType, "dram: a generator of another device");
      return static_cast<Generator&>(*generator.unsafeGetGeneratorImpl()).host;
    }
    if (value.isTensorList()) {
      c10::List<at::Tensor> list;
      for (const c10::IValue& element : value.toListRef()) list.push_back(to_host(element.toTensor()));
      return list;
    }
    if (value.isOptionalTensorList()) {
      c10::List<std::optional<at::Tensor>> list;
      for (const c10::IValue& element : value.toListRef())
        list.push_back(element.isTensor() ? std::optional(to_host(element.toTensor())) : std::nullopt);
      return list;
    }
    return value;
  }

  at::Tensor to_host(const at::Tensor& tensor) {
    if (!tensor.defined() || tensor.device().type() != kType) return tensor;
    c10::StorageImpl* storage = tensor.storage().unsafeGetStorageImpl();
    allocator().require_own(storage->data_ptr());
    c10::Storage& host = hosts_[storage];
    if (!host) {
      void* data = storage->mutable_data();
      host = c10::Storage(
          c10::Storage::use_byte_size_t(), storage->nbytes(), c10::DataPtr(data, data, [](void*) {}, c10::kCPU),
          c10::GetAllocator(c10::kCPU), true);
      devices_[host.unsafeGetStorageImpl()] = tensor.storage();
    }
    at::Tensor borrowed = over(host, tensor, c10::DispatchKey::CPU);
    tensors_.emplace_back(borrowed, tensor);
    return borrowed;
  }

  c10::IValue to_device(const c10::IValue& value) {
    if (value.isTensor()) return to_device(value.toTensor());
    if (!value.isTensorList()) return value;
    c10::List<at::Tensor> list;
    for (const c10::IValue& element : value.toListRef()) list.push_back(to_device(element.toTensor()));
    return list;
  }

  at::Tensor to_device(const at::Tensor& tensor) {
    if (!tensor.defined()) return tensor;
    for (const auto& [borrowed, original] : tensors_)
      if (borrowed.is_same(tensor)) return original;
    c10::Storage& device = devices_[tensor.storage().unsafeGetStorageImpl()];
    if (!device) {
      const c10::Storage& host = tensor.storage();
      device = c10::Storage(c10::Storage::use_byte_size_t(), host.nbytes(), &allocator(), true);
      if (host.nbytes() > 0) std::memcpy(device.mutable_data(), host.data(), host.nbytes());
    }
    return over(device, tensor, c10::DispatchKey::PrivateUse1);
  }

  // Where a kernel resized an argument, the device's tensor follows.
  void settle() {
    for (const auto& [borrowed, original] : tensors_) {
      const c10::Storage& host = borrowed.storage();
      const c10::Storage& device = original.storage();
      if (host.nbytes() > 0 && host.data() != device.data()) {
        at::detail::getPrivateUse1Hooks().resizePrivateUse1Bytes(device, host.nbytes());
        std::memcpy(device.mutable_data(), host.data(), host.nbytes());
      }
      original.unsafeGetTensorImpl()->set_sizes_and_strides(
          borrowed.sizes(), borrowed.strides(), borrowed.storage_offset());
    }
  }

 private:
  static at::Tensor over(const c10::Storage& storage, const at::Tensor& like, c10::DispatchKey key) {
    at::Tensor tensor =
        at::detail::make_tensor<c10::TensorImpl>(c10::Storage(storage), c10::DispatchKeySet(key), like.dtype());
    tensor.unsafeGetTensorImpl()->set_sizes_and_strides(like.sizes(), like.strides(), like.storage_offset());
    if (like.is_conj()) tensor._set_conj(true);
    if (like.is_neg()) tensor._set_neg(true);
    if (like.unsafeGetTensorImpl()->is_wrapped_number()) tensor.unsafeGetTensorImpl()->set_wrapped_number(true);
    return tensor;
  }

  std::unordered_map<c10::StorageImpl*, c10::Storage> hosts_;    // of device storages
  std::unordered_map<c10::StorageImpl*, c10::Storage> devices_;  // of host storages
  std::vector<std::pair<at::Tensor, at::Tensor>> tensors_;       // borrowed, original
};

// CPU kernels draw from the CPU's default generator, which has the device's state meanwhile.
class Draw {
 public:
  explicit Draw(bool random) {
    if (!random) return;
    before_ = host().get_state().clone();
    host().set_state(device().get_state());
  }
  ~Draw() {
    if (!before_.defined()) return;
    device().set_state(host().get_state());
    host().set_state(before_);
  }

 private:
  static at::Generator host() { return at::detail::getDefaultCPUGenerator(); }
  static at::Generator device() { return at::globalContext().defaultGenerator(kDram); }
  at::Tensor before_;
};

const std::set<std::string> kScratch{
    "aten::mm", "aten::addmm", "aten::bmm", "aten::convolution_overrideable",
    "aten::convolution_backward_overrideable"};

void run(const c10::OperatorHandle& called, const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const size_t count = called.schema().arguments().size();
  Loan loan;
  size_t bytes = 0;
  for (const c10::IValue& argument : torch::jit::last(*stack, count))
    if (argument.isTensor() && argument.toTensor().defined()) bytes += argument.toTensor().nbytes();
  for (size_t i = stack->size() - count; i < stack->size(); ++i) (*stack)[i] = loan.to_host((*stack)[i]);
  c10::DataPtr scratch;
  if (kScratch.count(called.operator_name().name)) scratch = allocator().allocate(bytes / 2);
  {
    at::AutoDispatchBelowADInplaceOrView no_autograd;
    Draw draw(called.hasTag(at::Tag::nondeterministic_seeded));
    op.callBoxed(stack);
  }
  loan.settle();
  const size_t returns = called.schema().returns().size();
  for (size_t i = stack->size() - returns; i < stack->size(); ++i) (*stack)[i] = loan.to_device((*stack)[i]);
}

void fallback(const c10::OperatorHandle& op, torch::jit::Stack* stack) { run(op, op, stack); }

c10::OperatorHandle named(const char* name) { return c10::Dispatcher::singleton().findSchemaOrThrow(name, ""); }

void convolution(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  run(op, named("aten::convolution"), stack);
}

at::Tensor empty(
    at::IntArrayRef size, std::optional<at::ScalarType> dtype, std::optional<at::Layout>, std::optional<at::Device>,
    std::optional<bool>, std::optional<at::MemoryFormat> format) {
  return at::detail::empty_generic(
      size, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype), format);
}

at::Tensor empty_strided(
    at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> dtype, std::optional<at::Layout>,
    std::optional<at::Device>, std::optional<bool>) {
  return at::detail::empty_strided_generic(
      size, stride, &allocator(), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1), c10::dtype_or_default(dtype));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool) {
  Loan loan;
  at::AutoDispatchBelowADInplaceOrView no_autograd;
  loan.to_host(to).copy_(loan.to_host(from));
  return to;
}

const at::Tensor& resize(const at::Tensor& self, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const size_t bytes = at::detail::computeStorageNbytesContiguous(
      size, self.dtype().itemsize(), static_cast<size_t>(self.storage_offset()));
  if (bytes > self.storage().nbytes()) at::detail::getPrivateUse1Hooks().resizePrivateUse1Bytes(self.storage(), bytes);
  self.unsafeGetTensorImpl()->set_sizes_contiguous(size);
  return self;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> convolution_backward(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef stride,
    at::IntArrayRef padding, at::IntArrayRef dilation, bool transposed, at::IntArrayRef output_padding, int64_t groups,
    std::array<bool, 3> mask) {
  const c10::DataPtr scratch = allocator().allocate(input.nbytes() / 2);
  Loan loan;
  at::AutoDispatchBelowADInplaceOrView no_autograd;
  const std::vector<int64_t> bias{gradient.size(1)};
  const auto [x, w, b] = at::convolution_backward(
      loan.to_host(gradient), loan.to_host(input), loan.to_host(weight), at::OptionalIntArrayRef(bias), stride, padding,
      dilation, transposed, output_padding, groups, mask);
  return {loan.to_device(x), loan.to_device(w), loan.to_device(b)};
}

}  // namespace

C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) { m.fallback(torch::CppFunction::makeFromBoxedFunction<&fallback>()); }

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  m.impl("empty.memory_format", &empty);
  m.impl("empty_strided", &empty_strided);
  m.impl("_copy_from", &copy_from);
  m.impl("resize_", &resize);
  m.impl("set_.source_Storage_storage_offset", &at::native::set_storage_cpu_);
  // Views look at no byte: there may be none.
  m.impl("as_strided", &at::native::as_strided_tensorimpl);
  m.impl("view", &at::native::view);
  m.impl("_reshape_alias", &at::native::_reshape_alias);
  m.impl("unfold", &at::native::unfold);
  m.impl("convolution_overrideable", torch::CppFunction::makeFromBoxedFunction<&convolution>());
  m.impl("convolution_backward_overrideable", &convolution_backward);
}

PYBIND11_MODULE(TORCH_EXTENSION_NAME, m) {
  c10::SetAllocator(kType, &allocator());
  static auto* hooks = new Hooks();
  at::RegisterPrivateUse1HooksInterface(hooks);
  m.def("set_capacity", [](size_t bytes) { allocator().set_capacity(bytes); });
  m.def("set_slack", [](size_t bytes) { allocator().set_slack(bytes); });
  m.def("exchange_stream", [](int64_t id) { return std::exchange(current_stream, id); });
  m.def("manual_seed", [](uint64_t seed) {
    at::Generator generator = at::globalContext().defaultGenerator(kDram);
    generator.set_current_seed(seed);
  });
  m.def("get_rng_state", [] { return at::globalContext().defaultGenerator(kDram).get_state(); });
}
