/* An empty library with the SONAME libtritonserver.so: the test backends are linked against it and
   so carry the NEEDED entry of every ordinary Triton backend, without a path of the build machine.
   Their symbols come from the server library that opens them. */
