// SPDX-License-Identifier: Apache-2.0
#include "numerics.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DefaultDtype.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <cstring>
#include <optional>
#include <utility>

namespace dtr {

namespace {

struct Setting {
  int64_t (*get)(at::Context&);
  void (*set)(int64_t);
};

template <class T>
struct Accessors;

template <class T>
struct Accessors<T (at::Context::*)() const> {
  using Value = T;
};

template <class T>
struct Accessors<T (at::Context::*)()> {
  using Value = T;
};

// A setting that torch's context holds, by the names of its two accessors.
template <auto get, auto set>
constexpr Setting of_context{
    [](at::Context& context) { return static_cast<int64_t>((context.*get)()); },
    [](int64_t value) { (at::globalContext().*set)(static_cast<typename Accessors<decltype(get)>::Value>(value)); }};

using Backend = at::Float32Backend;
using Op = at::Float32Op;

// The precisions in torch's context. Its accessors tell what one comes to, not whether it is its own or inherited, and
// cannot set a device's default again. An explicit instantiation may name what is private.
auto& precisions(at::Context&);

template <auto member>
struct Revealed {
  friend auto& precisions(at::Context& context) { return context.*member; }
};
template struct Revealed<&at::Context::fp32_precision>;

// Looked up once: the context and what its map holds stay where they are.
template <Backend backend, Op op>
at::Float32Precision& precision() {
  static at::Float32Precision& own = precisions(at::globalContext()).at({backend, op});
  return own;
}

template <Backend backend, Op op>
constexpr Setting float32{
    [](at::Context&) { return static_cast<int64_t>(precision<backend, op>()); },
    [](int64_t value) { precision<backend, op>() = static_cast<at::Float32Precision>(value); }};

// Whether cuBLAS may sum in less than float32, and whether it may split the sum: two flags behind one value.
template <auto get, auto set>
constexpr Setting reduction{
    [](at::Context& context) { return static_cast<int64_t>((context.*get)()); },
    [](int64_t value) {
      const auto option = static_cast<at::CuBLASReductionOption>(value);
      (at::globalContext().*set)(option == at::CuBLASReductionOption::AllowReducedPrecisionWithSplitK,
                                 option != at::CuBLASReductionOption::DisallowReducedPrecisionDisallowSplitK);
    }};

// The processor's rounding and its handling of denormal numbers. The exception flags are results, not settings.
[[maybe_unused]] constexpr unsigned kModes = ~0x3Fu;

constexpr Setting kProcessor{
    [](at::Context&) {
#if defined(__x86_64__)
      return static_cast<int64_t>(_mm_getcsr() & kModes);
#else
      return int64_t{0};
#endif
    },
    []([[maybe_unused]] int64_t modes) {
#if defined(__x86_64__)
      _mm_setcsr((_mm_getcsr() & ~kModes) | static_cast<unsigned>(modes));
#endif
    }};

// The default one, for factories.
constexpr Setting kDtype{
    [](at::Context&) { return static_cast<int64_t>(c10::get_default_dtype_as_scalartype()); },
    [](int64_t type) { c10::set_default_dtype(c10::scalarTypeToTypeMeta(static_cast<c10::ScalarType>(type))); }};

// How reductions are split.
constexpr Setting kThreads{
    [](at::Context&) { return static_cast<int64_t>(at::get_num_threads()); },
    [](int64_t threads) { at::set_num_threads(static_cast<int>(threads)); }};

// Some kernels return more when there will be a backward pass.
constexpr Setting kGradMode{
    [](at::Context&) { return static_cast<int64_t>(at::GradMode::is_enabled()); },
    [](int64_t enabled) { at::GradMode::set_enabled(enabled != 0); }};

// Whether kernels that call operators have these cast, and to which type. The type counts while nothing is cast, too:
// it is what a scope of autocast takes if it is not told another.
template <c10::DeviceType device>
constexpr Setting autocast{
    [](at::Context&) {
      return 2 * static_cast<int64_t>(at::autocast::get_autocast_dtype(device)) +
          at::autocast::is_autocast_enabled(device);
    },
    [](int64_t value) {
      at::autocast::set_autocast_enabled(device, value % 2 != 0);
      at::autocast::set_autocast_dtype(device, static_cast<c10::ScalarType>(value / 2));
    }};

// Whether only what is deterministic is permitted, and whether a warning is all that the rest gets.
constexpr Setting kDeterminism{
    [](at::Context& context) {
      return int64_t{2 * context.deterministicAlgorithms() + context.deterministicAlgorithmsWarnOnly()};
    },
    [](int64_t flags) { at::globalContext().setDeterministicAlgorithms(flags / 2 != 0, flags % 2 != 0); }};

// One more than the number, as there may be none.
constexpr Setting kCarveout{
    [](at::Context& context) { return int64_t{context._SMCarveout_EXPERIMENTAL().value_or(-1)} + 1; },
    [](int64_t value) {
      at::globalContext()._setSMCarveout_EXPERIMENTAL(
          value ? std::optional<int32_t>(static_cast<int32_t>(value - 1)) : std::nullopt);
    }};

using C = at::Context;

constexpr std::array kHostSettings{
    kDeterminism,
    of_context<&C::deterministicFillUninitializedMemory, &C::setDeterministicFillUninitializedMemory>,
    of_context<&C::userEnabledMkldnn, &C::setUserEnabledMkldnn>,
    of_context<&C::deterministicMkldnn, &C::setDeterministicMkldnn>,
    of_context<&C::userEnabledNNPACK, &C::setUserEnabledNNPACK>,
    of_context<&C::allowFP16ReductionCPU, &C::setAllowFP16ReductionCPU>,
    of_context<&C::qEngine, &C::setQEngine>,
    of_context<&C::userEnabledFlashSDP, &C::setSDPUseFlash>,
    of_context<&C::userEnabledMathSDP, &C::setSDPUseMath>,
    of_context<&C::userEnabledMemEfficientSDP, &C::setSDPUseMemEfficient>,
    of_context<&C::userEnabledCuDNNSDP, &C::setSDPUseCuDNN>,
    of_context<&C::userEnabledOverrideableSDP, &C::setSDPUseOverrideable>,
    of_context<&C::allowFP16BF16ReductionMathSDP, &C::setAllowFP16BF16ReductionMathSDP>,
};

// What is a thread's own, the processor's, or on torch's heap.
constexpr std::array kHostSettingsApart{
    kDtype,
    kThreads,
    kProcessor,
    kGradMode,
    autocast<c10::kCPU>,
    float32<Backend::GENERIC, Op::ALL>,
    float32<Backend::MKLDNN, Op::ALL>,
    float32<Backend::MKLDNN, Op::CONV>,
    float32<Backend::MKLDNN, Op::RNN>,
    float32<Backend::MKLDNN, Op::MATMUL>,
};

constexpr std::array kDeviceSettings{
    of_context<&C::userEnabledCuDNN, &C::setUserEnabledCuDNN>,
    of_context<&C::deterministicCuDNN, &C::setDeterministicCuDNN>,
    of_context<&C::benchmarkCuDNN, &C::setBenchmarkCuDNN>,
    of_context<&C::benchmarkLimitCuDNN, &C::setBenchmarkLimitCuDNN>,
    of_context<&C::cudnnDepthwiseKernel, &C::setCuDNNDepthwiseKernel>,
    of_context<&C::userEnabledFA3SDP, &C::setSDPUseFA3>,
    of_context<&C::linalgPreferredBackend, &C::setLinalgPreferredBackend>,
    of_context<&C::blasPreferredBackend, &C::setBlasPreferredBackend>,
    of_context<&C::allowFP16AccumulationCuBLAS, &C::setAllowFP16AccumulationCuBLAS>,
    reduction<&C::allowFP16ReductionCuBLAS, &C::setAllowFP16ReductionCuBLAS>,
    reduction<&C::allowBF16ReductionCuBLAS, &C::setAllowBF16ReductionCuBLAS>,
    kCarveout,
};

constexpr std::array kDeviceSettingsApart{
    float32<Backend::CUDA, Op::ALL>,
    float32<Backend::CUDA, Op::CONV>,
    float32<Backend::CUDA, Op::RNN>,
    float32<Backend::CUDA, Op::MATMUL>,
    autocast<c10::kCUDA>,
};

template <const auto& settings, size_t... i>
std::array<int64_t, sizeof...(i)> read(at::Context& context, std::index_sequence<i...>) {
  return {settings[i].get(context)...};
}

template <const auto& settings>
auto read(at::Context& context) {
  return read<settings>(context, std::make_index_sequence<settings.size()>());
}

template <const auto& settings, size_t... i>
bool hold(at::Context& context, const std::array<int64_t, sizeof...(i)>& values, std::index_sequence<i...>) {
  return ((settings[i].get(context) == values[i]) && ...);
}

template <const auto& settings>
bool hold(at::Context& context, const std::array<int64_t, settings.size()>& values) {
  return hold<settings>(context, values, std::make_index_sequence<settings.size()>());
}

// Sets what differs and nothing else: to set some of these, even to what they are, has effects.
template <size_t n>
void write(const std::array<int64_t, n>& values, const std::array<Setting, n>& settings) {
  for (size_t i = 0; i < n; ++i)
    if (settings[i].get(at::globalContext()) != values[i]) settings[i].set(values[i]);
}

}  // namespace

Numerics Numerics::now(bool on_device) {
  at::Context& context = at::globalContext();
  Numerics all{read<kHostSettings>(context), read<kHostSettingsApart>(context), {}, {}};
  if (on_device) {
    all.device = read<kDeviceSettings>(context);
    all.device_apart = read<kDeviceSettingsApart>(context);
  }
  return all;
}

bool Numerics::hold_apart(bool on_device) const {
  at::Context& context = at::globalContext();
  return hold<kHostSettingsApart>(context, host_apart) && (!on_device || hold<kDeviceSettingsApart>(context, device_apart));
}

void Numerics::apply(bool on_device) const {
  write(host, kHostSettings);
  write(host_apart, kHostSettingsApart);
  if (!on_device) return;
  write(device, kDeviceSettings);
  write(device_apart, kDeviceSettingsApart);
}

const std::byte* ContextImage::settings() { return reinterpret_cast<const std::byte*>(&at::globalContext()) + kBegin; }

void ContextImage::take() { std::memcpy(bytes_.data(), settings(), sizeof bytes_); }

bool ContextImage::is_current() const {
  return std::memcmp(bytes_.data(), settings(), sizeof bytes_) == 0;
}

NumericsGuard::NumericsGuard(const Numerics& recorded, bool on_device)
    : before_(Numerics::now(on_device)), changed_(before_ != recorded), on_device_(on_device) {
  if (!changed_) return;
  try {
    recorded.apply(on_device);
  } catch (...) {
    before_.apply(on_device);
    throw;
  }
}

NumericsGuard::~NumericsGuard() {
  if (changed_) before_.apply(on_device_);
}

}  // namespace dtr
