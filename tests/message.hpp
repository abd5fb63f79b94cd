#pragma once

// What the tests share about exceptions.

#include <boost/test/unit_test.hpp>
#include <exception>
#include <string>
#include <typeinfo>

namespace xgrad::test {

/// The text of the E that f throws; of another exception with "another type: " before it.
template <class E, class F>
std::string message_of(const F& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("another type: ") + e.what();
  }
  return "nothing was thrown";
}

/// f() throws exactly this type with exactly this message.
template <class E, class F>
void check_failure(const F& f, const std::string& message) {
  const auto exactly = [&] {
    try {
      f();
    } catch (const E& e) {
      if (typeid(e) == typeid(E)) throw;
      throw std::runtime_error(e.what());
    }
  };
  BOOST_TEST(message_of<E>(exactly) == message);
}

}  // namespace xgrad::test
