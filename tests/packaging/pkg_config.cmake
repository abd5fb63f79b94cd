# cmake -DPREFIX=... -DPKG_CONFIG=... -DCXX=... -DFLAGS=... -DOUTPUT=... -P pkg_config.cmake
#
# Compiles and runs the consumer with what pkg-config says, as in a Makefile.
file(GLOB found ${PREFIX}/lib*/pkgconfig ${PREFIX}/lib/*/pkgconfig)
set(ENV{PKG_CONFIG_PATH} ${found})
execute_process(COMMAND ${PKG_CONFIG} --cflags --libs xgrad OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE
                COMMAND_ERROR_IS_FATAL ANY)
separate_arguments(flags UNIX_COMMAND "${flags} ${FLAGS}")
execute_process(COMMAND ${CXX} -std=c++20 -I${CMAKE_CURRENT_LIST_DIR}/own ${CMAKE_CURRENT_LIST_DIR}/consumer.cpp ${flags} -o ${OUTPUT}
                COMMAND_ERROR_IS_FATAL ANY)
cmake_path(GET found PARENT_PATH libraries)
set(ENV{LD_LIBRARY_PATH} ${libraries})
execute_process(COMMAND ${OUTPUT} COMMAND_ERROR_IS_FATAL ANY)
