"""Subscriptions of each connection, and the end of a connection that takes too many.

libzmq stores what a peer subscribes to before anybody may object: 200,000 subscriptions cost 41 MB.
A connection is its descriptor and that socket's inode, so that one which is reused begins anew.
Owned by the dispatcher's thread alone. Inline functions, without the GIL.
"""

from libc.stdint cimport uint64_t

cdef extern from "<sys/socket.h>" nogil:
    int shutdown(int fd, int how)
    enum:
        SHUT_RDWR

cdef extern from "<sys/stat.h>" nogil:
    struct stat_t "stat":
        unsigned int st_mode
        uint64_t st_ino
    int fstat(int fd, stat_t* found)
    bint S_ISSOCK(unsigned int mode)

cdef enum:
    PEERS = 1 << 12          # descriptors that share a place count anew at each change between them
    MOST_SUBSCRIPTIONS = 4096

cdef struct Peer:
    uint64_t inode
    int subscriptions

cdef struct Peers:
    Peer* known              # PEERS of them
    uint64_t cut_off         # connections that were ended
    uint64_t ignored         # messages that were no subscription


cdef inline void peer_said(Peers* peers, int fd, const unsigned char* text, size_t size) \
        noexcept nogil:
    """Count one message of a peer: 1 or 0 and a topic; ends the connection beyond the limit."""
    cdef stat_t found
    cdef Peer* peer
    if size == 0 or text[0] > 1:
        peers.ignored += 1
        return
    if fd < 0 or fstat(fd, &found) or not S_ISSOCK(found.st_mode):
        return  # the connection is over
    peer = &peers.known[fd % PEERS]
    if peer.inode != found.st_ino:
        peer.inode, peer.subscriptions = found.st_ino, 0
    peer.subscriptions += 1 if text[0] else -1
    if peer.subscriptions > MOST_SUBSCRIPTIONS:
        # The thread of libzmq that owns the descriptor sees its end and closes it.
        shutdown(fd, SHUT_RDWR)
        peer.subscriptions = -(1 << 30)  # what is under way of it counts no more
        peers.cut_off += 1
