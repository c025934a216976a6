// The wall clock of libraries that read it themselves, under a test's control. For tests alone: a program that links this
// defines gettimeofday, and the C libraries in it call that one.
#pragma once
#include <stdint.h>

/// From now on gettimeofday tells the calling thread this time, in microseconds since 1970; negative: the system's.
void testclock_set(int64_t microseconds);
