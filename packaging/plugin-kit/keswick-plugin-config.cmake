# find_package(keswick-plugin CONFIG REQUIRED), then for a plugin:
#
#   add_library(my-store MODULE keystore.c)
#   target_link_libraries(my-store PRIVATE keswick::plugin)
if(NOT TARGET keswick::plugin)
  add_library(keswick::plugin INTERFACE IMPORTED)
  get_filename_component(_keswick_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
  set_target_properties(keswick::plugin PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_keswick_prefix}/include")
  unset(_keswick_prefix)
endif()
