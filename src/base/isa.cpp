#include "cairn/base/isa.h"

#define CAIRN_TEXT_OF(x) #x
#define CAIRN_TEXT(x) CAIRN_TEXT_OF(x)

namespace cairn {
inline namespace CAIRN_ISA {
const char library_is_built_for_another_isa = 0;
}

const char* isa_name() { return &CAIRN_TEXT(CAIRN_ISA)[sizeof("isa_") - 1]; }

}  // namespace cairn
