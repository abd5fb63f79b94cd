// The entry of every test executable. Test files include <boost/test/unit_test.hpp>.

#define BOOST_TEST_MODULE xgrad
#include <boost/test/unit_test.hpp>
