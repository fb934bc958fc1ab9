# Finds xtensor (with xtl) and xsimd on this machine, or downloads them where they are missing.
#
# find_package gets no version on purpose: xsimd's version file accepts only its own major version, and
# xloss works with every one from 8.1 on. So the versions are compared here.

include(FetchContent)
find_package(Threads REQUIRED)

# The releases that are downloaded; xtl and xtensor belong together.
set(XLOSS_XTL_TAG 0.8.2)
set(XLOSS_XTENSOR_TAG 0.27.1)
set(XLOSS_XSIMD_TAG 14.3.0)

option(XLOSS_FETCH_DEPENDENCIES "Download xtensor, xsimd and Catch2 where they are not installed" ON)

# xloss_download(<name> <repository> <tag>): makes the targets of a repository available. Its headers count
# as system headers, so that its warnings stay out of ours.
function(xloss_download name repository tag)
    if(NOT XLOSS_FETCH_DEPENDENCIES)
        message(FATAL_ERROR "xloss needs ${name}, which was not found. Install it, name its place in "
                            "CMAKE_PREFIX_PATH, or set XLOSS_FETCH_DEPENDENCIES=ON to download it.")
    endif()
    message(STATUS "xloss: ${name} was not found, downloading ${tag} from ${repository}")
    FetchContent_Declare(${name} GIT_REPOSITORY "${repository}" GIT_TAG "${tag}" GIT_SHALLOW ON)
    FetchContent_MakeAvailable(${name})
    if(TARGET ${name})
        get_target_property(include_directories ${name} INTERFACE_INCLUDE_DIRECTORIES)
        set_target_properties(${name} PROPERTIES
            INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${include_directories}")
    endif()
endfunction()

# xloss_check_version(<name> <lowest>): stops at a package that is too old.
function(xloss_check_version name lowest)
    if(DEFINED ${name}_VERSION AND ${name}_VERSION VERSION_LESS lowest)
        message(FATAL_ERROR "xloss needs ${name} ${lowest} or newer; ${${name}_VERSION} was found.")
    endif()
endfunction()

# A project around this one may have brought its own targets; then nothing is looked for.
if(NOT TARGET xtensor)
    find_package(xtensor QUIET)
    if(NOT TARGET xtensor)
        xloss_download(xtl https://github.com/xtensor-stack/xtl.git ${XLOSS_XTL_TAG})
        xloss_download(xtensor https://github.com/xtensor-stack/xtensor.git ${XLOSS_XTENSOR_TAG})
    else()
        xloss_check_version(xtensor 0.24)
    endif()
endif()

if(NOT XLOSS_DISABLE_SIMD AND NOT TARGET xsimd)
    find_package(xsimd QUIET)
    if(NOT TARGET xsimd)
        xloss_download(xsimd https://github.com/xtensor-stack/xsimd.git ${XLOSS_XSIMD_TAG})
    else()
        xloss_check_version(xsimd 8.1)
    endif()
endif()
