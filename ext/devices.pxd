"""A row's arrays of vCPUs, disks and interfaces: replaced as a whole, counters kept by stable key.

Owns what happens to columns when a device comes, goes or moves: an element of the same key keeps
its columns, a new one begins unknown. The table's lock is held by the caller.
"""

from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from arena cimport Block, block_give, block_take
from rows cimport Disk, Interface, Row, Text, Thread, Vcpu
from table cimport Table, table_array, table_row

cdef struct Device:
    # One disk or interface of a definition, as its author's XML gives it.
    const char* key
    const char* target
    uint32_t key_size
    uint32_t target_size

# Disk and Interface begin alike: key and target.
cdef struct DeviceHead:
    Text key
    Text target


cdef inline int table_set_vcpus(
    Table* table, uint32_t row, const Thread* threads, uint32_t count
) noexcept nogil:
    """The vCPUs there are and their threads, by number, ascending; -1 without memory."""
    cdef Row* r = table_row(table, row)
    cdef Block old = r.vcpus
    cdef Block fresh
    cdef Vcpu* to
    cdef Vcpu* known
    cdef uint32_t i
    cdef uint32_t k = 0
    if block_take(&table.arena, &fresh, count, sizeof(Vcpu)) < 0:
        return -1
    to = <Vcpu*>table_array(table, &fresh)
    known = <Vcpu*>table_array(table, &old)
    for i in range(count):
        while k < old.count and known[k].number < threads[i].number:
            k += 1
        # Another thread under the same number is another vCPU: its counters begin again.
        if k < old.count and known[k].number == threads[i].number and known[k].tid == threads[i].tid:
            to[i] = known[k]
        to[i].number = threads[i].number
        to[i].tid = threads[i].tid
    block_give(&table.arena, &old)
    r = table_row(table, row)
    r.vcpus = fresh
    r.shape += 1
    return 0


cdef inline void* find_device(
    const char* texts, char* array, uint32_t count, size_t size, const Device* device
) noexcept nogil:
    """The element of the device's key, or NULL."""
    cdef uint32_t i
    cdef DeviceHead* head
    for i in range(count):
        head = <DeviceHead*>(array + i * size)
        if head.key.size == device.key_size and memcmp(
                texts + head.key.at, device.key, device.key_size) == 0:
            return head
    return NULL


cdef inline Disk* disk_at(
    Table* table, uint32_t row, const char* target, uint32_t size
) noexcept nogil:
    """The guest's disk of that target, or NULL."""
    cdef Row* r = table_row(table, row)
    cdef const char* texts = <const char*>table_array(table, &r.texts)
    cdef Disk* disks = <Disk*>table_array(table, &r.disks)
    cdef uint32_t i
    for i in range(r.disks.count):
        if disks[i].target.size == size and memcmp(texts + disks[i].target.at, target, size) == 0:
            return &disks[i]
    return NULL


cdef inline Text put_text(char* texts, uint32_t* used, const char* text, uint32_t n) noexcept nogil:
    cdef Text put
    put.at = used[0]
    put.size = n
    memcpy(texts + put.at, text, n)
    used[0] += n
    return put


cdef inline void fill_devices(
    Table* table, Row* r, Block* old, Block* fresh, size_t size, Block* texts, uint32_t* used,
    const Device* devices
) noexcept nogil:
    cdef char* old_texts = <char*>table_array(table, &r.texts)
    cdef char* from_ = <char*>table_array(table, old)
    cdef char* to = <char*>table_array(table, fresh)
    cdef char* new_texts = <char*>table_array(table, texts)
    cdef void* known
    cdef DeviceHead* head
    cdef uint32_t i
    for i in range(fresh.count):
        head = <DeviceHead*>(to + i * size)
        known = find_device(old_texts, from_, old.count, size, &devices[i])
        if known != NULL:
            memcpy(head, known, size)
        head.key = put_text(new_texts, used, devices[i].key, devices[i].key_size)
        head.target = put_text(new_texts, used, devices[i].target, devices[i].target_size)


cdef inline uint32_t texts_size(const Device* devices, uint32_t count) noexcept nogil:
    cdef uint32_t size = 0
    cdef uint32_t i
    for i in range(count):
        size += devices[i].key_size + devices[i].target_size
    return size


cdef inline int table_set_devices(
    Table* table, uint32_t row, const Device* disks, uint32_t disk_count,
    const Device* interfaces, uint32_t interface_count
) noexcept nogil:
    """The disks and interfaces of the definition, in its order; -1 without memory."""
    cdef Row* r
    cdef Block texts
    cdef Block new_disks
    cdef Block new_interfaces
    cdef uint32_t used = 0
    if block_take(
            &table.arena, &texts,
            texts_size(disks, disk_count) + texts_size(interfaces, interface_count), 1) < 0:
        return -1
    if block_take(&table.arena, &new_disks, disk_count, sizeof(Disk)) < 0:
        block_give(&table.arena, &texts)
        return -1
    if block_take(&table.arena, &new_interfaces, interface_count, sizeof(Interface)) < 0:
        block_give(&table.arena, &texts)
        block_give(&table.arena, &new_disks)
        return -1
    r = table_row(table, row)
    fill_devices(table, r, &r.disks, &new_disks, sizeof(Disk), &texts, &used, disks)
    fill_devices(
        table, r, &r.interfaces, &new_interfaces, sizeof(Interface), &texts, &used, interfaces)
    block_give(&table.arena, &r.texts)
    block_give(&table.arena, &r.disks)
    block_give(&table.arena, &r.interfaces)
    r.texts = texts
    r.disks = new_disks
    r.interfaces = new_interfaces
    r.shape += 1
    return 0


cdef inline bint other_keys(
    const char* held, const char* data, uint32_t count, size_t size
) noexcept nogil:
    """Whether elements are named otherwise than before: by the number that each begins with."""
    cdef uint32_t i
    for i in range(count):
        if (<const uint64_t*>(held + i * size))[0] != (<const uint64_t*>(data + i * size))[0]:
            return True
    return False


cdef inline int table_set_array(
    Table* table, uint32_t row, size_t which, const void* data, uint32_t count, size_t size
) noexcept nogil:
    """Replace the row's array at offset `which` (jobs, iothreads, perf) by a copy of `data`."""
    cdef Row* r = table_row(table, row)
    cdef Block* block = <Block*>(<char*>r + which)
    cdef Block fresh
    if block.count != count:
        if block_take(&table.arena, &fresh, count, size) < 0:
            return -1
        r = table_row(table, row)
        block = <Block*>(<char*>r + which)
        block_give(&table.arena, block)
        block[0] = fresh
        r.shape += 1
    elif count and other_keys(
            <const char*>table_array(table, block), <const char*>data, count, size):
        r.shape += 1
    if count:
        memcpy(table_array(table, block), data, count * size)
    return 0
