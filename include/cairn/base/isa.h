#pragma once
// The instruction set a translation unit is compiled for, as the name of an inline namespace. Vector types differ in
// size and alignment between instruction sets (and lines in length, with CAIRN_SHORT_LINES), so a program and the library must agree; where they do not, the linker
// stops with `cairn::isa_…::library_is_built_for_another_isa` instead of the program crashing.

#if defined(CAIRN_SHORT_LINES)
#define CAIRN_ISA_OF(isa) isa_##isa##_short
#else
#define CAIRN_ISA_OF(isa) isa_##isa
#endif
#if defined(__AVX512F__)
#define CAIRN_ISA CAIRN_ISA_OF(avx512)
#elif defined(__AVX2__) && defined(__FMA__)
#define CAIRN_ISA CAIRN_ISA_OF(avx2)
#elif defined(__SSE2__)
#define CAIRN_ISA CAIRN_ISA_OF(sse2)
#elif defined(__ARM_NEON)
#define CAIRN_ISA CAIRN_ISA_OF(neon)
#else
#define CAIRN_ISA CAIRN_ISA_OF(generic)
#endif

namespace cairn {
inline namespace CAIRN_ISA {

// Declared here first, so that every `namespace detail` within cairn means this one, inside CAIRN_ISA or not.
// (Define its members inside `namespace detail { }`: Clang 14 mangles an outside `detail::f` differently.)
namespace detail {}

/// Defined by the library for its own instruction set only. The cure for a link error that names it: compile the
/// program with the flags of the target `cairn::cairn` (or of `pkg-config --cflags cairn`).
extern const char library_is_built_for_another_isa;

namespace {
[[gnu::used, gnu::retain]] const char* const isa_check = &library_is_built_for_another_isa;
}

}  // namespace CAIRN_ISA

/// Name of the instruction set the library was compiled for: "avx512", "avx2", "sse2", "neon" or "generic", with
/// "_short" after it where CAIRN_SHORT_LINES is on.
const char* isa_name();

}  // namespace cairn
