#include "xgrad/kernels/lapack.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "xgrad/base/errors.hpp"
#include "xgrad/kernels/one_blas_thread.hpp"
#include "xgrad/kernels/scratch.hpp"

// xtensor-blas' typed LAPACK, under a name of our own: what is inline in a user's program, with or
// without its assertions, is another function. `info` is read here, not asserted.
#define cxxlapack xgrad_cxxlapack
#ifndef NDEBUG
#define NDEBUG
#endif
#define ASSERT(condition) static_cast<void>(0)
#include <xflens/cxxlapack/interface/gecon.tcc>
#include <xflens/cxxlapack/interface/geqrf.tcc>
#include <xflens/cxxlapack/interface/gesdd.tcc>
#include <xflens/cxxlapack/interface/gesvd.tcc>
#include <xflens/cxxlapack/interface/getrf.tcc>
#include <xflens/cxxlapack/interface/getri.tcc>
#include <xflens/cxxlapack/interface/getrs.tcc>
#include <xflens/cxxlapack/interface/lauum.tcc>
#include <xflens/cxxlapack/interface/orgqr.tcc>
#include <xflens/cxxlapack/interface/ormqr.tcc>
#include <xflens/cxxlapack/interface/potrf.tcc>
#include <xflens/cxxlapack/interface/potri.tcc>
#include <xflens/cxxlapack/interface/syevd.tcc>
#include <xflens/cxxlapack/interface/trtri.tcc>
#include <xflens/cxxlapack/interface/trtrs.tcc>

namespace xgrad::kernels::lapack {
namespace {

namespace typed = ::xgrad_cxxlapack;

int size(std::size_t n) {
  xgrad::detail::require(n <= static_cast<std::size_t>(std::numeric_limits<int>::max()), "LAPACK",
                         "size ", n, " is larger than it can count");
  return static_cast<int>(n);
}

// LAPACK wants a leading dimension of at least 1.
int leading(std::size_t n) { return size(std::max<std::size_t>(n, 1)); }

template <class E>
char letter(E e) {
  return static_cast<char>(e);
}

Outcome outcome(const char* routine, int info) {
  xgrad::detail::require<std::logic_error>(info >= 0, routine, "LAPACK refuses argument ", -info);
  return {static_cast<std::size_t>(info)};
}

// `call(work, size)` once to ask how much room it wants and once with it.
template <class T, class Call>
int with_room(const Call& call) {
  T wanted = 0;
  if (const int info = call(&wanted, -1); info != 0) return info;
  // A float may be rounded down, and of an empty matrix some ask for nothing and want more.
  wanted = std::max(std::nextafter(wanted, std::numeric_limits<T>::max()), T(1));
  Scratch<T> room(static_cast<std::size_t>(wanted) + 1);
  return call(room.data(), static_cast<int>(wanted));
}

}  // namespace

template <class T>
Outcome potrf(Triangle triangle, std::size_t n, T* a) {
  const OneBlasThread guard;
  return outcome("potrf", typed::potrf(letter(triangle), size(n), a, leading(n)));
}

template <class T>
Outcome potri(Triangle triangle, std::size_t n, T* a) {
  const OneBlasThread guard;
  return outcome("potri", typed::potri(letter(triangle), size(n), a, leading(n)));
}

template <class T>
Outcome trtri(Triangle triangle, Diagonal diagonal, std::size_t n, T* a) {
  const OneBlasThread guard;
  return outcome("trtri", typed::trtri(letter(triangle), letter(diagonal), size(n), a, leading(n)));
}

template <class T>
Outcome lauum(Triangle triangle, std::size_t n, T* a) {
  const OneBlasThread guard;
  return outcome("lauum", typed::lauum(letter(triangle), size(n), a, leading(n)));
}

template <class T>
Outcome trtrs(Triangle triangle, Transposed transposed, Diagonal diagonal, std::size_t n,
              std::size_t columns, const T* a, T* b) {
  const OneBlasThread guard;
  return outcome("trtrs", typed::trtrs(letter(triangle), letter(transposed), letter(diagonal),
                                       size(n), size(columns), a, leading(n), b, leading(n)));
}

template <class T>
Outcome getrf(std::size_t m, std::size_t n, T* a, int* pivots) {
  const OneBlasThread guard;
  return outcome("getrf", typed::getrf(size(m), size(n), a, leading(m), pivots));
}

template <class T>
Outcome getrs(Transposed transposed, std::size_t n, std::size_t columns, const T* a,
              const int* pivots, T* b) {
  const OneBlasThread guard;
  return outcome("getrs", typed::getrs(letter(transposed), size(n), size(columns), a, leading(n),
                                       pivots, b, leading(n)));
}

template <class T>
Outcome getri(std::size_t n, T* a, const int* pivots) {
  const OneBlasThread guard;
  return outcome("getri", with_room<T>([&](T* work, int room) {
                   return typed::getri(size(n), a, leading(n), pivots, work, room);
                 }));
}

template <class T>
Outcome gecon(std::size_t n, const T* a, T norm, T* reciprocal) {
  const OneBlasThread guard;
  Scratch<T> work(4 * n + 1);
  Scratch<int> whole(n + 1);
  return outcome("gecon", typed::gecon('1', size(n), a, leading(n), norm, *reciprocal, work.data(),
                                       whole.data()));
}

template <class T>
Outcome geqrf(std::size_t m, std::size_t n, T* a, T* tau) {
  const OneBlasThread guard;
  return outcome("geqrf", with_room<T>([&](T* work, int room) {
                   return typed::geqrf(size(m), size(n), a, leading(m), tau, work, room);
                 }));
}

template <class T>
Outcome orgqr(std::size_t m, std::size_t columns, std::size_t reflectors, T* a, const T* tau) {
  const OneBlasThread guard;
  return outcome("orgqr", with_room<T>([&](T* work, int room) {
                   return typed::orgqr(size(m), size(columns), size(reflectors), a, leading(m), tau,
                                       work, room);
                 }));
}

template <class T>
Outcome ormqr(Side side, Transposed transposed, std::size_t m, std::size_t n,
              std::size_t reflectors, const T* a, const T* tau, T* c) {
  const OneBlasThread guard;
  T* const reflectors_of = const_cast<T*>(a);  // changed and restored by LAPACK
  return outcome("ormqr", with_room<T>([&](T* work, int room) {
                   return typed::ormqr(letter(side), letter(transposed), size(m), size(n),
                                       size(reflectors), reflectors_of,
                                       leading(side == Side::left ? m : n), tau, c, leading(m),
                                       work, room);
                 }));
}

template <class T>
Outcome syevd(Vectors vectors, Triangle triangle, std::size_t n, T* a, T* w) {
  const OneBlasThread guard;
  const char job = vectors == Vectors::none ? 'N' : 'V';
  int wanted = 0;
  T nothing = 0;
  if (const int info =
          typed::syevd(job, letter(triangle), size(n), a, leading(n), w, &nothing, -1, &wanted, -1);
      info != 0)
    return outcome("syevd", info);
  Scratch<int> whole(static_cast<std::size_t>(wanted));
  return outcome("syevd", with_room<T>([&](T* work, int room) {
                   return typed::syevd(job, letter(triangle), size(n), a, leading(n), w, work, room,
                                       whole.data(), room < 0 ? -1 : wanted);
                 }));
}

namespace {

// Leading dimensions of u and vt.
struct Leading {
  int u, vt;
};

Leading leading_of(Vectors vectors, std::size_t m, std::size_t n) {
  if (vectors == Vectors::none) return {1, 1};
  return {leading(m), leading(vectors == Vectors::all ? n : std::min(m, n))};
}

}  // namespace

template <class T>
Outcome gesdd(Vectors vectors, std::size_t m, std::size_t n, T* a, T* s, T* u, T* vt) {
  const OneBlasThread guard;
  const Leading ld = leading_of(vectors, m, n);
  Scratch<int> whole(8 * std::min(m, n) + 1);
  return outcome("gesdd", with_room<T>([&](T* work, int room) {
                   return typed::gesdd(letter(vectors), size(m), size(n), a, leading(m), s, u, ld.u,
                                       vt, ld.vt, work, room, whole.data());
                 }));
}

template <class T>
Outcome gesvd(Vectors vectors, std::size_t m, std::size_t n, T* a, T* s, T* u, T* vt) {
  const OneBlasThread guard;
  const Leading ld = leading_of(vectors, m, n);
  return outcome("gesvd", with_room<T>([&](T* work, int room) {
                   return typed::gesvd(letter(vectors), letter(vectors), size(m), size(n), a,
                                       leading(m), s, u, ld.u, vt, ld.vt, work, room);
                 }));
}

#define XGRAD_INSTANTIATE(T)                                                                      \
  template Outcome potrf(Triangle, std::size_t, T*);                                              \
  template Outcome potri(Triangle, std::size_t, T*);                                              \
  template Outcome trtri(Triangle, Diagonal, std::size_t, T*);                                    \
  template Outcome lauum(Triangle, std::size_t, T*);                                              \
  template Outcome trtrs(Triangle, Transposed, Diagonal, std::size_t, std::size_t, const T*, T*); \
  template Outcome getrf(std::size_t, std::size_t, T*, int*);                                     \
  template Outcome getrs(Transposed, std::size_t, std::size_t, const T*, const int*, T*);         \
  template Outcome getri(std::size_t, T*, const int*);                                            \
  template Outcome gecon(std::size_t, const T*, T, T*);                                           \
  template Outcome geqrf(std::size_t, std::size_t, T*, T*);                                       \
  template Outcome orgqr(std::size_t, std::size_t, std::size_t, T*, const T*);                    \
  template Outcome ormqr(Side, Transposed, std::size_t, std::size_t, std::size_t, const T*,       \
                         const T*, T*);                                                           \
  template Outcome syevd(Vectors, Triangle, std::size_t, T*, T*);                                 \
  template Outcome gesdd(Vectors, std::size_t, std::size_t, T*, T*, T*, T*);                      \
  template Outcome gesvd(Vectors, std::size_t, std::size_t, T*, T*, T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels::lapack
