# What server reflection tells: FileDescriptorProtos made of the tables in tools/grpc_schema.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
set(descriptors "${CMAKE_BINARY_DIR}/generated/file_descriptors.cc")
file(GLOB schema_tables CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/tools/grpc_schema/*.txt")
add_custom_command(
  OUTPUT "${descriptors}"
  COMMAND "${Python_EXECUTABLE}" "${CMAKE_SOURCE_DIR}/tools/generate_descriptors.py" "${descriptors}"
  DEPENDS
    ${schema_tables}
    "${CMAKE_SOURCE_DIR}/tools/generate_descriptors.py"
    "${CMAKE_SOURCE_DIR}/tools/schema_tables.py"
)
target_sources(tfe_kserve_grpc PRIVATE "${descriptors}")
