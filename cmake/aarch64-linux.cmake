# Toolchain: 64-bit ARM with NEON, compiled by clang 19 on another machine and run there by qemu's user mode.
# On Debian and its kin: clang-19 lld-19 libstdc++-12-dev-arm64-cross libc6-dev-arm64-cross qemu-user.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER clang++-19)
set(CMAKE_CXX_COMPILER_TARGET aarch64-linux-gnu)
# Little is left to the emulated dynamic linker. libc stays shared: a test replaces its malloc.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static-libstdc++ -static-libgcc -fuse-ld=lld")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64 -L /usr/aarch64-linux-gnu)

# Headers are the same on every processor, but their packages lie where this machine keeps its own libraries.
foreach(package xtensor xsimd)
    file(GLOB directories "/usr/lib/*-linux-gnu/cmake/${package}")
    if(directories)
        list(GET directories 0 ${package}_DIR)
    endif()
endforeach()
