# xgrad_add_component(<name> <folder> FIND <code> LINK <arguments of target_link_libraries>...)
#
# A library beside xgrad, which is off by default and which nothing else knows: the target xgrad_<name>, for users
# xgrad::<name>, of the sources and headers in <folder>. It is installed as the component <name> of the package; FIND is
# what the package does in a user's build, in the words of CMake, before the target is there.
function(xgrad_add_component name folder)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "FIND" "LINK")
  if(NOT EXISTS ${XGRAD_INCLUDE}/xgrad/${folder})
    file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${folder} ${XGRAD_INCLUDE}/xgrad/${folder} SYMBOLIC)
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folder}/*.hpp)
  list(TRANSFORM headers PREPEND ${XGRAD_INCLUDE}/xgrad/)

  add_library(xgrad_${name} ${sources})
  add_library(xgrad::${name} ALIAS xgrad_${name})
  target_sources(xgrad_${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${XGRAD_INCLUDE} FILES ${headers})
  target_link_libraries(xgrad_${name} PUBLIC xgrad PRIVATE $<BUILD_INTERFACE:xgrad_warnings>)
  target_link_libraries(xgrad_${name} ${arg_LINK})
  set_target_properties(xgrad_${name} PROPERTIES EXPORT_NAME ${name} VERSION ${PROJECT_VERSION}
                                                 SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})

  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY XGRAD_COMPONENTS ${name})
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND_STRING PROPERTY XGRAD_FIND_COMPONENTS
"if(\"${name}\" IN_LIST xgrad_FIND_COMPONENTS)
  ${arg_FIND}
  include(\${CMAKE_CURRENT_LIST_DIR}/xgrad-${name}-targets.cmake)
  set(xgrad_${name}_FOUND TRUE)
endif()
")
endfunction()

# Installs them; leaves what the package's file says of them in XGRAD_FIND_COMPONENTS.
macro(xgrad_install_components destination)
  get_property(components DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY XGRAD_COMPONENTS)
  get_property(XGRAD_FIND_COMPONENTS DIRECTORY ${PROJECT_SOURCE_DIR} PROPERTY XGRAD_FIND_COMPONENTS)
  foreach(name IN LISTS components)
    install(TARGETS xgrad_${name} EXPORT xgrad-${name}-targets FILE_SET HEADERS)
    install(EXPORT xgrad-${name}-targets NAMESPACE xgrad:: DESTINATION ${destination})
  endforeach()
endmacro()
