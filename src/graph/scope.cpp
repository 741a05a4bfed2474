#include "cairn/graph/scope.h"

namespace cairn {

static thread_local constinit std::string_view scope;
static thread_local constinit uint64_t call = 0, last_call = 0;

std::string_view current_scope() { return scope; }
uint64_t current_call() { return call; }

Scope::Scope(std::string_view name) : before_(scope), call_before_(call) {
  scope = name;
  call = ++last_call;
}
Scope::~Scope() {
  scope = before_;
  call = call_before_;
}

}  // namespace cairn
