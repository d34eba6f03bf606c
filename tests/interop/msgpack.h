/* MessagePack, as much of it as docs/wire.md needs: reading with a cursor, writing small maps. */
#ifndef MSGPACK_H
#define MSGPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { NIL, BOOL, INT, FLOAT, TEXT, ARRAY, MAP, BAD };

typedef struct {
    const uint8_t *at, *end;
} Cursor;

typedef struct {
    int type;
    int64_t number;     /* BOOL, INT; of ARRAY and MAP the count */
    double real;        /* FLOAT */
    const char *text;   /* TEXT, not terminated */
    uint32_t size;
} Value;

static uint64_t take_big(Cursor *c, int bytes)
{
    uint64_t number = 0;
    while (bytes--)
        number = number << 8 | *c->at++;
    return number;
}

static double real_of(uint64_t bits, int bytes)
{
    uint32_t low = (uint32_t)bits;
    float narrow;
    double wide;
    memcpy(&narrow, &low, sizeof narrow);
    memcpy(&wide, &bits, sizeof wide);
    return bytes == 4 ? narrow : wide;
}

/* The next value; of an array or map its head alone. BAD at the end, or for what is not used. */
static Value take(Cursor *c)
{
    Value v = {.type = BAD};
    if (c->at >= c->end)
        return v;
    uint8_t tag = *c->at++;
    static const uint8_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8}; /* from 0xcc on */
    int bytes = 0;
    if (tag >= 0xca && tag <= 0xcb) bytes = tag == 0xca ? 4 : 8;
    else if (tag >= 0xcc && tag <= 0xd3) bytes = sizes[tag - 0xcc];
    else if (tag >= 0xd9 && tag <= 0xdb) bytes = 1 << (tag - 0xd9);
    else if (tag >= 0xdc && tag <= 0xdf) bytes = tag & 1 ? 4 : 2;
    if (c->end - c->at < bytes)
        return v;
    uint64_t number = take_big(c, bytes);
    if (tag < 0x80) v.type = INT, v.number = tag;
    else if (tag < 0x90) v.type = MAP, v.number = tag & 15;
    else if (tag < 0xa0) v.type = ARRAY, v.number = tag & 15;
    else if (tag < 0xc0) v.type = TEXT, v.size = tag & 31;
    else if (tag == 0xc0) v.type = NIL;
    else if (tag == 0xc2 || tag == 0xc3) v.type = BOOL, v.number = tag & 1;
    else if (tag == 0xca || tag == 0xcb) v.type = FLOAT, v.real = real_of(number, bytes);
    else if (tag <= 0xcb) return v;
    else if (tag <= 0xcf) v.type = INT, v.number = (int64_t)number;
    else if (tag == 0xd0) v.type = INT, v.number = (int8_t)number;
    else if (tag == 0xd1) v.type = INT, v.number = (int16_t)number;
    else if (tag == 0xd2) v.type = INT, v.number = (int32_t)number;
    else if (tag == 0xd3) v.type = INT, v.number = (int64_t)number;
    else if (tag >= 0xe0) v.type = INT, v.number = (int8_t)tag;
    else if (tag >= 0xd9 && tag <= 0xdb) v.type = TEXT, v.size = (uint32_t)number;
    else if (tag == 0xdc || tag == 0xdd) v.type = ARRAY, v.number = (int64_t)number;
    else if (tag == 0xde || tag == 0xdf) v.type = MAP, v.number = (int64_t)number;
    if (v.type == TEXT) {
        if ((uint64_t)(c->end - c->at) < v.size)
            return (Value){.type = BAD};
        v.text = (const char *)c->at;
        c->at += v.size;
    }
    return v;
}

/* Pass over one value with all that is in it; false where the bytes do not hold it. */
static bool skip(Cursor *c)
{
    int64_t left = 1;
    while (left-- > 0) {
        Value v = take(c);
        if (v.type == BAD)
            return false;
        left += v.type == ARRAY ? v.number : v.type == MAP ? 2 * v.number : 0;
    }
    return true;
}

static bool is(Value v, const char *text)
{
    return v.type == TEXT && v.size == strlen(text) && !memcmp(v.text, text, v.size);
}

typedef struct {
    uint8_t bytes[1024];
    size_t size;
} Packed;

static void put_map(Packed *p, int count) { p->bytes[p->size++] = (uint8_t)(0x80 | count); }

static void put_text(Packed *p, const char *text)
{
    size_t size = strlen(text);
    p->bytes[p->size++] = 0xd9;
    p->bytes[p->size++] = (uint8_t)size;
    memcpy(p->bytes + p->size, text, size);
    p->size += size;
}

static void put_number(Packed *p, uint64_t number)
{
    p->bytes[p->size++] = 0xcf;
    for (int shift = 56; shift >= 0; shift -= 8)
        p->bytes[p->size++] = (uint8_t)(number >> shift);
}

#endif
