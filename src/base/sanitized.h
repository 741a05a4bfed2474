#pragma once
// Whether AddressSanitizer or ThreadSanitizer watches: memory is then handed out so that they see the most.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CAIRN_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CAIRN_SANITIZED true
#endif
#endif
#ifndef CAIRN_SANITIZED
#define CAIRN_SANITIZED false
#endif

namespace cairn::memory {

inline constexpr bool sanitized = CAIRN_SANITIZED;

}  // namespace cairn::memory
