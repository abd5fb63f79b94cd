#pragma once

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>

namespace xgrad::test {

/// f() throws exactly this type with exactly this message.
template <class Error>
void check_failure(const std::function<void()>& f, const std::string& message) {
  try {
    f();
    BOOST_ERROR("nothing was thrown, expected: " << message);
  } catch (const std::exception& e) {
    BOOST_TEST((typeid(e) == typeid(Error)), "another type of exception: " << typeid(e).name());
    BOOST_TEST(e.what() == message);
  }
}

}  // namespace xgrad::test
