// The entry of every test executable: Boost.Test's runner, compiled once. Test files
// include <boost/test/unit_test.hpp>.

#define BOOST_TEST_MODULE xgrad
#include <boost/test/included/unit_test.hpp>
