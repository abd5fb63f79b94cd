# The component mpi: xgrad::mpi, the headers of distributed/. Nothing else of the library knows MPI.
find_package(MPI REQUIRED COMPONENTS CXX)
set(XGRAD_MPI_TEST_RANKS "2;3" CACHE STRING "Numbers of ranks that the tests run on, separated by semicolons")
mark_as_advanced(XGRAD_MPI_TEST_RANKS)

xgrad_add_component(mpi distributed FIND "find_dependency(MPI COMPONENTS CXX)" LINK PUBLIC MPI::MPI_CXX)
# MPI's own C++ interface, removed from the standard, is in its headers still.
target_compile_definitions(xgrad_mpi PUBLIC OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)

# How tests start ranks: this, a number, a program. Open MPI wants to be asked before it runs as root, or more processes
# than there are cores; others don't know the words.
execute_process(COMMAND ${MPIEXEC_EXECUTABLE} --version OUTPUT_VARIABLE version ERROR_VARIABLE version)
set(XGRAD_MPI_LAUNCH ${MPIEXEC_EXECUTABLE})
if(version MATCHES "Open MPI|OpenRTE")
  list(APPEND XGRAD_MPI_LAUNCH --allow-run-as-root --oversubscribe)
endif()
list(APPEND XGRAD_MPI_LAUNCH ${MPIEXEC_NUMPROC_FLAG})
# Ranks that wait leave the core to the others; and not in all containers may a process read another one's memory.
set(XGRAD_MPI_ENVIRONMENT OMP_NUM_THREADS=1 OMPI_MCA_mpi_yield_when_idle=1
                          OMPI_MCA_btl_vader_single_copy_mechanism=none)
