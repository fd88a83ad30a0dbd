# One GoogleTest program per layer from tests/cpp/<layer>/*_test.cc, and the Triton backends that tests and benchmarks use.
find_package(GTest REQUIRED)
include(GoogleTest)

file(GLOB layer_dirs RELATIVE "${CMAKE_SOURCE_DIR}/tests/cpp" CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cpp/*")
foreach(layer IN LISTS layer_dirs)
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tests/cpp/${layer}/*.cc")
  if(NOT sources OR NOT TARGET tfe_${layer})
    continue()
  endif()
  add_executable(${layer}_test ${sources})
  target_include_directories(${layer}_test PRIVATE "${CMAKE_SOURCE_DIR}/tests/cpp")
  target_link_libraries(${layer}_test PRIVATE tfe_warnings tfe_${layer} GTest::gtest_main GTest::gmock)
  gtest_discover_tests(${layer}_test TEST_PREFIX "${layer}." DISCOVERY_TIMEOUT 60)
endforeach()

if(EXISTS "${CMAKE_SOURCE_DIR}/tests/backends/CMakeLists.txt")
  add_subdirectory("${CMAKE_SOURCE_DIR}/tests/backends" tests/backends)
endif()
