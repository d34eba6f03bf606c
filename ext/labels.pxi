# One guest's label texts as the renderer keeps them, and the cells that point at them. Included by
# exposition.pyx.

cdef struct Span:
    uint32_t size            # each begins where the one before it ends
    uint32_t which           # the element of the row's array; the state; the group


cdef class Labels:
    """One guest's label texts, of all scopes: one piece of bytes, and where each text lies in it.

    A text of a state, or of a group's age, is the guest's own and an end that all guests share.
    """

    cdef bytes texts
    cdef Span* spans
    cdef uint32_t counts[SCOPE_COUNT]
    cdef uint32_t life
    cdef uint32_t definition
    cdef uint32_t shape

    def __cinit__(self, scopes, dict ends):
        """`scopes`: for every scope a list of texts; None where an element has no series.

        ``ends`` of texts, by scope and element, are added to.
        """
        cdef list parts = []
        cdef Py_ssize_t total = 0
        cdef Py_ssize_t i = 0
        for texts in scopes:
            total += len(texts) - texts.count(None)
        self.spans = <Span*>malloc(max(total, 1) * sizeof(Span))
        if self.spans == NULL:
            raise MemoryError
        for scope, texts in enumerate(scopes):
            for which, text in enumerate(texts):
                if text is not None:
                    self.spans[i] = Span(<uint32_t>len(text), which)
                    self.counts[scope] += 1
                    if ends_alike(scope):
                        share_end(ends, scopes[SCOPE_GUEST][0], text, (scope, which))
                    else:
                        parts.append(text)
                    i += 1
        self.texts = b"".join(parts)

    def __dealloc__(self):
        free(self.spans)


cdef inline bint ends_alike(int scope) noexcept nogil:
    """Whether a scope's texts are the guest's own and an end that all guests share."""
    return scope in (SCOPE_STATE, SCOPE_GROUP)


cdef int share_end(dict ends, bytes base, bytes text, tuple place) except -1:
    """Keep the end of a text that begins as the guest's own does, before its brace and blank."""
    cdef Py_ssize_t begin = len(base) - 2
    end = text[begin:]
    if place[1] >= ENDS or text[:begin] != base[:begin] or ends.setdefault(place, end) != end:
        raise ValueError(f"{text!r}: give the guest's own labels, then one that all guests share")
    return 0


cdef void list_cells(
    Scope* scopes, Labels labels, const char* texts, const View* view, uint32_t guest
) noexcept:
    """Add one guest's series to the scopes' lists."""
    cdef const Span* span = labels.spans
    cdef const char* own = texts
    cdef Cell* cell
    cdef uint32_t i
    cdef int scope
    for scope in range(SCOPE_COUNT):
        for i in range(labels.counts[scope]):
            cell = &scopes[scope].cells[scopes[scope].count]
            cell.text = texts
            if ends_alike(scope):
                cell.text = own
            else:
                texts += span.size
            cell.text_n = span.size
            cell.guest = guest
            cell.place = <uint32_t>element(view, guest, scope, span.which)
            cell.argument = span.which
            scopes[scope].count += 1
            scopes[scope].text_bytes += span.size
            span += 1
