# cmake -DSOURCE=<folder> -P figures.cmake
#
# The figures of README.md are those of the pages that it names, and its pictures and links lead to files.
file(READ ${SOURCE}/README.md readme)
file(READ ${SOURCE}/docs/performance.md performance)
file(READ ${SOURCE}/docs/uci_regression.md regression)

# A row of README.md and the one of the page: xgrad by hand, and libtorch by xgrad, are the fourth and the sixth column.
string(REGEX MATCHALL "\\| `[a-z_]+ [^`]*` \\| [0-9.]+ \\| [0-9.]+ \\|" rows "${readme}")
list(LENGTH rows count)
if(count LESS 5)
  message(SEND_ERROR "README.md has ${count} rows of measured ratios: five are looked for")
endif()
foreach(row IN LISTS rows)
  string(REGEX MATCH "`([^`]*)` \\| ([0-9.]+) \\| ([0-9.]+)" _ "${row}")
  set(workload "${CMAKE_MATCH_1}")
  set(ratios "${CMAKE_MATCH_2} ${CMAKE_MATCH_3}")
  string(REGEX MATCH "\n\\| ${workload}( \\([^)]*\\))? \\|[^|]*\\|[^|]*\\|[^|]*\\| ([0-9.]+) \\|[^|]*\\| ([0-9.]+) \\|" _
         "${performance}")
  if(NOT ratios STREQUAL "${CMAKE_MATCH_2} ${CMAKE_MATCH_3}")
    message(SEND_ERROR "${workload}: README.md says ${ratios}, docs/performance.md ${CMAKE_MATCH_2} ${CMAKE_MATCH_3}")
  endif()
endforeach()

# Nanoseconds of an operation, to ten.
string(REGEX MATCH "about ([0-9]+) ns" _ "${readme}")
set(about ${CMAKE_MATCH_1})
string(REGEX MATCH "chain n=1000 size=1 \\(([0-9]+) ns" _ "${performance}")
math(EXPR measured "(${CMAKE_MATCH_1} + 5) / 10 * 10")
if(NOT about EQUAL measured)
  message(SEND_ERROR "README.md says about ${about} ns, docs/performance.md ${CMAKE_MATCH_1} ns")
endif()

# The mean of our errors over the published ones.
string(REGEX MATCHALL "\\*\\*[0-9]+\\.[0-9]+\\*\\* ± [0-9.]+ \\| [0-9]+\\.[0-9]+" errors "${regression}")
set(sum 0)
list(LENGTH errors sets)
foreach(pair IN LISTS errors)
  string(REGEX MATCH "\\*([0-9]+)\\.([0-9]+)\\*.*\\| ([0-9]+)\\.([0-9]+)" _ "${pair}")
  math(EXPR sum "${sum} + ${CMAKE_MATCH_1}${CMAKE_MATCH_2} * 100000 / ${CMAKE_MATCH_3}${CMAKE_MATCH_4}")
endforeach()
math(EXPR mean "(${sum} / ${sets} + 500) / 1000")
if(NOT readme MATCHES "six sets \\| 0\\.${mean} " OR NOT sets EQUAL 6)
  message(SEND_ERROR "README.md: the mean of ${sets} sets is 0.${mean} in docs/uci_regression.md")
endif()

string(REPLACE "](" "<to " links "${readme}")  # brackets have a meaning in lists
string(REGEX MATCHALL "<to [a-zA-Z0-9_/-]+\\.[a-z]+" links "${links}")
list(LENGTH links count)
if(count LESS 10)
  message(SEND_ERROR "README.md has ${count} links: more are looked for")
endif()
foreach(link IN LISTS links)
  string(REPLACE "<to " "" link "${link}")
  if(NOT EXISTS ${SOURCE}/${link})
    message(SEND_ERROR "README.md: there is no ${link}")
  endif()
endforeach()
