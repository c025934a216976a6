// Linux socket calls that Swift cannot make comfortably: batched datagrams, epoll, eventfd.
// Every function returns a non-negative result or a negated errno.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// An address in host byte order. `isV6`: high and low are the halves; otherwise low's 32 bits are the address.
typedef struct {
    uint64_t high;
    uint64_t low;
    uint16_t port;
    uint8_t isV6;
} csockets_address;

/// Room for a number of datagrams with their addresses, as recvmmsg and sendmmsg want it.
typedef struct csockets_batch csockets_batch;

/// A batch of `capacity` datagrams. With `bytes` > 0 it owns a buffer of that size for each (to receive into);
/// with 0 it points at others' bytes (to send). NULL without memory.
csockets_batch *csockets_batch_create(int capacity, size_t bytes);
void csockets_batch_destroy(csockets_batch *batch);

/// Receives what is there, at most the batch's capacity, without waiting; the number of datagrams.
int csockets_receive(int fd, csockets_batch *batch);
/// The bytes of a received datagram: the batch's own, free to be changed until the next call.
void *csockets_received_bytes(const csockets_batch *batch, int index);
/// Its size; 0 for one that did not fit.
size_t csockets_received_size(const csockets_batch *batch, int index);
/// Where it came from; 0, or -EAFNOSUPPORT.
int csockets_received_source(const csockets_batch *batch, int index, csockets_address *source);

/// Puts a datagram to send at `index`; the bytes must stay until it is sent.
void csockets_set(csockets_batch *batch, int index, const void *bytes, size_t size, const csockets_address *destination);
/// After `csockets_set`: the datagram leaves from that address of ours (RFC 3542, IP_PKTINFO); for a socket bound to
/// all addresses. 0, or -ENOMEM.
int csockets_set_source(csockets_batch *batch, int index, const csockets_address *source);
/// Sends the datagrams `first ..< first + count` without waiting; how many went.
int csockets_send(int fd, csockets_batch *batch, int first, int count);

/// A non-blocking UDP socket bound to `address`, with the given DSCP code point.
int csockets_udp(const csockets_address *address, int dscp);
/// The port a socket is bound to.
int csockets_local_port(int fd);
/// How full the socket's receive buffer is, in thousandths; `drops`: the datagrams that found no room since it was made.
int csockets_receive_backlog(int fd, uint32_t *drops);

int csockets_epoll(void);
/// Watches `fd` for reading; `token` comes back with its events.
int csockets_epoll_add(int epoll, int fd, uint64_t token);
/// The same, but `token` comes once for what arrives: the reader reads until less comes than it asked for.
int csockets_epoll_add_edge(int epoll, int fd, uint64_t token);
int csockets_epoll_remove(int epoll, int fd);
/// Waits at most `milliseconds` (-1: for ever); fills `tokens`; how many. An interrupted wait is 0.
int csockets_epoll_wait(int epoll, uint64_t *tokens, int capacity, int milliseconds);

int csockets_eventfd(void);
void csockets_eventfd_signal(int fd);
void csockets_eventfd_drain(int fd);

/// Waits until one of two sockets can be read; a mask of 1 and 2, 0 after `milliseconds`.
int csockets_poll2(int first, int second, int milliseconds);
void csockets_close(int fd);
/// Names the calling thread, for top and debuggers; at most 15 bytes.
void csockets_name_thread(const char *name);
/// Gives the calling thread real-time priority (SCHED_RR, 1...99); -EPERM without permission.
int csockets_realtime(int priority);
/// How many processors the process may run on.
int csockets_cores(void);
/// Nanoseconds of processor time that the calling thread has taken.
int64_t csockets_thread_time(void);
/// Nanoseconds of CLOCK_MONOTONIC.
int64_t csockets_monotonic(void);
