# The component live: xgrad::live, the headers of live/. Nothing else of the library knows HTTP.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(XGRAD_HTTP REQUIRED IMPORTED_TARGET cpp-httplib)

if(NOT EXISTS ${XGRAD_INCLUDE}/xgrad/live)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/live ${XGRAD_INCLUDE}/xgrad/live SYMBOLIC)
endif()
file(GLOB sources CONFIGURE_DEPENDS live/*.cpp)
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} live/*.hpp)
list(TRANSFORM headers PREPEND ${XGRAD_INCLUDE}/xgrad/)

add_library(xgrad_live ${sources})
add_library(xgrad::live ALIAS xgrad_live)
target_sources(xgrad_live PUBLIC FILE_SET HEADERS BASE_DIRS ${XGRAD_INCLUDE} FILES ${headers})
target_link_libraries(xgrad_live PUBLIC xgrad PRIVATE PkgConfig::XGRAD_HTTP Threads::Threads
                                                      $<BUILD_INTERFACE:xgrad_warnings>)
set_target_properties(xgrad_live PROPERTIES EXPORT_NAME live VERSION ${PROJECT_VERSION}
                                            SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
