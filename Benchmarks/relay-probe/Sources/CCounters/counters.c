/* Counts memory allocation and reference counting.

   Allocation: the program's own malloc family stands before the C library's, which is called through its second names
   (glibc). Reference counting: the Swift runtime's hooks for instruments, which exist as exported variables. */
#define _GNU_SOURCE
#include "ccounters.h"
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static int isOn;
static ccounters_t counts;

static void count(uint64_t *counter) {
    if (__atomic_load_n(&isOn, __ATOMIC_RELAXED)) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) { count(&counts.allocations); return __libc_malloc(size); }
void *calloc(size_t number, size_t size) { count(&counts.allocations); return __libc_calloc(number, size); }
void *realloc(void *old, size_t size) { count(&counts.allocations); return __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) { count(&counts.allocations); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
    *result = memalign(alignment, size);
    return *result ? 0 : ENOMEM;
}
void free(void *memory) {
    if (memory) count(&counts.frees);
    __libc_free(memory);
}

static void *(*retainOne)(void *), *(*retainMany)(void *, uint32_t);
static void (*releaseOne)(void *), (*releaseMany)(void *, uint32_t);

static void *countedRetain(void *object) { count(&counts.retains); return retainOne(object); }
static void *countedRetainMany(void *object, uint32_t n) { count(&counts.retains); return retainMany(object, n); }
static void countedRelease(void *object) { count(&counts.releases); releaseOne(object); }
static void countedReleaseMany(void *object, uint32_t n) { count(&counts.releases); releaseMany(object, n); }

static int hook(const char *name, void *replacement, void *original) {
    void **slot = dlsym(RTLD_DEFAULT, name);
    if (!slot) return 0;
    *(void **)original = *slot;
    *slot = replacement;
    return 1;
}

int ccounters_install(void) {
    unsigned char *enabled = dlsym(RTLD_DEFAULT, "_swift_enableSwizzlingOfAllocationAndRefCountingFunctions_forInstrumentsOnly");
    if (!enabled || !hook("_swift_retain", (void *)countedRetain, &retainOne)
        || !hook("_swift_retain_n", (void *)countedRetainMany, &retainMany)
        || !hook("_swift_release", (void *)countedRelease, &releaseOne)
        || !hook("_swift_release_n", (void *)countedReleaseMany, &releaseMany))
        return 0;
    *enabled = 1;
    return 1;
}

void ccounters_start(void) {
    counts = (ccounters_t){0};
    __atomic_store_n(&isOn, 1, __ATOMIC_SEQ_CST);
}

ccounters_t ccounters_stop(void) {
    __atomic_store_n(&isOn, 0, __ATOMIC_SEQ_CST);
    return counts;
}
