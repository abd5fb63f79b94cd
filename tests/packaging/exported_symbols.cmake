# cmake -DNM=nm -DPREFIX=... -P exported_symbols.cmake
#
# The shared library exports namespace xgrad and nothing of what it is built on.
file(GLOB_RECURSE library ${PREFIX}/*/libxgrad.so)
execute_process(COMMAND ${NM} -D --defined-only ${library} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[^\n]+" symbols "${symbols}")
list(LENGTH symbols count)
list(FILTER symbols EXCLUDE REGEX " _Z.*5xgrad")
if(count LESS 100)
  message(FATAL_ERROR "${library} exports ${count} symbols only")
endif()
if(symbols)
  list(JOIN symbols "\n" lines)
  message(FATAL_ERROR "${library} exports what is not xgrad's:\n${lines}")
endif()
