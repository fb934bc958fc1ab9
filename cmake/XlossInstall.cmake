# Installs the headers and what tells other builds about them: a CMake package, so that find_package(xloss)
# gives xloss::xloss and xloss::optimize, and xloss.pc for pkg-config.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_directory "${CMAKE_INSTALL_DATADIR}/cmake/xloss")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    FILES_MATCHING PATTERN "*.hpp")
install(TARGETS xloss EXPORT xloss INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT xloss NAMESPACE xloss:: FILE xloss-targets.cmake DESTINATION "${package_directory}")

configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/xloss-config.cmake.in" "${PROJECT_BINARY_DIR}/xloss-config.cmake"
    INSTALL_DESTINATION "${package_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/xloss-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    "${PROJECT_BINARY_DIR}/xloss-config.cmake" "${PROJECT_BINARY_DIR}/xloss-config-version.cmake"
    "${PROJECT_SOURCE_DIR}/cmake/XlossOptimize.cmake"
    DESTINATION "${package_directory}")

# The file finds the headers from its own place, so that the prefix may be chosen, or moved, after the build.
set(pc_directory "${CMAKE_INSTALL_DATADIR}/pkgconfig")
file(RELATIVE_PATH XLOSS_PC_PREFIX "/prefix/${pc_directory}" "/prefix")
string(REGEX REPLACE "/$" "" XLOSS_PC_PREFIX "${XLOSS_PC_PREFIX}")
set(XLOSS_PC_REQUIRES "xtl, xtensor >= 0.24, xsimd >= 8.1")
set(XLOSS_PC_DEFINITIONS "")
if(XLOSS_DISABLE_SIMD)
    set(XLOSS_PC_REQUIRES "xtl, xtensor >= 0.24")
    set(XLOSS_PC_DEFINITIONS " -DXLOSS_DISABLE_SIMD")
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/xloss.pc.in" "${PROJECT_BINARY_DIR}/xloss.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/xloss.pc" DESTINATION "${pc_directory}")
