#include "CTestClock.h"

#include <stddef.h>
#include <sys/time.h>
#include <time.h>

static _Thread_local int64_t told = -1;

void testclock_set(int64_t microseconds) { told = microseconds; }

// Takes the place of the C library's: libssl has no other way to be told the time of its DTLS timer.
int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    if (told >= 0) {
        time->tv_sec = told / 1000000;
        time->tv_usec = told % 1000000;
        return 0;
    }
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return 0;
}
