# Installs the headers and a package, so that find_package(xloss) gives the target xloss::xloss.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(package_directory "${CMAKE_INSTALL_DATADIR}/cmake/xloss")

install(DIRECTORY "${PROJECT_SOURCE_DIR}/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS xloss EXPORT xloss INCLUDES DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(EXPORT xloss NAMESPACE xloss:: FILE xloss-targets.cmake DESTINATION "${package_directory}")

configure_package_config_file(
    "${PROJECT_SOURCE_DIR}/cmake/xloss-config.cmake.in" "${PROJECT_BINARY_DIR}/xloss-config.cmake"
    INSTALL_DESTINATION "${package_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/xloss-config-version.cmake"
    COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES
    "${PROJECT_BINARY_DIR}/xloss-config.cmake" "${PROJECT_BINARY_DIR}/xloss-config-version.cmake"
    DESTINATION "${package_directory}")
