#pragma once

// Calls that must be refused, each under its own text. A new option or check is one line here and,
// after a look at the message, two in golden.txt.

#include <functional>
#include <string>
#include <vector>

namespace bad_calls {

struct Call {
  std::string code;
  std::function<void()> run;
};

std::vector<Call> common();
std::vector<Call> operations();
std::vector<Call> losses();
std::vector<Call> modules();
std::vector<Call> optimizers();
std::vector<Call> schedules();

}  // namespace bad_calls

#define XGRAD_BAD(...)                                   \
  {                                                      \
#__VA_ARGS__, [] { static_cast<void>(__VA_ARGS__); } \
  }
