# Each header is guarded by XLOSS_<PATH>_HPP. A guard copied from another header would make this one vanish
# wherever both are included. And no header but config.hpp defines another macro, which would leak into
# every program that uses the library.

file(GLOB_RECURSE headers RELATIVE "${INCLUDE}" "${INCLUDE}/*.hpp")
set(complaints)
foreach(header IN LISTS headers)
    string(TOUPPER "${header}" guard)
    string(REGEX REPLACE "[/.]" "_" guard "${guard}")
    file(READ "${INCLUDE}/${header}" text)
    if(NOT text MATCHES "^#ifndef ${guard}\n#define ${guard}\n")
        list(APPEND complaints "${header}: does not begin with the guard ${guard}")
    endif()
    if(header STREQUAL "xloss/config.hpp")
        continue()
    endif()
    file(STRINGS "${INCLUDE}/${header}" macros REGEX "^[ \t]*#[ \t]*define")
    list(REMOVE_ITEM macros "#define ${guard}")
    foreach(macro IN LISTS macros)
        list(APPEND complaints "${header}: defines a macro: ${macro}")
    endforeach()
endforeach()

if(complaints)
    list(JOIN complaints "\n  " lines)
    message(FATAL_ERROR "\n  ${lines}")
endif()
