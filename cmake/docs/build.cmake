# Builds the reference with Doxygen. Fails at a public name without documentation, at any other warning, and at a
# header that the page of its room does not name:
#
#   cmake [-D output=<folder>] -P cmake/docs/build.cmake       build/docs in the repository unless told
#
# Doxygen's own WARN_AS_ERROR would also count the members through which every loss talks to the engine (its
# name, its modes, bind) and is called: they are explained once, on the page of the losses, not in every loss.
cmake_minimum_required(VERSION 3.22)

get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
if(NOT output)
    set(output "${root}/build/docs")
endif()
get_filename_component(output "${output}" ABSOLUTE)
set(log "${output}/warnings.log")

find_program(doxygen doxygen)
if(NOT doxygen)
    message(FATAL_ERROR "doxygen was not found (on Debian: apt-get install doxygen)")
endif()

file(STRINGS "${root}/include/xloss/config.hpp" version REGEX "#define XLOSS_VERSION_")
list(TRANSFORM version REPLACE "[^0-9]+([0-9]+).*" "\\1")
list(JOIN version "." version)

# The kernels inside a loss are its own business.
set(kernels "")
file(GLOB losses "${root}/include/xloss/losses/*.hpp" "${root}/include/xloss/sam/*.hpp"
     "${root}/include/xloss/detection/*.hpp")
foreach(header IN LISTS losses)
    file(STRINGS "${header}" structs REGEX "^struct [a-z_0-9]+ {")
    foreach(line IN LISTS structs)
        string(REGEX REPLACE "^struct ([a-z_0-9]+) {.*" "\\1" loss "${line}")
        string(APPEND kernels " xloss::${loss}::*")
    endforeach()
endforeach()

# A page that forgets a file of its room is out of date.
set(found "")
set(count 0)
foreach(room criterion sam detection training distance engine simd tensor testing interop)
    file(READ "${CMAKE_CURRENT_LIST_DIR}/${room}.md" page)
    file(GLOB headers RELATIVE "${root}/include/xloss/${room}" "${root}/include/xloss/${room}/*.hpp")
    foreach(header IN LISTS headers)
        string(FIND "${page}" "`${header}`" at)
        if(at EQUAL -1)
            string(APPEND found "cmake/docs/${room}.md does not name ${header}\n")
            math(EXPR count "${count} + 1")
        endif()
    endforeach()
endforeach()

file(MAKE_DIRECTORY "${output}")
file(REMOVE "${log}")
configure_file("${CMAKE_CURRENT_LIST_DIR}/Doxyfile.in" "${output}/Doxyfile" @ONLY)
execute_process(COMMAND "${doxygen}" "${output}/Doxyfile" RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "doxygen failed")
endif()

set(protocol "Member (name|modes|natural_mode|sees_predictions|shares_target|variants|surveys_targets|without_activation|sums|[a-z_]+_sums|at|at_probability|bind|bind_general|bound|operator\\(\\))[ (]"
             ".* of struct xloss::[a-z_0-9]+ is not documented")
string(CONCAT protocol ${protocol})
set(macros "Member XLOSS_[A-Z_]+ \\(macro definition\\) of file config.hpp is not documented")

if(EXISTS "${log}")
    file(STRINGS "${log}" warnings)
    foreach(line IN LISTS warnings)
        if(NOT line MATCHES "${protocol}" AND NOT line MATCHES "${macros}")
            string(APPEND found "${line}\n")
            math(EXPR count "${count} + 1")
        endif()
    endforeach()
endif()
if(count)
    message(NOTICE "${found}")
    message(FATAL_ERROR "${count} faults in the documentation")
endif()
message(STATUS "documentation without a warning: ${output}/html/index.html")
