# The component live: xgrad::live, the headers of live/. Nothing else of the library knows HTTP.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(XGRAD_HTTP REQUIRED IMPORTED_TARGET cpp-httplib)

xgrad_add_component(live live LINK PRIVATE PkgConfig::XGRAD_HTTP Threads::Threads FIND
                    "find_dependency(PkgConfig)
  find_dependency(Threads)
  pkg_check_modules(XGRAD_HTTP REQUIRED IMPORTED_TARGET cpp-httplib)")
