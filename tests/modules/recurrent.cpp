// Rnn, Gru and Lstm, and their cells.

#include "xgrad/modules/recurrent.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "tests/modules/helpers.hpp"
#include "tests/modules/references.hpp"
#include "xgrad/modules/recurrent_cells.hpp"
#include "xgrad/modules/sequential.hpp"
#include "xgrad/ops/arithmetic.hpp"
#include "xgrad/ops/reductions.hpp"
#include "xgrad/ops/shape.hpp"
#include "xgrad/ops/slicing.hpp"
#include "xgrad/serialization/name_map.hpp"

namespace {

using namespace xgrad;
using namespace xgrad::test;

using D = Tensor<double>;
using Inputs = std::vector<D>;
using Lengths = std::vector<std::size_t>;

void check_same(const D& ours, const std::vector<double>& theirs, double tolerance) {
  BOOST_TEST_REQUIRE(theirs.size() == ours.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    BOOST_TEST(std::abs(ours.data()[i] - theirs[i]) <= tolerance * (1 + std::abs(theirs[i])),
               i << ": " << ours.data()[i] << ", expected " << theirs[i]);
  }
}

D flat(const D& t) { return reshape(t, Shape{t.size()}); }
D flat(const RecurrentOutput<double>& y) { return concat({flat(y.h), flat(y.last)}, 0); }
D flat(const LstmState<double>& s) { return concat({flat(s.h), flat(s.c)}, 0); }
D flat(const LstmOutput<double>& y) { return concat({flat(y.h), flat(y.last)}, 0); }

// Numbers for the parameters, under PyTorch's names.
template <class M>
NamedTensors<double> foreign_state(const M& net) {
  NamedTensors<double> state;
  for (const auto& p : net.parameters()) state.push_back({p.name, p.tensor});
  std::sort(state.begin(), state.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < state.size(); ++i)
    state[i].tensor = 0.4 * wave(state[i].tensor.shape(), static_cast<int>(1 + i));
  return state;
}

// What tests/references/recurrent_modules.py got from such a network.
template <class M, class Call>
void check_reference(const std::string& name, M net, const std::vector<Shape>& shapes,
                     const Call& call) {
  const auto check = [&](const Shape&, const Quantities& q) {
    net.load_state_dict(foreign_state(net));
    Inputs x;
    for (const int k : {0, 20, 21}) {
      if (x.size() == shapes.size()) break;
      const D numbers = wave(shapes[x.size()], k);
      x.push_back((k == 0 ? numbers : 0.5 * numbers).detach().requires_grad_());
    }
    const D y = call(net, x);
    sum(y * wave(y.shape(), 100)).backward();
    check_same(y, q.at("y"), 1e-13);
    for (std::size_t i = 0; i < x.size(); ++i) {
      BOOST_TEST_CONTEXT("input " << i)
      check_same(x[i].gradient(), q.at("gx" + std::to_string(i)), 1e-12);
    }
    for (const auto& p : net.parameters()) {
      BOOST_TEST_CONTEXT(p.name) check_same(p.tensor.gradient(), q.at("g " + p.name), 1e-12);
    }
    BOOST_TEST(q.size() == 1 + x.size() + net.parameters().size());
  };
  for_each_reference(name, 1, check, "recurrent_modules.txt");
}

const Shape kX = {4, 3, 2}, kState = {4, 3, 2};
const RecurrentOptions kBoth = {.num_layers = 2, .bidirectional = true};

}  // namespace

BOOST_AUTO_TEST_SUITE(recurrent_modules)

BOOST_AUTO_TEST_CASE(layers_give_what_pytorch_gives) {
  using Net = Rnn<double>;
  check_reference("rnn",
                  Net(2, 2, {.num_layers = 2, .nonlinearity = Nonlinearity::relu, .bias = false}),
                  {kX}, [](Net& net, const Inputs& x) { return flat(net(x[0], {})); });
  check_reference("gru", Gru<double>(2, 2, kBoth), {kX},
                  [](Gru<double>& net, const Inputs& x) { return flat(net(x[0], {})); });
  check_reference("lstm", Lstm<double>(2, 2), {kX},
                  [](Lstm<double>& net, const Inputs& x) { return flat(net(x[0], {})); });
  check_reference("lstm one", Lstm<double>(2, 2, kBoth), {{4, 2}, {4, 2}, {4, 2}},
                  [](Lstm<double>& net, const Inputs& x) {
                    return flat(net(x[0], {.state = {x[1], x[2]}}));
                  });
}

BOOST_AUTO_TEST_CASE(lengths_give_what_pytorchs_packed_sequences_give) {
  using Net = Rnn<double>;
  check_reference("rnn lengths", Net(2, 2, {.num_layers = 2, .bidirectional = true}), {kX, kState},
                  [](Net& net, const Inputs& x) {
                    return flat(net(x[0], {.state = x[1], .lengths = {2, 4, 1}}));
                  });
  RecurrentOptions batch_first = kBoth;
  batch_first.batch_first = true;
  check_reference("gru lengths", Gru<double>(2, 2, batch_first), {{3, 4, 2}, kState},
                  [](Gru<double>& net, const Inputs& x) {
                    return flat(net(x[0], {.state = x[1], .lengths = {3, 1, 2}}));
                  });
  check_reference("lstm lengths", Lstm<double>(2, 2, kBoth), {kX, kState, kState},
                  [](Lstm<double>& net, const Inputs& x) {
                    return flat(net(x[0], {.state = {x[1], x[2]}, .lengths = {2, 4, 1}}));
                  });
}

BOOST_AUTO_TEST_CASE(cells_give_what_pytorch_gives) {
  const Shape x = {3, 2}, h = {3, 3};
  check_reference("rnn cell", RnnCell<double>(2, 3, {.nonlinearity = Nonlinearity::relu}), {x, h},
                  [](RnnCell<double>& net, const Inputs& in) { return flat(net(in[0], in[1])); });
  check_reference("gru cell", GruCell<double>(2, 3), {x, h},
                  [](GruCell<double>& net, const Inputs& in) { return flat(net(in[0], in[1])); });
  check_reference("gru cell one", GruCell<double>(2, 3, {.bias = false}), {{2}},
                  [](GruCell<double>& net, const Inputs& in) { return net(in[0]); });
  check_reference("lstm cell", LstmCell<double>(2, 3), {x, h, h},
                  [](LstmCell<double>& net, const Inputs& in) {
                    return flat(net(in[0], {in[1], in[2]}));
                  });
}

BOOST_AUTO_TEST_CASE(a_state_dictionary_of_pytorch_loads_by_name) {
  Lstm<double> net(3, 2, kBoth);
  const std::vector<std::string> expected = {
      "weight_ih_l0",         "weight_hh_l0",         "bias_ih_l0",         "bias_hh_l0",
      "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse",
      "weight_ih_l1",         "weight_hh_l1",         "bias_ih_l1",         "bias_hh_l1",
      "weight_ih_l1_reverse", "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse"};
  BOOST_TEST(names(net.parameters()) == expected, boost::test_tools::per_element());
  BOOST_TEST(to_string(net.at("weight_ih_l0").shape()) == "(8, 3)");
  BOOST_TEST(to_string(net.at("weight_ih_l1_reverse").shape()) == "(8, 4)");
  BOOST_TEST(net.weights(1, true).weight_hh.data() == net.at("weight_hh_l1_reverse").data());
  NamedTensors<double> theirs;  // of a larger model
  for (const auto& p : foreign_state(net)) theirs.push_back({"encoder.rnn." + p.name, p.tensor});
  const NameMap map{{"encoder.rnn.*", "*"}};
  net.load_state_dict(map.apply(theirs));
  for (const auto& p : foreign_state(net))
    BOOST_TEST(numbers(net.at(p.name)) == numbers(p.tensor), boost::test_tools::per_element());
  theirs.push_back({"encoder.rnn.weight_hr_l0", wave({1, 2}, 0)});
  BOOST_TEST(message_of<std::invalid_argument>([&] {
               net.load_state_dict(map.apply(theirs));
             }).find("weight_hr_l0") != std::string::npos);
}

// Layers of both directions, as if each sequence were alone, to the bit.
template <class Net>
void check_lengths(Net net) {
  net.eval();
  const std::size_t n = 5, steps = 6;
  const Lengths lengths = {3, 6, 1, 5, 2};
  const D x = standard_normal({steps, n, 3});
  const auto together = net(x, {.lengths = lengths});
  for (std::size_t i = 0; i < n; ++i) {
    const auto at = static_cast<std::ptrdiff_t>(i), end = static_cast<std::ptrdiff_t>(lengths[i]);
    const auto mine = [&](const D& t) { return slice(slice(t, 0, 0, end), 1, at, at + 1); };
    const auto one = net(mine(x), {});
    BOOST_TEST(numbers(mine(together.h)) == numbers(one.h), boost::test_tools::per_element());
    if constexpr (std::is_same_v<Net, Lstm<double>>) {
      BOOST_TEST(numbers(slice(together.last.c, 1, at, at + 1)) == numbers(one.last.c),
                 boost::test_tools::per_element());
    } else {
      BOOST_TEST(numbers(slice(together.last, 1, at, at + 1)) == numbers(one.last),
                 boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(sequences_of_different_lengths_are_each_alone) {
  check_lengths(Gru<double>(3, 7, kBoth));
  check_lengths(Lstm<double>(3, 7, kBoth));
  check_lengths(Rnn<double>(3, 7, {.num_layers = 2, .bidirectional = true}));
}

BOOST_AUTO_TEST_CASE(a_sequence_goes_on_from_its_state) {
  Gru<double> gru(3, 4, {.num_layers = 2});
  Lstm<double> lstm(3, 4, {.num_layers = 2});
  const D x = standard_normal({6, 2, 3}), first = slice(x, 0, 0, 2), second = slice(x, 0, 2, 6);
  const auto whole = gru(x, {});
  check_same(gru(second, {.state = gru(first, {}).last}).last, numbers(whole.last), 0);
  check_same(gru(x), numbers(whole.h), 0);
  const auto both = lstm(x, {}), rest = lstm(second, {.state = lstm(first, {}).last});
  check_same(flat(rest.last), numbers(flat(both.last)), 0);
}

BOOST_AUTO_TEST_CASE(axes_of_a_batch) {
  Gru<double> net(3, 4, kBoth);
  RecurrentOptions options = kBoth;
  options.batch_first = true;
  Gru<double> turned(3, 4, options);
  turned.load_state_dict(net.state_dict());
  const D x = standard_normal({5, 2, 3}), y = net(x);
  check_same(transpose(turned(transpose(x, 0, 1)), 0, 1), numbers(y), 0);
  check_same(turned(transpose(x, 0, 1), {}).last, numbers(net(x, {}).last), 0);
  const D one = select(x, 1, 1);
  check_same(net(one), numbers(select(y, 1, 1)), 0);
  check_same(turned(one), numbers(select(y, 1, 1)), 0);
  check_same(net(one, {.lengths = {3}}).last, numbers(net(slice(one, 0, 0, 3), {}).last), 0);
}

BOOST_AUTO_TEST_CASE(dropout_is_between_layers_and_for_training) {
  const D x = standard_normal({5, 2, 3});
  Gru<double> one(3, 4, {.dropout = 0.9}), two(3, 4, {.num_layers = 2, .dropout = 0.5}),
      cut(3, 4, {.num_layers = 2, .dropout = 1});
  check_same(one(x), numbers(one(x)), 0);
  BOOST_TEST(numbers(two(x)) != numbers(two(x)));
  check_same(cut(x), numbers(cut(2 * x)), 0);  // the second layer sees nothing
  for (Gru<double>* net : {&two, &cut}) net->eval();
  check_same(two(x), numbers(two(x)), 0);
  BOOST_TEST(numbers(cut(x)) != numbers(cut(2 * x)));
}

BOOST_AUTO_TEST_CASE(gradients) {
  const D x = standard_normal({3, 2, 2});
  Gru<double> gru(2, 2, kBoth);
  check_both_orders(gru, x);
  Lstm<double> lstm(2, 2, {.num_layers = 2, .bias = false, .batch_first = true});
  check_both_orders(lstm, x);
  Rnn<double> rnn(2, 2);
  check_both_orders(rnn, x);
}

BOOST_AUTO_TEST_CASE(initial_numbers) {
  Gru<double> net(300, 100, {.num_layers = 2});
  for (const auto& [name, p] : net.parameters()) {
    BOOST_TEST_CONTEXT(name) {
      const auto [mean, variance] = moments(p);
      BOOST_TEST(std::abs(mean) < 0.02);
      BOOST_TEST(variance == 0.01 / 3, boost::test_tools::tolerance(0.2));
      for (const double v : numbers(p)) BOOST_TEST(std::abs(v) <= 0.1);
    }
  }
}

BOOST_AUTO_TEST_CASE(hooks_see_the_outputs) {
  Lstm<double> net(2, 3);
  LstmCell<double> cell(2, 3);
  const D x = standard_normal({4, 2, 2});
  std::string seen;
  const auto hook = [&](auto&, const D& in, const D& out) {
    seen += to_string(in.shape()) + to_string(out.shape());
    return 2 * out;
  };
  const std::vector<double> before = numbers(net(x));
  net.register_forward_hook(hook);
  cell.register_forward_hook(hook);
  check_same(net(x, {}).h, numbers(2 * D::from({4, 2, 3}, before)), 0);
  cell(select(x, 0, 0), {});
  BOOST_TEST(seen == "(4, 2, 2)(4, 2, 3)(2, 2)(2, 3)");
}

BOOST_AUTO_TEST_CASE(layers_in_a_sequential) {
  Sequential<double> net{Gru<double>(3, 4), Lstm<double>(4, 2)};
  const D x = standard_normal({5, 2, 3});
  BOOST_TEST(to_string(net(x).shape()) == "(5, 2, 2)");
  BOOST_TEST(names(net.parameters())[0] == "0.weight_ih_l0");
}

BOOST_AUTO_TEST_SUITE_END()
