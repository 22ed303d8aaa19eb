# Takes the n-th block of C out of a Markdown page, so that it can be compiled and stays true.
#   cmake -DPAGE=README.md -DINDEX=1 -DOUTPUT=readme_example.c -P extract_example.cmake
file(READ "${PAGE}" page)
foreach(block RANGE 1 ${INDEX})
  string(FIND "${page}" "\n```c\n" begin)
  if(begin EQUAL -1)
    message(FATAL_ERROR "${PAGE}: fewer than ${INDEX} blocks of C")
  endif()
  math(EXPR begin "${begin} + 6")
  string(SUBSTRING "${page}" ${begin} -1 page)
endforeach()
string(FIND "${page}" "\n```" end)
string(SUBSTRING "${page}" 0 ${end} example)
file(WRITE "${OUTPUT}" "${example}\n")
