# Three ranks of which one leaves (WAY: it throws, calls exit(0), or is killed) while the others wait for it: all of them
# end, within seconds, with a status that is not 0.
execute_process(COMMAND ${LAUNCH} 3 ${PROGRAM} ${WAY} TIMEOUT 120 RESULT_VARIABLE status OUTPUT_VARIABLE text
                ERROR_VARIABLE text)
if(NOT status MATCHES "^[0-9]+$" OR status EQUAL 0)
  message(FATAL_ERROR "the status is ${status}\n${text}")
endif()
if(NOT text MATCHES "all ranks began")
  message(FATAL_ERROR "nothing ran\n${text}")
endif()
set(throw "rank 1 of 3: leaver: of its own will")
set(exit "a rank ended before the others were done")
if(DEFINED ${WAY} AND NOT text MATCHES "${${WAY}}")
  message(FATAL_ERROR "the message is not there\n${text}")
endif()
