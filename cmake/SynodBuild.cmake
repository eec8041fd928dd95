# Compiler settings and the two functions every folder uses: synod_library and synod_test.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(SYNOD_SANITIZER "" CACHE STRING "address (with undefined) or thread; empty for none")
if(SYNOD_SANITIZER STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
elseif(SYNOD_SANITIZER STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(SYNOD_SANITIZER)
  message(FATAL_ERROR "SYNOD_SANITIZER is '${SYNOD_SANITIZER}'; allowed: address, thread, or empty")
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

# Warnings are for our code, not for what protoc generates.
set(SYNOD_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
    -Wimplicit-fallthrough -Werror)

# synod_library(NAME SOURCES a.cc ... [DEPS ...] [PRIVATE_DEPS ...])
# Target synod_NAME, alias synod::NAME. DEPS are what its headers expose. Without sources it is
# an INTERFACE library.
function(synod_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;PRIVATE_DEPS" ${ARGN})
  if(ARG_SOURCES)
    add_library(synod_${name} STATIC ${ARG_SOURCES})
    target_compile_options(synod_${name} PRIVATE ${SYNOD_WARNINGS})
    target_include_directories(synod_${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(synod_${name} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  else()
    add_library(synod_${name} INTERFACE)
    target_include_directories(synod_${name} INTERFACE ${CMAKE_SOURCE_DIR})
    target_link_libraries(synod_${name} INTERFACE ${ARG_DEPS})
  endif()
  add_library(synod::${name} ALIAS synod_${name})
endfunction()

# synod_binary(NAME SOURCES main.cc ... [DEPS ...]): a program in bin/.
function(synod_binary name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${SYNOD_WARNINGS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS})
endfunction()

# synod_test(NAME SOURCES a_test.cc ... [DEPS ...] [LABELS unit] [TIMEOUT seconds])
# One GoogleTest program, one CTest entry, which is "skipped" when it passed but skipped a test.
function(synod_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_compile_options(${name} PRIVATE ${SYNOD_WARNINGS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock synod::test_main)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT ARG_LABELS)
    set(ARG_LABELS unit)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} SKIP_RETURN_CODE 77)
endfunction()
