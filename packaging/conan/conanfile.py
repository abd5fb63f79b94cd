import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy


class XgradConan(ConanFile):
    name = "xgrad"
    version = "0.2.0"
    license = "MIT"
    description = "Reverse-mode automatic differentiation of tensor programs on xtensor arrays"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "png": [True, False]}
    default_options = {"shared": False, "png": True, "openblas/*:build_lapack": True, "openblas/*:use_openmp": True}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for pattern in ("CMakeLists.txt", "LICENSE", "xgrad.hpp", "cmake/*", "*/*.hpp", "*/*.cpp", "kernels/*", "report/*",
                        "programs/*"):
            copy(self, pattern, root, self.export_sources_folder, excludes=("build/*", "tests/*", "packaging/*"))

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("xtensor/0.24.7", transitive_headers=True)
        self.requires("xsimd/9.0.1", transitive_headers=True)
        self.requires("openblas/0.3.27")
        self.requires("nlohmann_json/3.11.3")
        self.requires("zlib/[>=1.2.11 <2]")
        if self.options.png:
            self.requires("libpng/[>=1.6 <2]")

    def generate(self):
        # xtensor-blas and Random123, which are headers, are looked for where CMAKE_PREFIX_PATH points.
        toolchain = CMakeToolchain(self)
        for part in ("TESTS", "EXAMPLES", "PROGRAMS"):
            toolchain.cache_variables[f"XGRAD_BUILD_{part}"] = False
        toolchain.cache_variables["XGRAD_PNG"] = bool(self.options.png)
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_target_name", "xgrad::xgrad")
        self.cpp_info.set_property("pkg_config_name", "xgrad")
        self.cpp_info.libs = ["xgrad"]
