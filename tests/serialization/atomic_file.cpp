#include "xgrad/serialization/atomic_file.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/serialization/files.hpp"

using namespace xgrad_test;
using xgrad::detail::AtomicFile;
using xgrad::detail::write_file;

namespace {

void write(const std::string& path, std::string_view text) {
  write_file("test", path, as_bytes(text));
}

mode_t permissions(const std::string& path) {
  struct stat status {};
  BOOST_REQUIRE_EQUAL(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777;
}

// Runs f in a process of its own and returns its exit status.
template <class F>
int in_child(const F& f) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(f());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(atomic_file)

BOOST_AUTO_TEST_CASE(writes_and_replaces) {
  const TemporaryDirectory d;
  write(d / "f", "one");
  write(d / "f", "two, longer");
  write(d / "f", "3");
  BOOST_TEST(slurp(d / "f") == "3");
  BOOST_TEST(d.files() == 1U);
}

BOOST_AUTO_TEST_CASE(without_commit_the_old_file_stays) {
  const TemporaryDirectory d;
  write(d / "f", "old");
  {
    AtomicFile file("test", d / "f");
    file.write("new");
    BOOST_TEST(d.files() == 2U);
    BOOST_TEST(slurp(d / "f") == "old");
  }
  BOOST_TEST(slurp(d / "f") == "old");
  BOOST_TEST(d.files() == 1U);
}

BOOST_AUTO_TEST_CASE(death_while_writing_leaves_the_old_file) {
  const TemporaryDirectory d;
  write(d / "f", "old");
  const int status = in_child([&] {
    AtomicFile file("test", d / "f");
    file.write("half of the n");
    ::_exit(7);
    return 0;
  });
  BOOST_TEST(status == 7);
  BOOST_TEST(slurp(d / "f") == "old");
  BOOST_TEST(d.files() == 2U);
  write(d / "f", "new");
  BOOST_TEST(slurp(d / "f") == "new");
  BOOST_TEST(d.files() == 1U);
}

BOOST_AUTO_TEST_CASE(only_what_dead_writers_of_this_file_left_is_removed) {
  const TemporaryDirectory d;
  const std::vector<std::string> others = {
      "f.tmp-",    "f.tmp-x",           "f.tmp-1-2.txt",     "fg.tmp-1-2",
      "g.tmp-1-2", "f.tmp-1-2.tmp-1-2", "f.previous.tmp-1-2"};
  for (const auto& name : others) spit(d / name, "");
  std::filesystem::create_directory(d / "f.tmp-3-4");
  std::filesystem::create_symlink(d / "g.tmp-1-2", d / "f.tmp-5-6");
  spit(d / "f.tmp-1-2", "");
  write(d / "f", "new");
  BOOST_TEST(!std::filesystem::exists(d / "f.tmp-1-2"));
  BOOST_TEST(d.files() == others.size() + 3);
}

BOOST_AUTO_TEST_CASE(a_writer_that_lives_keeps_its_file) {
  const TemporaryDirectory d;
  int begun[2], go_on[2];
  BOOST_REQUIRE_EQUAL(::pipe(begun) + ::pipe(go_on), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char signal = 'b';
    AtomicFile file("test", d / "f");
    file.write("the child's");
    const bool told = ::write(begun[1], &signal, 1) == 1 && ::read(go_on[0], &signal, 1) == 1;
    file.commit();
    ::_exit(told ? 0 : 1);
  }
  char signal = 0;
  BOOST_REQUIRE_EQUAL(::read(begun[0], &signal, 1), 1);
  write(d / "f", "the parent's");
  BOOST_TEST(d.files() == 2U);
  BOOST_REQUIRE_EQUAL(::write(go_on[1], &signal, 1), 1);
  int status = -1;
  ::waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(slurp(d / "f") == "the child's");
  BOOST_TEST(d.files() == 1U);
}

void write_and_keep(const std::string& path, std::string_view text) {
  AtomicFile file("test", path);
  file.write(text);
  file.commit(path + ".previous");
}

BOOST_AUTO_TEST_CASE(the_file_before_is_kept) {
  const TemporaryDirectory d;
  write_and_keep(d / "f", "1");
  BOOST_TEST(d.files() == 1U);
  write_and_keep(d / "f", "2");
  write_and_keep(d / "f", "3");
  BOOST_TEST(slurp(d / "f") == "3");
  BOOST_TEST(slurp(d / "f.previous") == "2");
  std::filesystem::remove(d / "f.previous");
  std::filesystem::create_hard_link(d / "f", d / "f.previous");  // killed in between
  write_and_keep(d / "f", "4");
  BOOST_TEST(slurp(d / "f.previous") == "3");
  BOOST_TEST(d.files() == 2U);
}

BOOST_AUTO_TEST_CASE(several_processes_write_one_file) {
  const TemporaryDirectory d;
  std::vector<pid_t> children;
  for (const char* text : {"first", "second", "third"}) {
    children.push_back(::fork());
    if (children.back() != 0) continue;
    try {
      for (int i = 0; i < 100; ++i) write_and_keep(d / "f", text);
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(0);
  }
  for (const pid_t child : children) {
    int status = -1;
    ::waitpid(child, &status, 0);
    BOOST_TEST(status == 0);
  }
  BOOST_TEST(d.files() == 2U);
  BOOST_TEST(slurp(d / "f").size() >= 5U);
}

BOOST_AUTO_TEST_CASE(no_room_leaves_the_old_file_and_nothing_else) {
  const TemporaryDirectory d;
  write(d / "f", "old");
  const std::string big(100000, 'x');
  const int status = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{5000, 5000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const std::string message = message_of([&] { write(d / "f", big); });
    return message == "test: " + d / "f" + ": cannot be written: File too large" ? 7 : 1;
  });
  BOOST_TEST(status == 7);
  BOOST_TEST(slurp(d / "f") == "old");
  BOOST_TEST(d.files() == 1U);
}

BOOST_AUTO_TEST_CASE(permissions_of_the_old_file_are_kept) {
  const TemporaryDirectory d;
  write(d / "f", "old");
  ::chmod((d / "f").c_str(), 0640);
  write(d / "f", "new");
  BOOST_TEST(permissions(d / "f") == mode_t{0640});
}

BOOST_AUTO_TEST_CASE(permissions_of_a_new_file_follow_the_mask) {
  const TemporaryDirectory d;
  const mode_t before = ::umask(027);
  write(d / "f", "new");
  ::umask(before);
  BOOST_TEST(permissions(d / "f") == mode_t{0640});
}

BOOST_AUTO_TEST_CASE(two_writers_of_one_file) {
  const TemporaryDirectory d;
  AtomicFile a("test", d / "f"), b("test", d / "f");
  a.write("a");
  b.write("b");
  b.commit();
  a.commit();
  BOOST_TEST(slurp(d / "f") == "a");
  BOOST_TEST(d.files() == 1U);
}

BOOST_AUTO_TEST_CASE(no_such_directory) {
  const TemporaryDirectory d;
  BOOST_TEST(message_of([&] { write(d / "x/f", ""); }) ==
             "test: " + d / "x/f" + ": cannot be created: No such file or directory");
}

BOOST_AUTO_TEST_CASE(what_is_no_file_is_not_replaced) {
  const TemporaryDirectory d;
  BOOST_TEST(message_of([&] { write(d.path(), ""); }) ==
             "test: " + d.path() + ": cannot be replaced: it is not a regular file");
  BOOST_TEST(message_of([&] { write("/dev/null", ""); }) ==
             "test: /dev/null: cannot be replaced: it is not a regular file");
}

BOOST_AUTO_TEST_CASE(relative_path) {
  const TemporaryDirectory d;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(d.path());
  write("f", "here");
  std::filesystem::current_path(before);
  BOOST_TEST(slurp(d / "f") == "here");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(read_file)

BOOST_AUTO_TEST_CASE(large_and_empty_files_come_back) {
  const TemporaryDirectory d;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{3000000}}) {
    const std::string content(size, 'q');
    spit(d / "f", content);
    const Bytes read = xgrad::detail::read_file("test", d / "f");
    BOOST_TEST(read.size() == size);
    BOOST_TEST((xgrad::detail::as_text(read) == content));
  }
}

BOOST_AUTO_TEST_CASE(pipes_are_read_to_their_end) {
  const TemporaryDirectory d;
  BOOST_REQUIRE_EQUAL(::mkfifo((d / "pipe").c_str(), 0600), 0);
  const std::string content(200000, 'p');
  const pid_t child = ::fork();
  if (child == 0) {
    spit(d / "pipe", content);
    ::_exit(0);
  }
  const Bytes read = xgrad::detail::read_file("test", d / "pipe");
  ::waitpid(child, nullptr, 0);
  BOOST_TEST((xgrad::detail::as_text(read) == content));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read) {
  const TemporaryDirectory d;
  const auto fault = [](const std::string& path) {
    return message_of([&] { xgrad::detail::read_file("test", path); });
  };
  BOOST_TEST(fault(d / "f") ==
             "test: " + d / "f" + ": cannot be opened: No such file or directory");
  BOOST_TEST(fault(d.path()) == "test: " + d.path() + ": is a directory");
  BOOST_TEST(fault("/dev/zero") == "test: /dev/zero: is neither a file nor a pipe");
}

BOOST_AUTO_TEST_SUITE_END()
