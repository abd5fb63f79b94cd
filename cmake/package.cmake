# Packages of the installation: `cpack -G DEB` (libxgrad-dev) or `cpack -G TGZ` in the build folder; `cpack --config
# CPackSourceConfig.cmake` makes the archive of the source.
set(CPACK_PACKAGE_NAME xgrad)
set(CPACK_PACKAGE_VENDOR "the xgrad authors")
set(CPACK_PACKAGE_CONTACT "the xgrad authors <xgrad@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ${BUILD_SHARED_LIBS})

set(CPACK_DEBIAN_PACKAGE_NAME libxgrad-dev)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
# The headers need xtensor's and xsimd's; a static library is linked with what it is built on.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libxtensor-dev, libxsimd-dev")
if(XGRAD_IS_STATIC)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libopenblas-openmp-dev | libopenblas-dev, zlib1g-dev")
  if(XGRAD_HAVE_PNG)
    string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libpng-dev")
  endif()
endif()
# What programs and a shared library need is read off them.
find_program(XGRAD_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(XGRAD_SHLIBDEPS)
if(XGRAD_SHLIBDEPS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()

set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME xgrad-${PROJECT_VERSION})
set(CPACK_SOURCE_IGNORE_FILES /build/ "/\\\\.git/" "/\\\\.cache/")
include(CPack)
