# What cannot work does not compile, and the compiler's words hold the sentence in the first line of the file.

file(GLOB sources "${SOURCES}/*.cpp")
set(complaints)
foreach(source IN LISTS sources)
    file(STRINGS "${source}" sentence LIMIT_COUNT 1)
    string(REPLACE "// error: " "" sentence "${sentence}")
    execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only ${INCLUDES} "${source}"
        RESULT_VARIABLE status OUTPUT_VARIABLE words ERROR_VARIABLE words)
    string(FIND "${words}" "${sentence}" found)
    if(status EQUAL 0)
        list(APPEND complaints "${source}: compiles")
    elseif(found EQUAL -1)
        list(APPEND complaints "${source}: is refused without saying: ${sentence}")
    endif()
endforeach()
if(NOT sources)
    list(APPEND complaints "${SOURCES}: no file")
endif()

if(complaints)
    list(JOIN complaints "\n  " lines)
    message(FATAL_ERROR "\n  ${lines}")
endif()
