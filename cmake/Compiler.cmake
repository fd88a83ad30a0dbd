# Language level, warnings, visibility, ccache and sanitizers for every target of the project.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# Not -O3: the data path waits for system calls and memory, and the module is to stay small. GCC 12 at -O3 also warns of
# overlapping copies in `"literal" + std::string` where there are none (GCC bug 105651).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(TFE_CCACHE ccache)
if(TFE_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${TFE_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${TFE_CCACHE}")
endif()

# Ours only: applied per target, so that headers of dependencies are not judged by our rules.
add_library(tfe_warnings INTERFACE)
target_compile_options(
  tfe_warnings
  INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror
)

if(TFE_SANITIZE)
  add_compile_options(-fsanitize=${TFE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${TFE_SANITIZE})
endif()
