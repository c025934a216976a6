// c-ares for Swift, from 1.18 (Debian 12) on: its options are a struct and a mask that grow from release to release.
#ifndef PBX_CARES_SHIM_H
#define PBX_CARES_SHIM_H

// ares_query is deprecated since 1.28 in favour of a call that 1.18 does not have.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <string.h>

// Macros in 1.18, an enumeration in later releases: constants in either.
static const int shim_cares_success = ARES_SUCCESS;
static const int shim_cares_no_data = ARES_ENODATA;
static const int shim_cares_not_found = ARES_ENOTFOUND;
static const int shim_cares_server_failed = ARES_ESERVFAIL;
static const int shim_cares_not_implemented = ARES_ENOTIMP;
static const int shim_cares_refused = ARES_EREFUSED;
static const int shim_cares_timed_out = ARES_ETIMEOUT;
static const int shim_cares_unreachable = ARES_ECONNREFUSED;
static const int shim_cares_destroyed = ARES_EDESTRUCTION;
static const int shim_cares_cancelled = ARES_ECANCELLED;
static const int shim_cares_no_memory = ARES_ENOMEM;

// A channel without a cache of its own that reports the sockets to watch to `sockets`. An ARES_ status.
static inline int shim_cares_create(ares_channel *channel, int milliseconds, int tries, int udpBytes,
                                    ares_sock_state_cb sockets, void *data) {
    struct ares_options options;
    memset(&options, 0, sizeof options);
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
    options.flags = ARES_FLAG_EDNS;
    options.timeout = milliseconds;
    options.tries = tries;
    options.ednspsz = udpBytes;
    options.sock_state_cb = sockets;
    options.sock_state_cb_data = data;
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE;
    options.qcache_max_ttl = 0;
#endif
    return ares_init_options(channel, &options, mask);
}

// Milliseconds until the channel next wants to be looked at, rounded up; -1 when it waits for nothing.
static inline int shim_cares_timeout(ares_channel channel) {
    struct timeval time;
    struct timeval *next = ares_timeout(channel, NULL, &time);
    if (!next) return -1;
    if (next->tv_sec > 60) return 60000;
    return (int)(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
}

#endif
