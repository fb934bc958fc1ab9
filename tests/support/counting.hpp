#ifndef XLOSS_TESTS_SUPPORT_COUNTING_HPP
#define XLOSS_TESTS_SUPPORT_COUNTING_HPP

// Counts what the program allocates: operator new and delete are replaced in all their forms, and where the C
// library allows it malloc and its kin are counted too. For one source file of a program.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

// The compiler's header declares posix_memalign again, and fits only before ours.
#if __has_include(<mm_malloc.h>)
#include <mm_malloc.h>
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define XLOSS_TESTS_SANITIZED
#endif
#endif
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&                 \
    !defined(XLOSS_TESTS_SANITIZED)
#define XLOSS_TESTS_COUNT_MALLOC
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);
}
#endif

namespace counting {

struct state {
    std::atomic<std::size_t> allocations{0}; // by new, in any form
    std::atomic<std::size_t> mallocs{0};     // by malloc and its kin, not through new
    std::atomic<std::size_t> live{0}, peak{0};
};

inline state& now() {
    static state one;
    return one;
}

/// What stands before every block that new gives.
struct header {
    void* start;
    std::size_t size;
};

inline void* raw(std::size_t size) {
#ifdef XLOSS_TESTS_COUNT_MALLOC
    return __libc_malloc(size);
#else
    return std::malloc(size);
#endif
}

inline void release_raw(void* memory) {
#ifdef XLOSS_TESTS_COUNT_MALLOC
    __libc_free(memory);
#else
    std::free(memory);
#endif
}

inline void* allocate(std::size_t size, std::size_t alignment) noexcept {
    alignment = std::max(alignment, alignof(std::max_align_t));
    void* start = raw(size + alignment + sizeof(header));
    if (!start)
        return nullptr;
    const auto first = reinterpret_cast<std::size_t>(start) + sizeof(header);
    auto* block =
        static_cast<std::byte*>(start) + sizeof(header) + (alignment - first % alignment) % alignment;
    const header h{start, size};
    std::memcpy(block - sizeof(header), &h, sizeof(header));
    state& s = now();
    ++s.allocations;
    const std::size_t live = s.live += size;
    std::size_t peak = s.peak;
    while (live > peak && !s.peak.compare_exchange_weak(peak, live)) {
    }
    return block;
}

inline void release(void* block) noexcept {
    if (!block)
        return;
    header h{};
    std::memcpy(&h, static_cast<std::byte*>(block) - sizeof(header), sizeof(header));
    now().live -= h.size;
    release_raw(h.start);
}

/// What happened since it was made.
class since {
public:
    since() : allocations_(now().allocations), mallocs_(now().mallocs), live_(now().live) {
        now().peak = live_;
    }

    /// Allocations of any kind.
    [[nodiscard]] std::size_t allocations() const { return now().allocations - allocations_ + mallocs(); }
    [[nodiscard]] std::size_t mallocs() const { return now().mallocs - mallocs_; }
    /// The most bytes that were alive at once, beyond those before.
    [[nodiscard]] std::size_t peak() const { return now().peak - live_; }

private:
    std::size_t allocations_, mallocs_, live_;
};

} // namespace counting

// Not inlined: g++ would see the C library free what new gave, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
    if (void* block = counting::allocate(size, 1))
        return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size) {
    if (void* block = counting::allocate(size, 1))
        return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
    if (void* block = counting::allocate(size, static_cast<std::size_t>(alignment)))
        return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment) {
    if (void* block = counting::allocate(size, static_cast<std::size_t>(alignment)))
        return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return counting::allocate(size, 1);
}
[[gnu::noinline]] void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
    return counting::allocate(size, 1);
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment,
                                     const std::nothrow_t&) noexcept {
    return counting::allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void* operator new[](std::size_t size, std::align_val_t alignment,
                                       const std::nothrow_t&) noexcept {
    return counting::allocate(size, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* block) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::size_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete(void* block, std::align_val_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::align_val_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete(void* block, std::size_t, std::align_val_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::size_t, std::align_val_t) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete(void* block, const std::nothrow_t&) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block, const std::nothrow_t&) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete(void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    counting::release(block);
}
[[gnu::noinline]] void operator delete[](void* block, std::align_val_t, const std::nothrow_t&) noexcept {
    counting::release(block);
}

#ifdef XLOSS_TESTS_COUNT_MALLOC
extern "C" {
void* malloc(std::size_t size) {
    ++counting::now().mallocs;
    return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
    ++counting::now().mallocs;
    return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
    ++counting::now().mallocs;
    return __libc_realloc(memory, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
    ++counting::now().mallocs;
    return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    ++counting::now().mallocs;
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) {
    ++counting::now().mallocs;
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : 12; // ENOMEM
}
void free(void* memory) {
    __libc_free(memory);
}
}
#endif

#endif
