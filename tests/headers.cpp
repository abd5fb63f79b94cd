// Nothing: the target that compiles this holds the precompiled headers of the tests.
