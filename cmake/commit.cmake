cmake_minimum_required(VERSION 3.22)
# Run at each build: writes TO with the commit that FROM stands at, if it changed. "" outside of a repository.
execute_process(COMMAND git -C ${FROM} describe --always --dirty --abbrev=12 --exclude=*
  OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
file(CONFIGURE OUTPUT ${TO} CONTENT "#define BENCH_COMMIT \"@commit@\"\n" @ONLY)
