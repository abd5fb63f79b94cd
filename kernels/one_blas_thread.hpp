#pragma once

// OpenBLAS on the thread that calls it, and on no other: its own threads would show in the bits.

namespace xgrad::kernels {

/// While one exists, calls of OpenBLAS from this thread stay on it. Of two flavours, that with
/// threads of its own is told once; that with OpenMP's uses as many as OpenMP gives the caller.
class OneBlasThread {
 public:
  OneBlasThread();
  ~OneBlasThread();
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int before_;
};

}  // namespace xgrad::kernels
