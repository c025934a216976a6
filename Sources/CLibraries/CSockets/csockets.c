#define _GNU_SOURCE
#include "CSockets.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct csockets_batch {
    int capacity;
    struct mmsghdr *messages;
    struct iovec *vectors;
    struct sockaddr_in6 *addresses;  // large enough for IPv4 as well
    size_t bytes;
    unsigned char *slab;
    unsigned char *controls;  // only where a source was set
};

// Room for one IP_PKTINFO or IPV6_PKTINFO message.
#define CONTROL_BYTES CMSG_SPACE(sizeof(struct in6_pktinfo))

static socklen_t to_sockaddr(const csockets_address *from, struct sockaddr_in6 *to) {
    if (!from->isV6) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)to;
        memset(v4, 0, sizeof *v4);
        v4->sin_family = AF_INET;
        v4->sin_port = htons(from->port);
        v4->sin_addr.s_addr = htonl((uint32_t)from->low);
        return sizeof *v4;
    }
    memset(to, 0, sizeof *to);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(from->port);
    for (int i = 0; i < 8; i++) {
        to->sin6_addr.s6_addr[i] = (uint8_t)(from->high >> (56 - 8 * i));
        to->sin6_addr.s6_addr[8 + i] = (uint8_t)(from->low >> (56 - 8 * i));
    }
    return sizeof *to;
}

csockets_batch *csockets_batch_create(int capacity, size_t bytes) {
    csockets_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    size_t count = (size_t)capacity;
    batch->capacity = capacity;
    batch->bytes = bytes;
    batch->messages = calloc(count, sizeof *batch->messages);
    batch->vectors = calloc(count, sizeof *batch->vectors);
    batch->addresses = calloc(count, sizeof *batch->addresses);
    batch->slab = bytes ? malloc(count * bytes) : NULL;
    if (!batch->messages || !batch->vectors || !batch->addresses || (bytes && !batch->slab)) {
        csockets_batch_destroy(batch);
        return NULL;
    }
    for (int i = 0; i < capacity; i++) {
        batch->messages[i].msg_hdr.msg_iov = &batch->vectors[i];
        batch->messages[i].msg_hdr.msg_iovlen = 1;
        batch->messages[i].msg_hdr.msg_name = &batch->addresses[i];
        if (bytes) {
            batch->vectors[i].iov_base = batch->slab + (size_t)i * bytes;
            batch->vectors[i].iov_len = bytes;
        }
    }
    return batch;
}

void csockets_batch_destroy(csockets_batch *batch) {
    if (!batch) return;
    free(batch->messages);
    free(batch->vectors);
    free(batch->addresses);
    free(batch->slab);
    free(batch->controls);
    free(batch);
}

int csockets_receive(int fd, csockets_batch *batch) {
    for (int i = 0; i < batch->capacity; i++) batch->messages[i].msg_hdr.msg_namelen = sizeof *batch->addresses;
    int count = recvmmsg(fd, batch->messages, (unsigned)batch->capacity, MSG_DONTWAIT, NULL);
    return count < 0 ? -errno : count;
}

void *csockets_received_bytes(const csockets_batch *batch, int index) { return batch->vectors[index].iov_base; }

size_t csockets_received_size(const csockets_batch *batch, int index) {
    if (batch->messages[index].msg_hdr.msg_flags & MSG_TRUNC) return 0;
    return batch->messages[index].msg_len;
}

int csockets_received_source(const csockets_batch *batch, int index, csockets_address *source) {
    const struct sockaddr_in6 *v6 = &batch->addresses[index];
    memset(source, 0, sizeof *source);
    if (v6->sin6_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)v6;
        source->low = ntohl(v4->sin_addr.s_addr);
        source->port = ntohs(v4->sin_port);
        return 0;
    }
    if (v6->sin6_family != AF_INET6) return -EAFNOSUPPORT;
    for (int i = 0; i < 8; i++) {
        source->high = source->high << 8 | v6->sin6_addr.s6_addr[i];
        source->low = source->low << 8 | v6->sin6_addr.s6_addr[8 + i];
    }
    source->port = ntohs(v6->sin6_port);
    source->isV6 = 1;
    return 0;
}

void csockets_set(csockets_batch *batch, int index, const void *bytes, size_t size, const csockets_address *destination) {
    batch->vectors[index].iov_base = (void *)bytes;
    batch->vectors[index].iov_len = size;
    batch->messages[index].msg_hdr.msg_namelen = to_sockaddr(destination, &batch->addresses[index]);
    batch->messages[index].msg_hdr.msg_control = NULL;
    batch->messages[index].msg_hdr.msg_controllen = 0;
}

int csockets_set_source(csockets_batch *batch, int index, const csockets_address *source) {
    if (!batch->controls) batch->controls = calloc((size_t)batch->capacity, CONTROL_BYTES);
    if (!batch->controls) return -ENOMEM;
    struct msghdr *header = &batch->messages[index].msg_hdr;
    size_t size = source->isV6 ? sizeof(struct in6_pktinfo) : sizeof(struct in_pktinfo);
    header->msg_control = batch->controls + (size_t)index * CONTROL_BYTES;
    header->msg_controllen = CMSG_SPACE(size);
    memset(header->msg_control, 0, CONTROL_BYTES);
    struct cmsghdr *control = CMSG_FIRSTHDR(header);
    control->cmsg_len = CMSG_LEN(size);
    struct sockaddr_in6 address;
    to_sockaddr(source, &address);
    if (source->isV6) {
        control->cmsg_level = IPPROTO_IPV6;
        control->cmsg_type = IPV6_PKTINFO;
        memcpy(&((struct in6_pktinfo *)CMSG_DATA(control))->ipi6_addr, &address.sin6_addr, sizeof address.sin6_addr);
    } else {
        control->cmsg_level = IPPROTO_IP;
        control->cmsg_type = IP_PKTINFO;
        struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
        ((struct in_pktinfo *)CMSG_DATA(control))->ipi_spec_dst = v4->sin_addr;
    }
    return 0;
}

int csockets_send(int fd, csockets_batch *batch, int first, int count) {
    const struct msghdr *header = &batch->messages[first].msg_hdr;
    if (count == 1 && header->msg_controllen == 0) {
        // The kernel has less to copy than for a batch of one.
        ssize_t size = sendto(fd, header->msg_iov->iov_base, header->msg_iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL,
                              header->msg_name, header->msg_namelen);
        return size < 0 ? -errno : 1;
    }
    int sent = sendmmsg(fd, batch->messages + first, (unsigned)count, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

int csockets_udp(const csockets_address *address, int dscp) {
    struct sockaddr_in6 local;
    socklen_t size = to_sockaddr(address, &local);
    int fd = socket(local.sin6_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int traffic = dscp << 2;
    int on = 1;
    // Marking is a courtesy of the network: a refusal is no error.
    if (address->isV6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &traffic, sizeof traffic);
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_TOS, &traffic, sizeof traffic);
    }
    if (bind(fd, (struct sockaddr *)&local, size) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int csockets_local_port(int fd) {
    struct sockaddr_in6 local;
    socklen_t size = sizeof local;
    if (getsockname(fd, (struct sockaddr *)&local, &size) < 0) return -errno;
    return ntohs(local.sin6_port);  // at the same place in sockaddr_in
}

int csockets_receive_backlog(int fd, uint32_t *drops) {
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t size = sizeof memory;
    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size) < 0) return -errno;
    *drops = memory[SK_MEMINFO_DROPS];
    uint64_t room = memory[SK_MEMINFO_RCVBUF];
    return room == 0 ? 0 : (int)((uint64_t)memory[SK_MEMINFO_RMEM_ALLOC] * 1000 / room);
}

int csockets_epoll(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int csockets_epoll_add(int epoll, int fd, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int csockets_epoll_add_edge(int epoll, int fd, uint64_t token) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = token};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int csockets_epoll_remove(int epoll, int fd) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int csockets_epoll_wait(int epoll, uint64_t *tokens, int capacity, int milliseconds) {
    struct epoll_event events[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(epoll, events, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) tokens[i] = events[i].data.u64;
    return count;
}

int csockets_eventfd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void csockets_eventfd_signal(int fd) {
    uint64_t one = 1;
    // A full counter means that the reader is told already.
    ssize_t written = write(fd, &one, sizeof one);
    (void)written;
}

void csockets_eventfd_drain(int fd) {
    uint64_t count;
    ssize_t got = read(fd, &count, sizeof count);
    (void)got;
}

int csockets_poll2(int first, int second, int milliseconds) {
    struct pollfd fds[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    int count = poll(fds, 2, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    return (fds[0].revents & POLLIN ? 1 : 0) | (fds[1].revents & POLLIN ? 2 : 0);
}

void csockets_close(int fd) { close(fd); }

void csockets_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int csockets_realtime(int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    // Not inherited by what the thread might start.
    return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) < 0 ? -errno : 0;
}

int csockets_cores(void) {
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) < 0) return 1;
    return CPU_COUNT(&cores);
}

int64_t csockets_thread_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t csockets_monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
