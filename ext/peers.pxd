"""What each connection subscribes to and says, and the end of one for which it is too much.

libzmq stores what a peer subscribes to before anybody may object: 200,000 subscriptions cost 41 MB.
A connection is its descriptor and that socket's inode, so that one which is reused begins anew.
Owned by whoever has the turn (ext/pipe.pxd). Inline functions, without the GIL.
"""

from libc.stdint cimport uint64_t
from libc.string cimport memset

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
    MOST_SAID = 1 << 14      # messages in a second
    SECOND = 1000000000

cdef struct Peer:
    uint64_t inode
    uint64_t second_ns       # when the second began in which it
    int said                 # so many messages; -1: it was ended
    int subscriptions        # since it came

cdef struct Peers:
    Peer* known              # PEERS of them
    uint64_t cut_off         # connections that were ended
    uint64_t ignored         # messages that were no subscription


cdef inline void peer_said(
    Peers* peers, int fd, const unsigned char* text, size_t size, uint64_t now_ns
) noexcept nogil:
    """Count one message of a peer: 1 or 0 and a topic; ends the connection beyond the limits."""
    cdef stat_t found
    cdef Peer* peer
    cdef int is_subscription = size > 0 and text[0] <= 1
    if not is_subscription:
        peers.ignored += 1
    if fd < 0 or fstat(fd, &found) or not S_ISSOCK(found.st_mode):
        return  # the connection is over
    peer = &peers.known[fd % PEERS]
    if peer.inode != found.st_ino:
        memset(peer, 0, sizeof(Peer))
        peer.inode = found.st_ino
    if peer.said < 0:
        return  # what is under way of it counts no more
    if now_ns - peer.second_ns >= SECOND:
        peer.second_ns, peer.said = now_ns, 0
    peer.said += 1
    if is_subscription and text[0]:
        # One that is taken back counts all the same: it might never have been there.
        peer.subscriptions += 1
    if peer.subscriptions > MOST_SUBSCRIPTIONS or peer.said > MOST_SAID:
        # The thread of libzmq that owns the descriptor sees its end and closes it.
        shutdown(fd, SHUT_RDWR)
        peer.said = -1
        peers.cut_off += 1
