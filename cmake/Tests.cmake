# One GoogleTest program per layer from tests/cpp/<layer>/*.cc, and the Triton backends that tests and benchmarks use.
#
# Tests that need the real core find it through two environment variables that ctest sets: the server library, by
# default the one of the nvidia-pytriton wheel that Python_EXECUTABLE sees, and the folder of the test backends.
find_package(GTest REQUIRED)
include(GoogleTest)
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)

set(TFE_TEST_LIBRARY "" CACHE FILEPATH "The Triton server library that the tests run on")
if(NOT TFE_TEST_LIBRARY)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/tools/find_core.py"
    OUTPUT_STRIP_TRAILING_WHITESPACE
    OUTPUT_VARIABLE found_library
    RESULT_VARIABLE failed
  )
  if(failed)
    message(WARNING "No Triton server library: tests that need one will fail. Set TFE_TEST_LIBRARY.")
  else()
    set(TFE_TEST_LIBRARY "${found_library}" CACHE FILEPATH "" FORCE)
  endif()
endif()
set(TFE_TEST_BACKENDS "${CMAKE_BINARY_DIR}/tests/backends/out")

file(GLOB layer_dirs RELATIVE "${CMAKE_SOURCE_DIR}/tests/cpp" CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cpp/*")
foreach(layer IN LISTS layer_dirs)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cpp/${layer}/*.cc")
  if(NOT sources OR NOT TARGET tfe_${layer})
    continue()
  endif()
  add_executable(${layer}_test ${sources})
  target_include_directories(${layer}_test PRIVATE "${CMAKE_SOURCE_DIR}/tests/cpp")
  target_link_libraries(${layer}_test PRIVATE tfe_warnings tfe_${layer} GTest::gtest_main GTest::gmock)
  # Two properties, because the discovery script takes a list of two variables apart.
  gtest_discover_tests(
    ${layer}_test
    TEST_PREFIX "${layer}."
    DISCOVERY_TIMEOUT 60
    PROPERTIES
      ENVIRONMENT "TRITONFRONTEND_TEST_LIBRARY=${TFE_TEST_LIBRARY}"
      ENVIRONMENT_MODIFICATION "TRITONFRONTEND_TEST_BACKENDS=set:${TFE_TEST_BACKENDS}"
      TIMEOUT 120
  )
endforeach()

add_subdirectory("${CMAKE_SOURCE_DIR}/tests/backends" tests/backends)
