# cmake -DSOURCE=... -DVERSION=... -P versions.cmake
#
# Whatever names the version of the library names the one of CMakeLists.txt; the changelog has a section about it.
string(REPLACE "." "\\." version ${VERSION})
string(REGEX REPLACE "\\.[0-9]+$" "" minor ${VERSION})
string(REPLACE "." "\\." minor ${minor})
foreach(place
    "CITATION.cff|\nversion: ${version}\n"
    "CHANGELOG.md|\n## \\[${version}\\] - 20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]\n"
    "packaging/vcpkg/xgrad/vcpkg.json|\"version\": \"${version}\""
    "packaging/conda/meta.yaml|\n  version: \"${version}\"\n"
    "packaging/conan/conanfile.py|\n    version = \"${version}\"\n"
    "docs/getting_started.md|find_package\\(xgrad ${minor} REQUIRED"
    "tests/packaging/find_package/CMakeLists.txt|find_package\\(xgrad ${minor} REQUIRED"
    "tests/packaging/with_others/CMakeLists.txt|find_package\\(xgrad ${minor} REQUIRED")
  string(REGEX MATCH "^([^|]*)[|](.*)" _ "${place}")
  file(READ ${SOURCE}/${CMAKE_MATCH_1} text)
  if(NOT text MATCHES "${CMAKE_MATCH_2}")
    message(SEND_ERROR "${CMAKE_MATCH_1} does not say version ${VERSION}")
  endif()
endforeach()
