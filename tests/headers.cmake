# Every header compiles on its own. A header with a source of the same stem is proven by that source, which includes it
# first (the floors test sees to it); the others are compiled here, one generated source each.
file(GLOB_RECURSE headers RELATIVE ${PROJECT_SOURCE_DIR} CONFIGURE_DEPENDS
     ${PROJECT_SOURCE_DIR}/include/cairn/*.h ${PROJECT_SOURCE_DIR}/src/*.h)
set(sources "")
foreach(header IN LISTS headers)
  string(REGEX REPLACE "^(include/cairn|src)/(.*)\\.h$" "\\2" stem ${header})
  string(REGEX REPLACE "^(include|src)/" "" name ${header})
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/src/${stem}.cpp)
    string(MAKE_C_IDENTIFIER ${stem} id)
    set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${id}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${name}\"\n")
    list(APPEND sources ${source})
  endif()
endforeach()
if(sources AND NOT CMAKE_CXX_FLAGS MATCHES "sanitize") # that would compile the same once more, and run nothing
  add_library(cairn-headers OBJECT ${sources})
  target_include_directories(cairn-headers PRIVATE ${PROJECT_SOURCE_DIR}/src)
  target_link_libraries(cairn-headers PRIVATE cairn GTest::gtest)
  target_compile_options(cairn-headers PRIVATE ${CAIRN_WARNING_FLAGS} -O0)
endif()
