# xdhcpd_bpf_object(NAME <name> SOURCE <file.bpf.c>)
# Compiles a BPF program, strips its DWARF (BTF stays), and generates <name>.skel.h with struct <name>_bpf (the
# plain name would clash with the C++ namespace). Defines the interface
# target <name>_bpf, which exports the directories of the skeleton (as a system directory) and of the ABI header.

find_program(XDHCPD_BPF_CLANG NAMES clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 clang
  DOC "clang with the bpf target" REQUIRED)
find_program(XDHCPD_LLVM_STRIP
  NAMES llvm-strip-14 llvm-strip-15 llvm-strip-16 llvm-strip-17 llvm-strip-18 llvm-strip-19 llvm-strip
  DOC "llvm-strip" REQUIRED)
find_program(XDHCPD_BPFTOOL NAMES bpftool PATHS /usr/sbin /sbin /usr/local/sbin
  DOC "bpftool, for skeletons" REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET GLOBAL libbpf>=1.1)
pkg_check_modules(LIBXDP REQUIRED IMPORTED_TARGET GLOBAL libxdp>=1.3)

function(xdhcpd_bpf_object)
  cmake_parse_arguments(arg "" "NAME;SOURCE" "" ${ARGN})
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${arg_NAME}.bpf.o)
  set(include_dir ${CMAKE_CURRENT_BINARY_DIR}/include)
  set(skeleton ${include_dir}/${arg_NAME}.skel.h)
  file(MAKE_DIRECTORY ${include_dir})

  # asm/types.h lives in the multiarch directory, which clang does not search for a foreign target.
  set(arch_include "")
  if(CMAKE_LIBRARY_ARCHITECTURE)
    set(arch_include -isystem /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
  endif()

  add_custom_command(OUTPUT ${object}
    COMMAND ${XDHCPD_BPF_CLANG} -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror
      -I${CMAKE_CURRENT_SOURCE_DIR} ${arch_include}
      -MMD -MF ${object}.d -MT ${object}
      -c ${CMAKE_CURRENT_SOURCE_DIR}/${arg_SOURCE} -o ${object}
    COMMAND ${XDHCPD_LLVM_STRIP} -g ${object}
    DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${arg_SOURCE}
    DEPFILE ${object}.d
    COMMENT "Compiling BPF object ${arg_NAME}.bpf.o"
    VERBATIM)
  add_custom_command(OUTPUT ${skeleton}
    COMMAND sh -c "\"$1\" gen skeleton \"$2\" name \"$3\" > \"$4.new\" && mv \"$4.new\" \"$4\""
      skeleton ${XDHCPD_BPFTOOL} ${object} ${arg_NAME}_bpf ${skeleton}
    DEPENDS ${object}
    COMMENT "Generating ${arg_NAME}.skel.h"
    VERBATIM)
  add_custom_target(${arg_NAME}_skeleton DEPENDS ${skeleton})

  add_library(${arg_NAME}_bpf INTERFACE)
  add_library(${arg_NAME}::bpf ALIAS ${arg_NAME}_bpf)
  add_dependencies(${arg_NAME}_bpf ${arg_NAME}_skeleton)
  target_include_directories(${arg_NAME}_bpf SYSTEM INTERFACE ${include_dir})
  target_include_directories(${arg_NAME}_bpf INTERFACE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${arg_NAME}_bpf INTERFACE PkgConfig::LIBBPF)
endfunction()
