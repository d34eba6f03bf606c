"""libzmq's functions, found in the library that pyzmq itself has loaded; never linked.

pyzmq's own libzmq has a hashed name, and linking ``-lzmq`` would load a second library whose
sockets are not pyzmq's.
"""

cdef extern from "<dlfcn.h>" nogil:
    void* dlopen(const char*, int)
    void* dlsym(void*, const char*)
    enum:
        RTLD_NOLOAD
        RTLD_LAZY

cdef enum:
    # zmq.h; part of libzmq's stable ABI.
    ZMQ_DONTWAIT = 1
    ZMQ_SRCFD = 2
    ZMQ_FD = 14
    ZMQ_EVENTS = 15
    ZMQ_XPUB_WELCOME_MSG = 72
    ZMQ_POLLIN = 1

# zmq_msg_t: 64 bytes that only libzmq looks into, aligned for a pointer.
cdef union ZmqMessage:
    void* aligned[8]

cdef struct Zmq:
    int (*send)(void* socket, const void* data, size_t size, int flags) noexcept nogil
    int (*msg_init)(ZmqMessage* message) noexcept nogil
    int (*msg_recv)(ZmqMessage* message, void* socket, int flags) noexcept nogil
    int (*msg_get)(const ZmqMessage* message, int property) noexcept nogil
    int (*msg_close)(ZmqMessage* message) noexcept nogil
    void* (*msg_data)(ZmqMessage* message) noexcept nogil
    size_t (*msg_size)(const ZmqMessage* message) noexcept nogil
    int (*getsockopt)(void* socket, int option, void* value, size_t* size) noexcept nogil
    int (*setsockopt)(void* socket, int option, const void* value, size_t size) noexcept nogil


cdef inline int zmq_load(Zmq* zmq, bytes path) except -1:
    """Resolve the functions from the already loaded library at ``path``."""
    cdef void* library = dlopen(path, RTLD_NOLOAD | RTLD_LAZY)
    if library == NULL:
        raise ImportError(f"pyzmq's library is not loaded: {path!r}")
    zmq.send = <int (*)(void*, const void*, size_t, int) noexcept nogil>dlsym(library, "zmq_send")
    zmq.msg_init = <int (*)(ZmqMessage*) noexcept nogil>dlsym(library, "zmq_msg_init")
    zmq.msg_recv = <int (*)(ZmqMessage*, void*, int) noexcept nogil>dlsym(
        library, "zmq_msg_recv")
    zmq.msg_get = <int (*)(const ZmqMessage*, int) noexcept nogil>dlsym(library, "zmq_msg_get")
    zmq.msg_close = <int (*)(ZmqMessage*) noexcept nogil>dlsym(library, "zmq_msg_close")
    zmq.msg_data = <void* (*)(ZmqMessage*) noexcept nogil>dlsym(library, "zmq_msg_data")
    zmq.msg_size = <size_t (*)(const ZmqMessage*) noexcept nogil>dlsym(library, "zmq_msg_size")
    zmq.getsockopt = <int (*)(void*, int, void*, size_t*) noexcept nogil>dlsym(
        library, "zmq_getsockopt")
    zmq.setsockopt = <int (*)(void*, int, const void*, size_t) noexcept nogil>dlsym(
        library, "zmq_setsockopt")
    if not (zmq.send and zmq.getsockopt and zmq.setsockopt and zmq.msg_init and zmq.msg_recv
            and zmq.msg_get and zmq.msg_close and zmq.msg_data and zmq.msg_size):
        raise ImportError(f"pyzmq's library lacks a libzmq function: {path!r}")
    return 0
