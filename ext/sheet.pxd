"""Memory for text that whoever wrote it goes on writing, unless somebody holds it meanwhile.

Inline functions, without the GIL and from any thread. A sheet is the writer's and each holder's, and
is freed with the last of them. The writer looks whether it is held before each change, and lets go of
one that is: so no holder sees a change. Only the writer may hold it for somebody, or its holders.
"""

from libc.stddef cimport size_t

cdef extern from *:
    """
    #include <stdlib.h>

    /* The count stands before the text, which stays as aligned as malloc gives it. */
    #define SHEET_AHEAD 16
    #define sheet_count(text) ((size_t *)((text) - SHEET_AHEAD))

    static inline char *sheet_new(size_t room) {
        char *at = malloc(SHEET_AHEAD + room);
        if (at == NULL)
            return NULL;
        *(size_t *)at = 1;
        return at + SHEET_AHEAD;
    }
    static inline void sheet_hold(char *text) {
        __atomic_add_fetch(sheet_count(text), 1, __ATOMIC_RELAXED);
    }
    static inline void sheet_drop(char *text) {
        if (text != NULL && __atomic_sub_fetch(sheet_count(text), 1, __ATOMIC_ACQ_REL) == 0)
            free(text - SHEET_AHEAD);
    }
    static inline int sheet_held(char *text) {
        return __atomic_load_n(sheet_count(text), __ATOMIC_ACQUIRE) > 1;
    }
    """
    char* sheet_new(size_t room) noexcept nogil     # NULL without memory
    void sheet_hold(char* text) noexcept nogil
    void sheet_drop(char* text) noexcept nogil      # of NULL nothing
    bint sheet_held(char* text) noexcept nogil      # by anybody but its writer
