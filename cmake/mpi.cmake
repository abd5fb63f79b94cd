# The component mpi: xgrad::mpi, the headers of distributed/. Nothing else of the library knows MPI.
find_package(MPI REQUIRED COMPONENTS CXX)

if(NOT EXISTS ${XGRAD_INCLUDE}/xgrad/distributed)
  file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR}/distributed ${XGRAD_INCLUDE}/xgrad/distributed SYMBOLIC)
endif()
file(GLOB sources CONFIGURE_DEPENDS distributed/*.cpp)
file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} distributed/*.hpp)
list(TRANSFORM headers PREPEND ${XGRAD_INCLUDE}/xgrad/)

add_library(xgrad_mpi ${sources})
add_library(xgrad::mpi ALIAS xgrad_mpi)
target_sources(xgrad_mpi PUBLIC FILE_SET HEADERS BASE_DIRS ${XGRAD_INCLUDE} FILES ${headers})
target_link_libraries(xgrad_mpi PUBLIC xgrad MPI::MPI_CXX PRIVATE $<BUILD_INTERFACE:xgrad_warnings>)
# MPI's own C++ interface, removed from the standard, is in its headers still.
target_compile_definitions(xgrad_mpi PUBLIC OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
set_target_properties(xgrad_mpi PROPERTIES EXPORT_NAME mpi VERSION ${PROJECT_VERSION}
                                           SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
