#include <utility>

#include "xgrad/compile/fused_code.hpp"
#include "xgrad/compile/fused_registers.hpp"
#include "xgrad/compile/fused_steps.hpp"
#include "xgrad/kernels/groups.hpp"
#include "xgrad/kernels/isa.hpp"

#ifdef XGRAD_XBYAK
#include <xbyak/xbyak.h>
#endif

namespace xgrad::detail {

#ifdef XGRAD_XBYAK

namespace {

constexpr std::size_t kGroupBytes = kernels::kGroupBytes;

// Writes the code of a program for registers of 32 or 64 bytes. A group takes some of them: a part is what of a value is
// in one. A group that is less than a register is there more than once.
//
//   rbx  the addresses of inputs and outputs      r13, r14  the byte where it is, and where it ends
//   rsp  the frame: kGroupBytes for each value that is kept there
template <class T>
class Assembler : public Xbyak::CodeGenerator {
 public:
  Assembler(const FusedProgram<T>& p, const FusedSteps<T>& s, bool wide)
      : Xbyak::CodeGenerator(4096, Xbyak::AutoGrow),
        p_(p),
        s_(s),
        wide_(wide),
        part_bytes_(wide ? 64 : 32),
        group_bytes_(p.group * sizeof(T)),
        parts_(static_cast<int>((group_bytes_ + part_bytes_ - 1) / part_bytes_)),
        registers_(wide ? 30 : 14),
        held_(
            s, parts_, registers_,
            [this](Value v, int part, int r) { move_to(in_frame(v, part), reg(r)); },
            [this](Value v, int part, int r) { fetch(reg(r), v, part); }) {
    write();
    readyRE();
  }

 private:
  using Kind = typename FusedStepValue<T>::Kind;
  using StepKind = typename FusedStep<T>::Kind;
  using Value = std::uint32_t;

  static constexpr bool kFloat = sizeof(T) == 4;
  static constexpr std::uint32_t kAligned = 0xffffffc0;  // to 64 bytes, its sign extended

  // --- Values and registers ---

  bool is(Value v, Kind kind) const { return s_.values[v].kind == kind; }
  bool is_one_number(Value v) const { return is(v, Kind::repeated) || is(v, Kind::constant); }
  // A group is less than a register, or less than what calls work on.
  bool is_short() const { return group_bytes_ < part_bytes_; }
  bool is_short_for_calls() const { return group_bytes_ < kGroupBytes; }

  Xbyak::Xmm reg(int number) const {
    return wide_ ? Xbyak::Xmm(Xbyak::Zmm(number)) : Xbyak::Xmm(Xbyak::Ymm(number));
  }
  // As the type that some instructions ask for; of 32 or 64 bytes as before.
  Xbyak::Ymm as_ymm(const Xbyak::Xmm& r) const {
    return wide_ ? Xbyak::Ymm(Xbyak::Zmm(r.getIdx())) : Xbyak::Ymm(r.getIdx());
  }
  Xbyak::Xmm scratch(int k) const { return reg(registers_ + k); }

  std::size_t offset(int part) const { return static_cast<std::size_t>(part) * part_bytes_; }
  // Where the address of an array is.
  Xbyak::Address address(std::size_t array) { return ptr[rbx + array * sizeof(void*)]; }
  Xbyak::Address in_frame(Value v, int part) { return ptr[rsp + (v * kGroupBytes + offset(part))]; }
  // The register rax gets the address of an array's first number.
  Xbyak::Address in_array(std::size_t array, int part) {
    mov(rax, address(array));
    return ptr[rax + r13 + offset(part)];
  }

  Xbyak::Xmm load(Value v, int part) { return reg(held_.load(v, part)); }
  void fetch(const Xbyak::Xmm& r, Value v, int part) {
    if (is_one_number(v)) return repeat(r, v);
    is(v, Kind::array) ? fetch_array(r, s_.values[v].input, part) : move_from(r, in_frame(v, part));
  }
  void fetch_array(const Xbyak::Xmm& r, std::size_t array, int part) {
    const Xbyak::Address from = in_array(array, part);
    if (!is_short()) return move_from(r, from);
    if (!wide_) return vbroadcastf128(as_ymm(r), from);
    const Xbyak::Zmm z(r.getIdx());
    group_bytes_ == 16 ? vbroadcastf32x4(z, from) : vbroadcastf64x4(z, from);
  }
  void store(std::size_t array, int part, const Xbyak::Xmm& r) {
    const Xbyak::Address to = in_array(array, part);
    if (!is_short()) return move_to(to, r);
    group_bytes_ == 16 ? move_to(to, Xbyak::Xmm(r.getIdx())) : move_to(to, Xbyak::Ymm(r.getIdx()));
  }
  void repeat(const Xbyak::Xmm& r, Value v) {
    if (is(v, Kind::repeated)) {
      mov(rax, address(s_.values[v].input));
    } else {
      mov(rax, reinterpret_cast<std::size_t>(&s_.values[v].number));
    }
    if constexpr (kFloat) {
      vbroadcastss(r, ptr[rax]);
    } else {
      vbroadcastsd(as_ymm(r), ptr[rax]);
    }
  }

  // --- Instructions ---

  void move_to(const Xbyak::Address& to, const Xbyak::Xmm& r) {
    kFloat ? vmovups(to, r) : vmovupd(to, r);
  }
  void move_from(const Xbyak::Xmm& r, const Xbyak::Address& from) {
    kFloat ? vmovups(r, from) : vmovupd(r, from);
  }

  // b as an operand: in memory when it is not read again.
  template <class F>
  void with_operand(Value b, int part, const F& f) {
    const bool once = !held_.holds(b, part) && !held_.is_read_later(b) && !is_one_number(b);
    if (!once || (is(b, Kind::array) && is_short())) return f(load(b, part));
    is(b, Kind::array) ? f(in_array(s_.values[b].input, part)) : f(in_frame(b, part));
  }

  void write_step(const FusedStep<T>& step, int part) {
    held_.unlock();
    const Xbyak::Xmm a = load(step.a, part);
    with_operand(step.b, part, [&](const auto& b) {
      for (const Value v : {step.a, step.b})
        if (!held_.is_read_later(v)) held_.release(v, part);
      write_operation(step.kind, reg(held_.assign(step.result, part)), a, b);
    });
  }

  void write_operation(StepKind kind, const Xbyak::Xmm& r, const Xbyak::Xmm& a,
                       const Xbyak::Operand& b) {
    switch (kind) {
      case StepKind::add:
        return kFloat ? vaddps(r, a, b) : vaddpd(r, a, b);
      case StepKind::subtract:
        return kFloat ? vsubps(r, a, b) : vsubpd(r, a, b);
      case StepKind::multiply:
        return kFloat ? vmulps(r, a, b) : vmulpd(r, a, b);
      case StepKind::divide:
        return kFloat ? vdivps(r, a, b) : vdivpd(r, a, b);
      case StepKind::flip:
        return kFloat ? vxorps(r, a, b) : vxorpd(r, a, b);
      case StepKind::clear:
        return write_clear(r, a, b);
      case StepKind::root:
        return kFloat ? vsqrtps(r, a) : vsqrtpd(r, a);
      case StepKind::keep:
        return write_keep(r, a, b);
      case StepKind::call:
        return;
    }
  }

  // b is the number -0, and in a register.
  void write_clear(const Xbyak::Xmm& r, const Xbyak::Xmm& a, const Xbyak::Operand& b) {
    const Xbyak::Xmm sign(static_cast<const Xbyak::Xmm&>(b));
    kFloat ? vandnps(r, sign, a) : vandnpd(r, sign, a);
  }

  void write_keep(const Xbyak::Xmm& r, const Xbyak::Xmm& a, const Xbyak::Operand& b) {
    constexpr int kNotLessEqual = 0x16;
    const Xbyak::Xmm zero = scratch(0);
    vxorps(zero, zero, zero);
    if (wide_) {
      kFloat ? vcmpps(k1, a, zero, kNotLessEqual) : vcmppd(k1, a, zero, kNotLessEqual);
      const Xbyak::Xmm masked = r | k1 | T_z;
      kFloat ? vmovups(masked, b) : vmovupd(masked, b);
    } else {
      kFloat ? vcmpps(scratch(1), a, zero, kNotLessEqual)
             : vcmppd(scratch(1), a, zero, kNotLessEqual);
      kFloat ? vandps(r, scratch(1), b) : vandpd(r, scratch(1), b);
    }
  }

  // --- Calls ---

  void write_call(const FusedStep<T>& step) {
    static const Xbyak::Reg64 kRegisters[] = {rsi, rdx, rcx, r8, r9};
    if (is_short_for_calls()) write_arguments(step);
    held_.empty();
    const Xbyak::Reg64* to = kRegisters;
    for (const Value v : step.arguments) address_of(*to++, v);
    for (const Value v : step.results) address_of(*to++, v);
    mov(rdi, reinterpret_cast<std::size_t>(step.functor));
    mov(rax, reinterpret_cast<std::size_t>(step.function));
    call(rax);
    for (const Value v : step.results) held_.set_in_frame(v);
  }

  // As whole groups in the frame.
  void write_arguments(const FusedStep<T>& step) {
    for (const Value v : step.arguments) {
      if (is_one_number(v)) continue;
      for (int part = 0; part < parts_; ++part) {
        held_.unlock();
        write_group_to_frame(v, part, parts_, load(v, part));
      }
    }
    held_.unlock();
  }
  // To every `step`th part of the whole group.
  void write_group_to_frame(Value v, int first, int step, const Xbyak::Xmm& r) {
    for (int part = first; offset(part) < kGroupBytes; part += step) move_to(in_frame(v, part), r);
  }

  void address_of(const Xbyak::Reg64& r, Value v) {
    if (!is(v, Kind::array) || is_short_for_calls()) return lea(r, in_frame(v, 0));
    mov(r, address(s_.values[v].input));
    add(r, r13);
  }

  // Numbers that are repeated are in the frame for the calls that are given them.
  void write_repeated() {
    for (const FusedStep<T>& step : s_.steps) {
      for (const Value v : step.arguments) {
        if (!is_one_number(v)) continue;
        repeat(scratch(0), v);
        write_group_to_frame(v, 0, 1, scratch(0));
      }
    }
  }

  // --- The whole ---

  void write() {
    Xbyak::Label loop, done;
    write_entry();
    write_repeated();
    L(loop);
    cmp(r13, r14);
    jae(done, T_NEAR);
    write_group(done);
    add(r13, static_cast<std::uint32_t>(group_bytes_));
    jmp(loop, T_NEAR);
    L(done);
    write_exit();
  }

  void write_entry() {
    push(rbp);
    mov(rbp, rsp);
    for (const Xbyak::Reg64& r : {rbx, r12, r13, r14}) push(r);
    sub(rsp, static_cast<std::uint32_t>(s_.values.size() * kGroupBytes));
    and_(rsp, kAligned);
    mov(rbx, rdi);
    mov(r13, rsi);
    mov(r14, rdx);
  }

  void write_exit() {
    mov(rax, r13);
    vzeroupper();
    lea(rsp, ptr[rbp - 4 * 8]);
    for (const Xbyak::Reg64& r : {r14, r13, r12, rbx}) pop(r);
    pop(rbp);
    ret();
  }

  void write_group(const Xbyak::Label& stop) {
    const std::size_t end = s_.steps.size();
    for (std::size_t i = 0; i < end; ++i) {
      const FusedStep<T>& step = s_.steps[i];
      held_.set_step(i);
      if (step.kind == StepKind::call) {
        write_call(step);
      } else {
        for (int part = 0; part < parts_; ++part) write_step(step, part);
      }
    }
    held_.set_step(end);
    write_check(stop);
    held_.set_step(end + 1);
    for (std::size_t o = 0; o < s_.outputs.size(); ++o) {
      for (int part = 0; part < parts_; ++part) {
        held_.unlock();
        store(p_.inputs() + o, part, load(s_.outputs[o], part));
      }
    }
  }

  // Stops where a checked output is not a number, before anything is stored.
  void write_check(const Xbyak::Label& stop) {
    bool any = false;
    for (std::size_t o = 0; o < s_.outputs.size(); ++o) {
      if (!s_.checked[o]) continue;
      for (int part = 0; part < parts_; ++part) {
        held_.unlock();
        write_unordered(load(s_.outputs[o], part), !any);
        any = true;
      }
    }
    if (!any) return;
    if (wide_) {
      kortestw(k1, k1);
    } else {
      vmovmskps(eax, as_ymm(scratch(0)));
      test(eax, eax);
    }
    jnz(stop, T_NEAR);
  }
  void write_unordered(const Xbyak::Xmm& r, bool first) {
    constexpr int kUnordered = 3;
    if (wide_) {
      const Xbyak::Opmask& to = first ? k1 : k2;
      kFloat ? vcmpps(to, r, r, kUnordered) : vcmppd(to, r, r, kUnordered);
      if (!first) korw(k1, k1, k2);
    } else {
      const Xbyak::Xmm to = scratch(first ? 0 : 1);
      kFloat ? vcmpps(to, r, r, kUnordered) : vcmppd(to, r, r, kUnordered);
      if (!first) vorps(scratch(0), scratch(0), scratch(1));
    }
  }

  const FusedProgram<T>& p_;
  const FusedSteps<T>& s_;
  const bool wide_;
  const std::size_t part_bytes_, group_bytes_;
  const int parts_;
  const int registers_;
  FusedRegisters<T> held_;
};

/// What code and its constants live in.
template <class T>
struct CodeMemory {
  FusedSteps<T> steps;
  Assembler<T> assembler;
  CodeMemory(const FusedProgram<T>& p, FusedSteps<T>&& s, bool wide)
      : steps(std::move(s)), assembler(p, steps, wide) {}
};

constexpr std::size_t kMostSteps = 1000;

}  // namespace

template <class T>
std::unique_ptr<FusedCode<T>> FusedCode<T>::make(const FusedProgram<T>& program, FusedWay way) {
  if (isa() == Isa::baseline || program.outputs.empty()) return nullptr;
  FusedSteps<T> steps = make_steps(program);
  if (steps.values.empty() || steps.steps.size() > kMostSteps) return nullptr;
  try {
    const bool wide = way == FusedWay::code && isa() == Isa::avx512;
    const auto memory = std::make_shared<CodeMemory<T>>(program, std::move(steps), wide);
    std::unique_ptr<FusedCode> code(new FusedCode);
    code->entry_ = memory->assembler.template getCode<Entry>();
    code->memory_ = memory;
    return code;
  } catch (const Xbyak::Error&) {  // no memory that may be executed
    return nullptr;
  }
}

#else

template <class T>
std::unique_ptr<FusedCode<T>> FusedCode<T>::make(const FusedProgram<T>&, FusedWay) {
  return nullptr;
}

#endif

template std::unique_ptr<FusedCode<float>> FusedCode<float>::make(const FusedProgram<float>&,
                                                                  FusedWay);
template std::unique_ptr<FusedCode<double>> FusedCode<double>::make(const FusedProgram<double>&,
                                                                    FusedWay);

}  // namespace xgrad::detail
