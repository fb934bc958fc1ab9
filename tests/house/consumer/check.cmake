# A separate project gets xloss in one WAY (find_package, add_subdirectory, FetchContent, pkg_config), is built
# and run.
#
# WAY, BUILD and XLOSS_SOURCE (of xloss), SOURCE (the project's), WORK (a folder of its own), GENERATOR, COMPILER,
# PKG_CONFIG

function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        string(JOIN " " command ${ARGN})
        message(FATAL_ERROR "failed: ${command}")
    endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
if(WAY MATCHES "^(find_package|pkg_config)$")
    run("${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/prefix")
endif()

if(WAY STREQUAL "pkg_config")
    set(ENV{PKG_CONFIG_PATH} "${WORK}/prefix/share/pkgconfig:$ENV{PKG_CONFIG_PATH}")
    execute_process(COMMAND "${PKG_CONFIG}" --cflags --libs xloss
        OUTPUT_VARIABLE flags RESULT_VARIABLE result OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(NOT result EQUAL 0)
        message(FATAL_ERROR "pkg-config does not know xloss")
    endif()
    string(FIND "${flags}" "/include" found)
    if(found EQUAL -1)
        message(FATAL_ERROR "pkg-config names no include folder: ${flags}")
    endif()
    separate_arguments(flags UNIX_COMMAND "${flags}")
    run("${COMPILER}" -std=c++20 "${SOURCE}/consumer.cpp" ${flags} -o "${WORK}/consumer")
    run("${WORK}/consumer")
    return()
endif()

run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G "${GENERATOR}" "-DWAY=${WAY}"
    "-DXLOSS_SOURCE=${XLOSS_SOURCE}" "-DCMAKE_PREFIX_PATH=${WORK}/prefix" "-DCMAKE_CXX_COMPILER=${COMPILER}"
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON)
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/consumer")

# xloss::optimize did what it promises, where the compiler can.
file(STRINGS "${WORK}/build/CMakeCache.txt" can REGEX "^XLOSS_HAS_MARCH_NATIVE:.*=1$")
if(can AND EXISTS "${WORK}/build/compile_commands.json")
    file(STRINGS "${WORK}/build/compile_commands.json" told REGEX " -O3 -march=native ")
    if(NOT told)
        message(FATAL_ERROR "xloss::optimize gave no -O3 -march=native")
    endif()
endif()
