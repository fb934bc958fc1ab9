# Asks a test program for its test cases and writes a ctest file with one test for each. Catch2's own script
# does the same but keeps the names in CMake lists, which break at a semicolon or a lone bracket: names are
# sentences here, and may have both.
#
# EMULATOR (the command that runs programs of another processor, or nothing), PROGRAM, ROOM (prefix), LABELS,
# LIST (arguments that print the names), ARGUMENTS (of each run), OUTPUT

execute_process(COMMAND ${EMULATOR} "${PROGRAM}" ${LIST} OUTPUT_VARIABLE names RESULT_VARIABLE result)
if(NOT result MATCHES "^[0-9]+$")
    message(FATAL_ERROR "${PROGRAM} did not list its tests: ${result}\n${names}")
endif()

list(JOIN ARGUMENTS " " arguments)
list(JOIN EMULATOR " " emulator)
set(script "")
while(NOT names STREQUAL "")
    string(FIND "${names}" "\n" end)
    string(SUBSTRING "${names}" 0 ${end} name)
    math(EXPR end "${end} + 1")
    string(SUBSTRING "${names}" ${end} -1 names)
    string(STRIP "${name}" name)
    # A comma, a bracket and a backslash mean something to Catch2's selection of tests.
    string(REGEX REPLACE "([][,\\])" "\\\\\\1" selection "${name}")
    string(APPEND script
        "add_test([==[${ROOM}.${name}]==] ${emulator} [==[${PROGRAM}]==] [==[${selection}]==] ${arguments})\n"
        "set_tests_properties([==[${ROOM}.${name}]==] PROPERTIES LABELS \"${LABELS}\")\n")
endwhile()
if(script STREQUAL "")
    message(FATAL_ERROR "${PROGRAM} has no tests")
endif()
file(WRITE "${OUTPUT}" "${script}")
