# Runs an example and looks at its last line: a name and a number.
#   cmake -DPROGRAM=... "-DARGUMENTS=--epochs;1" -P run.cmake
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} RESULT_VARIABLE result OUTPUT_VARIABLE output)
message(STATUS "${output}")
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ended with ${result}")
endif()
if(NOT output MATCHES "(^|\n)[a-z][a-z0-9 -]* -?[0-9]+\\.?[0-9]*(e[-+]?[0-9]+)?\n$")
  message(FATAL_ERROR "${PROGRAM}: the last line is no `name value`")
endif()
