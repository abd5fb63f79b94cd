#include "xgrad/ops/subscripts.hpp"

#include <algorithm>

#include "xgrad/base/errors.hpp"

namespace xgrad::detail {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The letters of one operand, those that stand before and behind "...".
struct Term {
  std::string before, behind;
  bool ellipsis = false;

  std::string written() const { return ellipsis ? before + "..." + behind : before; }
  std::size_t letters() const { return before.size() + behind.size(); }
};

struct Context {
  std::string_view text;
  std::span<const Shape> shapes;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    std::vector<std::string> all(shapes.size());
    std::transform(shapes.begin(), shapes.end(), all.begin(),
                   [](const Shape& s) { return to_string(s); });
    fail("einsum", parts..., ": ", quote(text), ", operands ", join(all));
  }
};

Term parse_term(std::string_view term, const Context& in) {
  Term r;
  for (std::size_t i = 0; i < term.size(); ++i) {
    const char c = term[i];
    if (c == ' ') continue;
    if (is_letter(c)) {
      (r.ellipsis ? r.behind : r.before) += c;
    } else if (term.substr(i, 3) == "..." && !r.ellipsis) {
      r.ellipsis = true;
      i += 2;
    } else {
      in.refuse(quote(term.substr(i, 1)), " is neither a letter nor one \"...\"");
    }
  }
  return r;
}

std::vector<std::string_view> split_at_commas(std::string_view text) {
  std::vector<std::string_view> r;
  for (std::size_t comma; (comma = text.find(',')) != text.npos; text.remove_prefix(comma + 1))
    r.push_back(text.substr(0, comma));
  r.push_back(text);
  return r;
}

// "..." as the letters of `count` axes.
std::string ellipsis_letters(std::size_t count) {
  std::string r;
  while (count-- > 0) r += static_cast<char>('0' + count);
  return r;
}

std::string spelled(char letter) {
  return is_letter(letter) ? quote(std::string_view(&letter, 1)) : "an axis of \"...\"";
}

std::string letters_of(const Term& term, std::size_t operand, const Context& in) {
  const std::size_t rank = in.shapes[operand].rank();
  if (term.ellipsis ? rank < term.letters() : rank != term.letters()) {
    in.refuse("operand ", operand, " has ", rank, " axes, ", quote(term.written()), " is of ",
              term.ellipsis ? "at least " : "", term.letters());
  }
  return term.before + ellipsis_letters(rank - term.letters()) + term.behind;
}

// Sizes that are equal or 1; within one operand equal.
void merge_sizes(Subscripts& s, std::size_t operand, const Context& in) {
  const std::string& letters = s.operands[operand];
  const Shape& shape = in.shapes[operand];
  for (std::size_t i = 0; i < letters.size(); ++i) {
    std::size_t& size = s.sizes[static_cast<unsigned char>(letters[i])];
    const std::size_t first = letters.find(letters[i]);
    if (shape[first] != shape[i]) {
      in.refuse(spelled(letters[i]), " is both ", shape[first], " and ", shape[i], " in operand ",
                operand);
    }
    if (size != 1 && shape[i] != 1 && shape[i] != size) {
      in.refuse(spelled(letters[i]), " is ", shape[i], " in operand ", operand, " and ", size,
                " before");
    }
    if (shape[i] != 1) size = shape[i];
  }
}

std::size_t occurrences(const Subscripts& s, char letter) {
  std::size_t n = 0;
  for (const std::string& o : s.operands)
    n += static_cast<std::size_t>(std::count(o.begin(), o.end(), letter));
  return n;
}

std::size_t ellipsis_rank(const Subscripts& s) {
  std::size_t n = 0;
  while (n < Shape::kMaxRank && occurrences(s, static_cast<char>('0' + n)) != 0) ++n;
  return n;
}

// "..." and the letters that occur once, in alphabetical order.
std::string implicit_result(const Subscripts& s) {
  std::string r = ellipsis_letters(ellipsis_rank(s));
  for (char c = 'A'; c <= 'z'; ++c) {
    if (is_letter(c) && occurrences(s, c) == 1) r += c;
  }
  return r;
}

std::string explicit_result(const Term& term, const Subscripts& s, const Context& in) {
  const std::string all = term.before + term.behind;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (occurrences(s, all[i]) == 0) in.refuse(spelled(all[i]), " of the result is in no operand");
    if (all.find(all[i]) != i) in.refuse(spelled(all[i]), " is in the result twice");
  }
  return term.ellipsis ? term.before + ellipsis_letters(ellipsis_rank(s)) + term.behind
                       : term.before;
}

}  // namespace

Subscripts parse_subscripts(std::string_view text, std::span<const Shape> shapes) {
  const Context in = {text, shapes};
  const std::size_t arrow = text.find("->");
  const std::vector<std::string_view> terms = split_at_commas(text.substr(0, arrow));
  if (terms.size() != shapes.size())
    in.refuse(terms.size(), " terms for ", shapes.size(), " operands");
  Subscripts s;
  s.sizes.fill(1);
  for (std::size_t i = 0; i < terms.size(); ++i) {
    s.operands.push_back(letters_of(parse_term(terms[i], in), i, in));
    merge_sizes(s, i, in);
  }
  s.result = arrow == text.npos ? implicit_result(s)
                                : explicit_result(parse_term(text.substr(arrow + 2), in), s, in);
  if (s.result.size() > Shape::kMaxRank)
    in.refuse("the result has ", s.result.size(), " axes, more than ", Shape::kMaxRank);
  return s;
}

}  // namespace xgrad::detail
