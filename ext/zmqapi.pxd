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
    ZMQ_FD = 14
    ZMQ_EVENTS = 15
    ZMQ_XPUB_WELCOME_MSG = 72
    ZMQ_POLLIN = 1

cdef struct Zmq:
    int (*send)(void* socket, const void* data, size_t size, int flags) noexcept nogil
    int (*recv)(void* socket, void* data, size_t size, int flags) noexcept nogil
    int (*getsockopt)(void* socket, int option, void* value, size_t* size) noexcept nogil
    int (*setsockopt)(void* socket, int option, const void* value, size_t size) noexcept nogil


cdef inline int zmq_load(Zmq* zmq, bytes path) except -1:
    """Resolve the functions from the already loaded library at ``path``."""
    cdef void* library = dlopen(path, RTLD_NOLOAD | RTLD_LAZY)
    if library == NULL:
        raise ImportError(f"pyzmq's library is not loaded: {path!r}")
    zmq.send = <int (*)(void*, const void*, size_t, int) noexcept nogil>dlsym(library, "zmq_send")
    zmq.recv = <int (*)(void*, void*, size_t, int) noexcept nogil>dlsym(library, "zmq_recv")
    zmq.getsockopt = <int (*)(void*, int, void*, size_t*) noexcept nogil>dlsym(
        library, "zmq_getsockopt")
    zmq.setsockopt = <int (*)(void*, int, const void*, size_t) noexcept nogil>dlsym(
        library, "zmq_setsockopt")
    if not (zmq.send and zmq.recv and zmq.getsockopt and zmq.setsockopt):
        raise ImportError(f"pyzmq's library lacks a libzmq function: {path!r}")
    return 0
