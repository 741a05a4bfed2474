# ThreadSanitizer does not see the barriers of an OpenMP runtime. Archer, a plug-in that LLVM's libomp loads, tells it of
# them; without it every parallel loop is reported as a race. It lies beside the libomp that the compiler links.
if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  message(FATAL_ERROR "-fsanitize=thread needs Clang: the OpenMP runtime of GCC reports races that are none")
endif()
file(REAL_PATH "${OpenMP_omp_LIBRARY}" libomp)
cmake_path(GET libomp PARENT_PATH libomp_dir)
find_file(CAIRN_ARCHER libarcher.so HINTS ${libomp_dir} REQUIRED)
set(test_environment "OMP_TOOL_LIBRARIES=${CAIRN_ARCHER}")
