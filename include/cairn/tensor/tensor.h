#pragma once
// The tensor: a small shared handle on storage, layout and autograd state. Mathematics are free functions (ops/); what
// stands here is what a handle is, its views, and the few in-place operations.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cairn/base/dtype.h"
#include "cairn/base/error.h"
#include "cairn/base/ref.h"
#include "cairn/base/shape.h"
#include "cairn/tensor/storage.h"

namespace cairn {

struct Node;

/// What a handle points at. Storage and layout never change after construction; the autograd state does.
struct Body {
  Ref<Storage> storage;
  Shape shape;
  Strides strides;     // in elements
  int64_t offset = 0;  // of the first element in the storage, in elements
  int64_t numel = 0;
  Dtype dtype = Dtype::f32;
  bool contiguous = true;  // row-major without gaps

  bool requires_grad = false;
  Ref<Node> node;   // what made this tensor, or where a leaf's gradient ends; null when no gradient is asked for
  Ref<Body> alias;  // this tensor without its autograd state: what the graph keeps, so that it never owns a gradient
  Ref<Body> grad;   // lives here and not in the graph, which would own itself through it

  /// On a storage of its own, with undefined elements: one block holds all three.
  static Ref<Body> make(const Shape& shape, const Strides& strides, int64_t numel, Dtype dtype, bool contiguous);
  static Ref<Body> make(Ref<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset, Dtype dtype);
  /// The same for whoever knows what follows from the sizes.
  static Ref<Body> make(Ref<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset, int64_t numel,
                        Dtype dtype, bool contiguous);
  /// Another body for the same elements, without autograd state.
  Ref<Body> twin() const { return make(storage, shape, strides, offset, numel, dtype, contiguous); }

  void retain() const noexcept { count.retain(); }
  void release() noexcept {
    if (count.release()) destroy();
  }
  RefCount count;

 private:
  Body(Ref<Storage> storage, const Shape& shape, const Strides& strides, int64_t offset, int64_t numel, Dtype dtype,
       bool contiguous);  // these three, and what makes blocks, in src/graph/node.cpp, where Node is known
  ~Body();
  void destroy() noexcept;
};

/// An n-dimensional array with up to eight dimensions, or nothing at all (`defined()` is false). Copying a Tensor
/// copies the handle: both see the same elements.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<Body> body) : body_(std::move(body)) {}

  // ---- what a handle is ----------------------------------------------------------------------------------------------
  bool defined() const { return static_cast<bool>(body_); }
  const Shape& shape() const { return get().shape; }
  /// In elements.
  const Strides& strides() const { return get().strides; }
  Dtype dtype() const { return get().dtype; }
  int dim() const { return get().shape.size(); }
  int64_t numel() const { return get().numel; }
  /// Size of one dimension; −1 is the last.
  ///   throws  IndexError
  int64_t size(int64_t d) const;
  /// Row-major order without gaps.
  bool is_contiguous() const { return get().contiguous; }
  /// The elements fill one block without gaps or overlap, in some order of the dimensions.
  bool is_dense() const;

  /// Pointer to the elements in row-major order. The mutable form counts as one in-place modification.
  ///   throws  DtypeError when T is not the dtype, ShapeError when the order is not row-major: call contiguous()
  template <class T>
  const T* data() const {
    return static_cast<const T*>(checked_data(dtype_of<T>));
  }
  template <class T>
  T* data() {
    check_in_place("data");
    T* p = static_cast<T*>(checked_data(dtype_of<T>));
    body_->storage->exposed = true;
    bump_version();
    return p;
  }
  /// For kernels: the first element whatever the strides; nothing is checked or counted.
  template <class T>
  T* pointer() const {
    return static_cast<T*>(body_->storage->data) + body_->offset;
  }

  /// The one element, converted to T.
  ///   throws  ShapeError unless there is exactly one
  template <class T>
  T item() const {
    require(numel() == 1, "item", "needs a tensor of one element", *this);
    return visit_any(dtype(), [&]<class S>() { return static_cast<T>(*pointer<S>()); });
  }
  /// All elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector() const;

  // ---- autograd (defined in autograd/) -------------------------------------------------------------------------------
  /// Whether a gradient is wanted or this was computed from a tensor that wants one.
  bool requires_grad() const { return get().requires_grad; }
  /// Asks for the gradient of a leaf: `Tensor w = randn({3}).requires_grad_();`
  ///   throws  DtypeError unless f32 or f64, GraphError when this was computed by a recorded operation
  Tensor& requires_grad_(bool on = true);
  /// True when no recorded operation made it.
  bool is_leaf() const;
  /// The accumulated gradient, of this tensor's shape and dtype; undefined before the first backward.
  Tensor grad() const { return Tensor(get().grad); }
  /// Replaces the gradient; an undefined tensor drops it. The elements are shared: the next backward adds to them.
  ///   throws  ShapeError, DtypeError when it does not fit
  void set_grad(const Tensor& grad);
  /// Keeps the gradient of a tensor that is no leaf.
  void retain_grad();
  /// Gradients of this tensor with respect to all leaves it was computed from, added to their grad().
  ///   gradient  dL/d(this); may be left out for a tensor of one element
  ///   throws    GraphError for a freed graph, a non-scalar without gradient, an input modified in place
  void backward(const Tensor& gradient = Tensor(), bool retain_graph = false, bool create_graph = false) const;
  /// The same elements without their history.
  Tensor detach() const;
  /// Calls `hook` with the whole gradient of this tensor during backward; a defined result replaces it. Returns a
  /// number for remove_hook.
  int64_t register_hook(std::function<Tensor(const Tensor&)> hook);
  void remove_hook(int64_t number);

  // ---- views: the same elements seen otherwise (defined in ops/view.cpp) ------------------------------------------------
  /// The same elements in row-major order under another shape; one size may be −1. A view where it can be, else a copy.
  Tensor reshape(const Shape& shape) const;
  /// As reshape, but never copies.
  ///   throws  ShapeError where it would have to
  Tensor view(const Shape& shape) const;
  /// Dimensions start … end (inclusive) merged into one.
  Tensor flatten(int64_t start = 0, int64_t end = -1) const;
  /// Without dimensions of size 1: all of them, or those listed.
  Tensor squeeze() const;
  Tensor squeeze(int64_t dim) const;
  /// With a dimension of size 1 at that place.
  Tensor unsqueeze(int64_t dim) const;
  Tensor transpose(int64_t dim0, int64_t dim1) const;
  /// A matrix with its dimensions swapped.
  Tensor t() const;
  Tensor permute(const Dims& order) const;
  Tensor movedim(int64_t source, int64_t destination) const;
  /// Dimensions of size 1 stretched without copying; −1 keeps a size; new dimensions may be put in front.
  Tensor expand(const Shape& shape) const;
  /// Elements start, start + step, … before end of a dimension; negative bounds count from the end, and
  /// bounds are clipped.
  Tensor slice(int64_t dim, int64_t start, int64_t end = INT64_MAX, int64_t step = 1) const;
  /// One index of a dimension, which disappears.
  Tensor select(int64_t dim, int64_t index) const;
  Tensor operator[](int64_t index) const { return select(0, index); }
  /// `length` elements of a dimension from `start` on.
  Tensor narrow(int64_t dim, int64_t start, int64_t length) const;
  /// At most `chunks` pieces of equal size (the last may be smaller).
  std::vector<Tensor> chunk(int64_t chunks, int64_t dim = 0) const;
  /// Pieces of `size` (the last may be smaller), or of the sizes listed.
  std::vector<Tensor> split(int64_t size, int64_t dim = 0) const;
  std::vector<Tensor> split(const std::vector<int64_t>& sizes, int64_t dim = 0) const;

  // ---- copies (ops/view.cpp) -------------------------------------------------------------------------------------------
  /// Itself when row-major, else a row-major copy.
  Tensor contiguous() const;
  /// A copy of its own, in the same layout when dense.
  Tensor clone() const;
  /// Converted elements; itself when the dtype is the same. Floats to integers truncate; anything to bool is ≠ 0.
  Tensor to(Dtype dtype) const;

  // ---- in place (ops/in_place.cpp) -------------------------------------------------------------------------------------
  // throws  GraphError when a graph is being recorded for this tensor: wrap parameter updates in NoGrad
  Tensor& fill_(double value);
  Tensor& zero_() { return fill_(0); }
  Tensor& copy_(const Tensor& source);
  Tensor& add_(const Tensor& other, double alpha = 1);
  Tensor& add_(double value);
  Tensor& mul_(const Tensor& other);
  Tensor& mul_(double value);
  Tensor& operator+=(const Tensor& other) { return add_(other); }
  Tensor& operator-=(const Tensor& other) { return add_(other, -1); }
  Tensor& operator*=(const Tensor& other) { return mul_(other); }
  Tensor& operator/=(const Tensor& other);
  Tensor& operator+=(double value) { return add_(value); }
  Tensor& operator-=(double value) { return add_(-value); }
  Tensor& operator*=(double value) { return mul_(value); }
  Tensor& operator/=(double value);

  // ---- for the floors above ----------------------------------------------------------------------------------------------
  const Ref<Body>& body() const { return body_; }
  /// throws  GraphError when a graph is being recorded for this tensor (defined in graph/)
  void check_in_place(const char* operation) const;
  void bump_version() const { body_->storage->changed(); }

 private:
  const Body& get() const {
    if (!body_) [[unlikely]]
      fail_undefined();
    return *body_;
  }
  [[noreturn]] static void fail_undefined();
  void* checked_data(Dtype wanted) const;

  Ref<Body> body_;
};

/// "(64, 784) f32"
std::string describe(const Tensor& t);
inline std::string describe(const Given<Tensor>& g) { return std::string(g.name) + " " + describe(g.value); }

/// A fresh tensor with undefined elements.
///   throws  ShapeError for a negative size
Tensor empty(const Shape& shape, Dtype dtype = f32);
/// A fresh tensor with the shape of x, and its order of dimensions in memory when x is dense.
Tensor empty_like(const Tensor& x);
Tensor empty_like(const Tensor& x, Dtype dtype);
/// Other sizes and strides (in elements) over the storage of x, without history: views are recorded from this.
Tensor as_strided(const Tensor& x, const Shape& shape, const Strides& strides, int64_t offset);

}  // namespace cairn
