# Installation: the library, its headers as xgrad/<folder>/<file>.hpp, a CMake package (xgrad::xgrad) and a pkg-config
# file. All of it may be moved afterwards.
include(CMakePackageConfigHelpers)

install(TARGETS xgrad EXPORT xgrad-targets FILE_SET HEADERS FILE_SET headers_alone)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/xgrad)
get_target_property(type xgrad TYPE)
string(COMPARE EQUAL "${type}" "STATIC_LIBRARY" XGRAD_IS_STATIC)
install(EXPORT xgrad-targets NAMESPACE xgrad:: DESTINATION ${package})
xgrad_install_components(${package})
configure_package_config_file(cmake/xgrad-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/xgrad-config.cmake
                              INSTALL_DESTINATION ${package} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/xgrad-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xgrad-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/xgrad-config-version.cmake
        DESTINATION ${package})

set(XGRAD_PC_REQUIRES "xtensor xsimd")
set(XGRAD_PC_LIBS "")
if(XGRAD_IS_STATIC)
  string(APPEND XGRAD_PC_REQUIRES " openblas zlib")
  if(XGRAD_HAVE_PNG)
    string(APPEND XGRAD_PC_REQUIRES " libpng")
  endif()
  string(APPEND XGRAD_PC_LIBS " ${OpenMP_CXX_FLAGS}")
endif()
set(XGRAD_PC_FLAGS "")
get_target_property(definitions xgrad INTERFACE_COMPILE_DEFINITIONS)
if(definitions)
  list(TRANSFORM definitions PREPEND " -D")
  list(JOIN definitions "" XGRAD_PC_FLAGS)
endif()
file(RELATIVE_PATH XGRAD_PC_PREFIX /usr/${CMAKE_INSTALL_LIBDIR}/pkgconfig /usr)
string(REGEX REPLACE "/$" "" XGRAD_PC_PREFIX ${XGRAD_PC_PREFIX})
configure_file(cmake/xgrad.pc.in ${CMAKE_CURRENT_BINARY_DIR}/xgrad.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/xgrad.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

file(GLOB licences_of_scripts CONFIGURE_DEPENDS report/assets/*.LICENSE)  # that the library has inside
install(FILES LICENSE ${licences_of_scripts} DESTINATION ${CMAKE_INSTALL_DOCDIR})
