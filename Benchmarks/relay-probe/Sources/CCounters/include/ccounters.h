#pragma once
#include <stdint.h>

/* What happened between ccounters_start and ccounters_stop, in all threads of the process. */
typedef struct {
    uint64_t allocations, frees, retains, releases;
} ccounters_t;

/* False when the Swift runtime has no hooks for retain and release: those counts then stay zero and mean nothing. */
int ccounters_install(void);
void ccounters_start(void);
ccounters_t ccounters_stop(void);
