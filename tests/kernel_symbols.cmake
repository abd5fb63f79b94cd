# cmake -DNM=nm -DMARKS="xsimd_avx2;(xgrad::Isa)1" -DOBJECTS=... -P kernel_symbols.cmake
#
# An inline function compiled for a wide instruction set must have it in its name: under a common name the linker keeps
# one of several copies, and the program dies on a processor without that instruction set.
set(broken "")
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} -C ${object} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "[0-9a-f]+ [WVu] [^\n]+" shared "${symbols}")
  foreach(symbol IN LISTS shared)
    set(marked FALSE)
    foreach(mark IN LISTS MARKS ITEMS "DW.ref.")
      string(FIND "${symbol}" "${mark}" position)
      if(NOT position EQUAL -1)
        set(marked TRUE)
      endif()
    endforeach()
    if(NOT marked)
      string(APPEND broken "\n${object}: ${symbol}")
    endif()
  endforeach()
endforeach()
if(broken)
  message(FATAL_ERROR "symbols that do not name their instruction set:${broken}")
endif()
