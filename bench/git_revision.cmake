# Writes a header with the revision that is being built; leaves the file alone if it has not changed.
#   cmake -DSOURCE=folder -DOUTPUT=file.h -P git_revision.cmake
cmake_minimum_required(VERSION 3.25)
find_program(git git)
set(revision "")
if(git)
  execute_process(COMMAND "${git}" -C "${SOURCE}" describe --always --dirty --abbrev=7 --exclude "*"
                  OUTPUT_VARIABLE revision OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" @ONLY CONTENT
     "/* Made by git_revision.cmake. \"\" outside a git checkout. */\n#define CLNORM_GIT_REVISION \"@revision@\"\n")
