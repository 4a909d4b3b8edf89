// SPDX-License-Identifier: Apache-2.0
#include "numerics.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DefaultDtype.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace dtr {

namespace {

using Backend = at::Float32Backend;
using Op = at::Float32Op;
// What kernels read, parents before those that inherit from them; torch's older setting of the precision of
// matrix products writes these, too.
constexpr std::array<std::pair<Backend, Op>, 5> kFloat32{{
    {Backend::GENERIC, Op::ALL},
    {Backend::MKLDNN, Op::ALL},
    {Backend::MKLDNN, Op::CONV},
    {Backend::MKLDNN, Op::RNN},
    {Backend::MKLDNN, Op::MATMUL},
}};

// The exception flags are results, not settings.
constexpr unsigned kSettings = ~0x3Fu;

unsigned processor_mode() {
#if defined(__x86_64__)
  return _mm_getcsr() & kSettings;
#else
  return 0;
#endif
}

void set_processor_mode([[maybe_unused]] unsigned mode) {
#if defined(__x86_64__)
  _mm_setcsr((_mm_getcsr() & ~kSettings) | mode);
#endif
}

}  // namespace

Numerics Numerics::now(const Numerics* last) {
  at::Context& context = at::globalContext();
  Numerics now{};
  now.dtype = c10::get_default_dtype_as_scalartype();
  now.threads = at::get_num_threads();
  now.float_mode = processor_mode();
  now.grad_mode = at::GradMode::is_enabled();
  now.deterministic = context.deterministicAlgorithms();
  now.warn_only = context.deterministicAlgorithmsWarnOnly();
  now.fill_uninitialized = context.deterministicFillUninitializedMemory();
  now.mkldnn = context.userEnabledMkldnn();
  now.mkldnn_deterministic = context.deterministicMkldnn();
  now.nnpack = context.userEnabledNNPACK();
  now.fp16_reduction = context.allowFP16ReductionCPU();
  now.flash = context.userEnabledFlashSDP();
  now.math = context.userEnabledMathSDP();
  now.math_reduction = context.allowFP16BF16ReductionMathSDP();
  if (last) {
    now.float32 = last->float32;
  } else {
    for (size_t i = 0; i < kFloat32.size(); ++i)
      now.float32[i] = context.float32Precision(kFloat32[i].first, kFloat32[i].second);
  }
  return now;
}

void Numerics::apply() const {
  at::Context& context = at::globalContext();
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(dtype));
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
  set_processor_mode(float_mode);
  at::GradMode::set_enabled(grad_mode);
  context.setDeterministicAlgorithms(deterministic, warn_only);
  context.setDeterministicFillUninitializedMemory(fill_uninitialized);
  context.setUserEnabledMkldnn(mkldnn);
  context.setDeterministicMkldnn(mkldnn_deterministic);
  context.setUserEnabledNNPACK(nnpack);
  if (context.allowFP16ReductionCPU() != fp16_reduction) context.setAllowFP16ReductionCPU(fp16_reduction);
  context.setSDPUseFlash(flash);
  context.setSDPUseMath(math);
  context.setAllowFP16BF16ReductionMathSDP(math_reduction);
  for (size_t i = 0; i < kFloat32.size(); ++i) {
    const auto [backend, op] = kFloat32[i];
    if (context.float32Precision(backend, op) != float32[i]) context.setFloat32Precision(backend, op, float32[i]);
  }
}

NumericsGuard::NumericsGuard(const Numerics& recorded) : before_(Numerics::now()), changed_(before_ != recorded) {
  if (changed_) recorded.apply();
}

NumericsGuard::~NumericsGuard() {
  if (changed_) before_.apply();
}

}  // namespace dtr
