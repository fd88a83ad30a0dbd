# The extension module tritonfrontend._native and its type stub.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module OPTIONAL_COMPONENTS Development.SABIModule)
execute_process(
  COMMAND "${Python_EXECUTABLE}" -m nanobind --cmake_dir
  OUTPUT_STRIP_TRAILING_WHITESPACE
  OUTPUT_VARIABLE nanobind_ROOT
)
find_package(nanobind CONFIG REQUIRED)

file(GLOB binding_sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/cpp/bindings/*.cc")
if(NOT binding_sources)
  message(WARNING "cpp/bindings has no sources: no module")
  return()
endif()
nanobind_add_module(_native STABLE_ABI NB_STATIC ${binding_sources})
target_include_directories(_native PRIVATE "${CMAKE_SOURCE_DIR}/cpp")
# Our warnings are not for the headers of nanobind and Python.
target_include_directories(_native SYSTEM PRIVATE "${nanobind_ROOT}/../include" ${Python_INCLUDE_DIRS})
target_compile_definitions(_native PRIVATE TFE_VERSION="${TFE_VERSION}")
target_link_libraries(_native PRIVATE tfe_warnings tfe_base tfe_triton tfe_frontend)
# Only the module's entry point leaves the library: other users of nghttp2, gRPC or protobuf in the same process never
# meet our symbols.
target_link_options(
  _native
  PRIVATE
    "LINKER:--version-script=${CMAKE_SOURCE_DIR}/cmake/module.version"
    "LINKER:--exclude-libs,ALL"
    "LINKER:--gc-sections"
)
set_target_properties(_native PROPERTIES LINK_DEPENDS "${CMAKE_SOURCE_DIR}/cmake/module.version")
install(TARGETS _native LIBRARY DESTINATION tritonfrontend)

if(NOT TFE_SANITIZE)
  nanobind_add_stub(_native_stub MODULE _native OUTPUT "${CMAKE_BINARY_DIR}/_native.pyi"
                    PYTHON_PATH $<TARGET_FILE_DIR:_native> DEPENDS _native
  )
  install(FILES "${CMAKE_BINARY_DIR}/_native.pyi" DESTINATION tritonfrontend)
endif()
