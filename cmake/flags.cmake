# Sets CAIRN_PUBLIC_FLAGS, which library and programs must share, CAIRN_SECTION_FLAGS for the library and CAIRN_LINK_FLAGS
# for programs, and CAIRN_WARNING_FLAGS, for our own code only.
include(CheckCXXCompilerFlag)

set(CAIRN_PUBLIC_FLAGS "")
set(CAIRN_WARNING_FLAGS "")
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
  message(FATAL_ERROR "cairn needs GCC or Clang for their vector extensions; this is ${CMAKE_CXX_COMPILER_ID}")
endif()

if(CAIRN_ARCH)
  set(isa_flag -march=${CAIRN_ARCH})
elseif(CAIRN_NATIVE)
  set(isa_flag -march=native)
else()
  set(isa_flag "")
endif()
if(isa_flag)
  string(MAKE_C_IDENTIFIER "CAIRN_COMPILER_HAS${isa_flag}" has_isa_flag)
  check_cxx_compiler_flag(${isa_flag} ${has_isa_flag})
  if(${has_isa_flag})
    list(APPEND CAIRN_PUBLIC_FLAGS ${isa_flag})
  elseif(CAIRN_ARCH)
    message(FATAL_ERROR "CAIRN_ARCH: ${CMAKE_CXX_COMPILER} does not know ${isa_flag}")
  else()
    message(WARNING "CAIRN_NATIVE: ${CMAKE_CXX_COMPILER} does not know ${isa_flag}; compiling for its default")
  endif()
endif()
if(CAIRN_SHORT_LINES)
  list(APPEND CAIRN_PUBLIC_FLAGS -DCAIRN_SHORT_LINES)
endif()
# Neither gives up a bit of any result: they promise that nobody reads errno or traps floating-point exceptions, which
# lets loops over sqrt and over selects become vector code.
list(APPEND CAIRN_PUBLIC_FLAGS -fno-math-errno -fno-trapping-math)
# GCC notes that passing vectors by value changed between its versions; library and program share a compiler here.
list(APPEND CAIRN_PUBLIC_FLAGS -Wno-psabi)
# GCC 12 takes {7, 7, 7, 0}, moved as one wide constant, for 7 four times wherever AVX-512 can broadcast it: a wrong shape or
# list without a word. Moves of at most 16 bytes do not take that path. tests/base/compiler_test.cpp watches it.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  check_cxx_compiler_flag("-mmove-max=128 -mstore-max=128" CAIRN_COMPILER_HAS_MOVE_MAX)
  if(CAIRN_COMPILER_HAS_MOVE_MAX)
    list(APPEND CAIRN_PUBLIC_FLAGS -mmove-max=128 -mstore-max=128)
  endif()
endif()

# Tuned for AMD's Zen, GCC leaves some sums of products unfused, those it takes for a chain, and not others: an element then
# depends on where it stands in a matrix (tests/kernels/gemm_test.cpp). With 0 it fuses all of them, as for other machines.
check_cxx_compiler_flag("--param=avoid-fma-max-bits=0" CAIRN_COMPILER_HAS_AVOID_FMA)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CAIRN_COMPILER_HAS_AVOID_FMA)
  list(APPEND CAIRN_PUBLIC_FLAGS --param=avoid-fma-max-bits=0)
endif()

# A program links what it uses and no more: a third of its size. (Layers are made by name, so a table names them all, and
# their objects with everything else that stands in them.)
include(CheckLinkerFlag)
set(CAIRN_SECTION_FLAGS "")
set(CAIRN_LINK_FLAGS "")
check_linker_flag(CXX "LINKER:--gc-sections" CAIRN_LINKER_HAS_GC_SECTIONS)
if(CAIRN_LINKER_HAS_GC_SECTIONS)
  set(CAIRN_SECTION_FLAGS -ffunction-sections -fdata-sections)
  set(CAIRN_LINK_FLAGS "LINKER:--gc-sections")
endif()

set(CAIRN_WARNING_FLAGS -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wextra-semi
                        -Wformat=2 -Wundef)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # Plain -Wshadow of GCC rejects a constructor parameter named like the member it sets; that of Clang does not.
  list(APPEND CAIRN_WARNING_FLAGS -Wshadow=local -Wlogical-op -Wduplicated-cond -Wredundant-tags)
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms of GCC 12: std::string's memory functions under -O2 and above (GCC bug 105651 and its kin), and the
    # undefined operands of its own AVX-512 intrinsics, which Eigen's products use (GCC bug 105593). Clang and the
    # sanitizers watch for the real ones.
    list(APPEND CAIRN_WARNING_FLAGS -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
                                    -Wno-maybe-uninitialized -Wno-uninitialized)
  endif()
else()
  list(APPEND CAIRN_WARNING_FLAGS -Wshadow)
endif()
if(CMAKE_UNITY_BUILD)
  # Of one file about another that it shares a unit with; the other builds see each file alone.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND CAIRN_WARNING_FLAGS -Wno-subobject-linkage)
  else()
    list(APPEND CAIRN_WARNING_FLAGS -Wno-shadow)
  endif()
endif()
if(CAIRN_WERROR)
  list(APPEND CAIRN_WARNING_FLAGS -Werror)
endif()

list(JOIN CAIRN_PUBLIC_FLAGS " " public_flags)
message(STATUS "cairn: programs and library are compiled with ${public_flags}")
