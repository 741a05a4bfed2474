#include "cairn/graph/scope.h"

namespace cairn {

static thread_local constinit std::string_view scope;

std::string_view current_scope() { return scope; }

Scope::Scope(std::string_view name) : before_(scope) { scope = name; }
Scope::~Scope() { scope = before_; }

}  // namespace cairn
