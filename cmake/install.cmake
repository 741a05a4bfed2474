# What `cmake --install` puts down, and the same package for programs that point cairn_DIR at this build folder.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/cairn)

install(TARGETS cairn EXPORT cairnTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(component IN ITEMS image npz onnx text)
  if(TARGET cairn-${component})
    install(TARGETS cairn-${component} EXPORT cairn-${component}-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT cairn-${component}-targets NAMESPACE cairn:: DESTINATION ${package_dir})
    export(EXPORT cairn-${component}-targets NAMESPACE cairn:: FILE ${PROJECT_BINARY_DIR}/cairn-${component}-targets.cmake)
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/cairn DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(EXPORT cairnTargets NAMESPACE cairn:: DESTINATION ${package_dir})
export(EXPORT cairnTargets NAMESPACE cairn:: FILE ${PROJECT_BINARY_DIR}/cairnTargets.cmake)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/cairnConfig.cmake.in ${PROJECT_BINARY_DIR}/cairnConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cairnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/cairnConfig.cmake ${PROJECT_BINARY_DIR}/cairnConfigVersion.cmake
        DESTINATION ${package_dir})

# A static library leaves its own libraries to whoever links it, so all of them stand in Libs. Paths are relative to the
# .pc file: `cmake --install --prefix` may choose another prefix than the one configured.
list(JOIN CAIRN_PUBLIC_FLAGS " " CAIRN_PC_FLAGS)
string(REPLACE "LINKER:" "-Wl," CAIRN_PC_LINK_FLAGS "${CAIRN_LINK_FLAGS}")
file(RELATIVE_PATH CAIRN_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
file(RELATIVE_PATH CAIRN_PC_LIBDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_LIBDIR})
file(RELATIVE_PATH CAIRN_PC_INCLUDEDIR ${CMAKE_INSTALL_PREFIX} ${CMAKE_INSTALL_FULL_INCLUDEDIR})
configure_file(${PROJECT_SOURCE_DIR}/cmake/cairn.pc.in ${PROJECT_BINARY_DIR}/cairn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cairn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
