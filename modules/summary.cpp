#include "xgrad/modules/summary.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "xgrad/autograd/grad_mode.hpp"
#include "xgrad/base/text.hpp"
#include "xgrad/kernels/random.hpp"

namespace xgrad {
namespace {

std::string grouped(std::size_t n) {
  std::string digits = detail::text(n);
  for (std::size_t i = digits.size(); i > 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string bytes(std::size_t n) {
  if (n < 1024) return detail::text(n) + " B";
  const char* units[] = {"KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  double amount = static_cast<double>(n) / 1024;
  for (; amount >= 1000 && unit + 1 < std::size(units); ++unit) amount /= 1024;
  return detail::fixed(amount, 1) + " " + units[unit];
}

// One run of the model with a hook on every module, which keeps the outputs.
template <class T>
class Run {
 public:
  explicit Run(Module<T>& net) : net_(net) {
    net.apply([&](const std::string&, Module<T>& m) {
      modes_.push_back(m.is_training());
      hooks_.push_back(
          m.register_forward_hook([this](Module<T>& module, const Tensor<T>&, const Tensor<T>& y) {
            keep(module, y);
            return Tensor<T>();
          }));
    });
    net.eval();
  }
  ~Run() {
    std::size_t i = 0;
    net_.apply([&](const std::string&, Module<T>& m) {
      m.train(modes_[i]);
      m.remove_hook(hooks_[i++]);
    });
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  struct Output {
    Tensor<T> last;
    std::size_t numbers = 0;  // that no module called before has put out
  };
  Output output(const Module<T>& m) const {
    const auto it = outputs_.find(&m);
    return it != outputs_.end() ? it->second : Output{};
  }

 private:
  void keep(const Module<T>& m, const Tensor<T>& y) {
    Output& output = outputs_[&m];
    output.last = y;
    if (seen_.insert(y.data()).second) output.numbers += y.size();
    kept_.push_back(y);  // so that no other output gets its memory
  }

  Module<T>& net_;
  std::vector<bool> modes_;
  std::vector<std::size_t> hooks_;
  std::unordered_map<const Module<T>*, Output> outputs_;
  std::unordered_set<const void*> seen_;
  std::vector<Tensor<T>> kept_;
};

struct Row {
  std::string layer, output, parameters, memory;
};

// Counts tensors once.
template <class T>
class Counter {
 public:
  std::size_t numbers(const Tensor<T>& t) { return seen_.insert(t.data()).second ? t.size() : 0; }

 private:
  std::unordered_set<const void*> seen_;
};

template <class T>
class Table {
 public:
  Table(const Module<T>& net, const Run<T>& run) {
    rows_.push_back({"layer", "output", "parameters", "memory"});
    net.apply([&](const std::string& path, const Module<T>& m) { add(path, m, run); });
    rows_.push_back({"total", "", grouped(learned_ + frozen_), bytes(bytes_)});
  }

  std::string text() const {
    std::size_t layer = 0, output = 0, parameters = 0, memory = 0;
    for (const Row& r : rows_) {
      layer = std::max(layer, r.layer.size());
      output = std::max(output, r.output.size());
      parameters = std::max(parameters, r.parameters.size());
      memory = std::max(memory, r.memory.size());
    }
    std::string s;
    for (const Row& r : rows_) {
      s += left(r.layer, layer) + "   " + left(r.output, output) + "   " +
           right(r.parameters, parameters) + "   " + right(r.memory, memory) + "\n";
    }
    return s + grouped(learned_) + " learned, " + grouped(frozen_) + " frozen\n";
  }

 private:
  void add(const std::string& path, const Module<T>& m, const Run<T>& run) {
    const auto depth = path.empty() ? 0 : 1 + std::count(path.begin(), path.end(), '.');
    std::string name(2 * static_cast<std::size_t>(depth), ' ');
    name += path.empty() ? m.type_name() : m.name() + " (" + m.type_name() + ")";
    const auto [y, outputs] = run.output(m);
    std::size_t own = 0;
    for (const NamedTensor<T>& p : m.own_parameters()) {
      const std::size_t n = counted_.numbers(p.tensor);
      own += n;
      (p.tensor.requires_grad() ? learned_ : frozen_) += n;
    }
    std::size_t memory = own + outputs;
    for (const NamedTensor<T>& b : m.own_buffers()) memory += counted_.numbers(b.tensor);
    bytes_ += memory * sizeof(T);
    rows_.push_back({name, y.defined() ? to_string(y.shape()) : "not called",
                     own != 0 ? grouped(own) : "-", bytes(memory * sizeof(T))});
  }

  static std::string left(const std::string& s, std::size_t width) {
    return s + std::string(width - s.size(), ' ');
  }
  static std::string right(const std::string& s, std::size_t width) {
    return std::string(width - s.size(), ' ') + s;
  }

  std::vector<Row> rows_;
  Counter<T> counted_;
  std::size_t learned_ = 0, frozen_ = 0, bytes_ = 0;
};

}  // namespace

template <class T>
std::string summary(Module<T>& net, const std::function<void()>& run) {
  const NoGrad guard;
  Generator scratch;
  const GeneratorScope scope(scratch);
  const Run<T> hooked(net);
  run();
  return Table<T>(net, hooked).text();
}

template <class T>
std::string summary(Module<T>& net, const Tensor<T>& example) {
  return summary(net, std::function<void()>([&] { net(example); }));
}

template <class T>
std::string summary(Module<T>& net, const Shape& example) {
  return summary(net, Tensor<T>::filled(example, T(0)));
}

#define XGRAD_INSTANTIATE(T)                                              \
  template std::string summary(Module<T>&, const std::function<void()>&); \
  template std::string summary(Module<T>&, const Tensor<T>&);             \
  template std::string summary(Module<T>&, const Shape&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad
