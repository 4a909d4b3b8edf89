// SPDX-License-Identifier: Apache-2.0
// Preloaded into a process: counts the bytes that are live in the C library's heap and that torch's allocator
// did not ask for, and the most of them at once since a moment. Torch's allocator is known by its address:
// of libc10's code it alone asks for aligned memory.
#include <link.h>
#include <malloc.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
void __libc_free(void*);
}

namespace {

std::atomic<int64_t> live = 0, peak = 0;
std::atomic<uintptr_t> first = 0, last = 0;  // addresses of libc10

int64_t size_of(void* memory) { return memory ? static_cast<int64_t>(malloc_usable_size(memory)) : 0; }

void add(int64_t bytes) {
  const int64_t now = live += bytes;
  int64_t most = peak;
  while (now > most && !peak.compare_exchange_weak(most, now)) {
  }
}

void* counted(void* memory) {
  add(size_of(memory));
  return memory;
}

bool in_libc10(const void* caller) {
  const auto address = reinterpret_cast<uintptr_t>(caller);
  return first <= address && address < last;
}

int locate(dl_phdr_info* library, size_t, void*) {
  if (!std::strstr(library->dlpi_name, "/libc10.so")) return 0;
  for (int i = 0; i < library->dlpi_phnum; ++i) {
    const auto& part = library->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || !(part.p_flags & PF_X)) continue;
    first = library->dlpi_addr + part.p_vaddr;
    last = first + part.p_memsz;
  }
  return 1;
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return counted(__libc_malloc(size)); }
void* calloc(size_t count, size_t size) { return counted(__libc_calloc(count, size)); }
void* memalign(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }
void* aligned_alloc(size_t alignment, size_t size) { return counted(__libc_memalign(alignment, size)); }

int posix_memalign(void** result, size_t alignment, size_t size) {
  void* memory = __libc_memalign(alignment, size);
  if (!memory) return ENOMEM;
  *result = memory;
  if (!in_libc10(__builtin_return_address(0))) counted(memory);
  return 0;
}

void* realloc(void* old, size_t size) {
  const int64_t before = size_of(old);
  void* memory = __libc_realloc(old, size);
  if (memory || size == 0) add(size_of(memory) - before);
  return memory;
}

void free(void* memory) {
  if (!in_libc10(__builtin_return_address(0))) live -= size_of(memory);
  __libc_free(memory);
}

// Whether torch is loaded, and is told apart from here on.
bool scratch_find_torch() { return dl_iterate_phdr(locate, nullptr) != 0; }
// What is live now; the peak begins here.
int64_t scratch_begin() { return peak = live.load(); }
int64_t scratch_peak() { return peak; }

}  // extern "C"
