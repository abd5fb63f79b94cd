# Runs the PAGE of PROGRAM and compares what it prints with the file EXPECTED.
execute_process(COMMAND ${PROGRAM} ${PAGE} OUTPUT_VARIABLE printed RESULT_VARIABLE status ERROR_VARIABLE error)
file(READ ${EXPECTED} expected)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "${PAGE} ends with ${status}: ${error}")
endif()
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "the code of ${PAGE} prints\n${printed}\nthe page says\n${expected}")
endif()
