# The target xloss::optimize: a program that links it is compiled for the machine at hand, with the widest
# vectors it has. Without it the compiler's default decides, which on x86-64 is SSE2.
#
# Nothing here changes what a number means: no -ffast-math, which would let the compiler drop the NaN and
# infinities that xloss promises. The width of a vector is part of xloss's types, so either all translation
# units of a program that use xloss link this target, or none. A program that shall run on other machines
# names their processor itself instead, for example with -march=x86-64-v3.
#
# Included by xloss itself and by its installed package, so that the compiler asked is the user's.

include(CheckCXXCompilerFlag)

if(NOT TARGET xloss::optimize)
    add_library(xloss::optimize INTERFACE IMPORTED GLOBAL)
    if(MSVC)
        # MSVC has no flag for the machine at hand; AVX2 is in every x86-64 processor since 2015.
        set(xloss_machine_flags /O2)
        check_cxx_compiler_flag(/arch:AVX2 XLOSS_HAS_ARCH_AVX2)
        if(XLOSS_HAS_ARCH_AVX2)
            list(APPEND xloss_machine_flags /arch:AVX2)
        endif()
    else()
        set(xloss_machine_flags -O3)
        check_cxx_compiler_flag(-march=native XLOSS_HAS_MARCH_NATIVE)
        if(XLOSS_HAS_MARCH_NATIVE)
            list(APPEND xloss_machine_flags -march=native)
        endif()
    endif()
    # A debug build stays one: there the flags would only hide the lines.
    set_property(TARGET xloss::optimize PROPERTY
        INTERFACE_COMPILE_OPTIONS "$<$<NOT:$<CONFIG:Debug>>:${xloss_machine_flags}>")
    unset(xloss_machine_flags)
endif()
