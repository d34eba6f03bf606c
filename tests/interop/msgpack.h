/* MessagePack, as much of it as docs/wire.md needs: reading with a cursor, writing small maps. */
#ifndef MSGPACK_H
#define MSGPACK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { NIL, BOOL, INT, FLOAT, TEXT, ARRAY, MAP, OTHER, BAD };

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

/* How many bytes behind a tag say a number, or how much follows. */
static int number_size(uint8_t tag)
{
    static const uint8_t sizes[] = {1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* 0xc4 on */
    if (tag >= 0xc4 && tag <= 0xd3) return sizes[tag - 0xc4];
    if (tag >= 0xd9 && tag <= 0xdb) return 1 << (tag - 0xd9);
    return tag >= 0xdc && tag <= 0xdf ? (tag & 1 ? 4 : 2) : 0;
}

/* How many bytes of a text, or of what has no use here, follow the number. */
static uint64_t body_size(uint8_t tag, uint64_t number)
{
    if (tag >= 0xa0 && tag < 0xc0) return tag & 31;
    if (tag >= 0xd4 && tag <= 0xd8) return 1 + (1u << (tag - 0xd4));
    if (tag >= 0xc7 && tag <= 0xc9) return 1 + number;
    return (tag >= 0xc4 && tag <= 0xc6) || (tag >= 0xd9 && tag <= 0xdb) ? number : 0;
}

/* The next value; of an array or map its head alone. BAD at the end, or for what is none. */
static Value take(Cursor *c)
{
    Value v = {.type = BAD};
    if (c->at >= c->end || *c->at == 0xc1 || c->end - c->at <= number_size(*c->at))
        return v;
    uint8_t tag = *c->at++;
    int bytes = number_size(tag);
    uint64_t number = take_big(c, bytes), size = body_size(tag, number);
    if (tag < 0x80) v.type = INT, v.number = tag;
    else if (tag < 0x90) v.type = MAP, v.number = tag & 15;
    else if (tag < 0xa0) v.type = ARRAY, v.number = tag & 15;
    else if (tag < 0xc0 || (tag >= 0xd9 && tag <= 0xdb)) v.type = TEXT;
    else if (tag == 0xc0) v.type = NIL;
    else if (tag <= 0xc3) v.type = BOOL, v.number = tag & 1;
    else if (tag <= 0xc9 || (tag >= 0xd4 && tag <= 0xd8)) v.type = OTHER;
    else if (tag <= 0xcb) v.type = FLOAT, v.real = real_of(number, bytes);
    else if (tag <= 0xcf || tag == 0xd3) v.type = INT, v.number = (int64_t)number;
    else if (tag == 0xd0) v.type = INT, v.number = (int8_t)number;
    else if (tag == 0xd1) v.type = INT, v.number = (int16_t)number;
    else if (tag == 0xd2) v.type = INT, v.number = (int32_t)number;
    else if (tag >= 0xe0) v.type = INT, v.number = (int8_t)tag;
    else v.type = tag <= 0xdd ? ARRAY : MAP, v.number = (int64_t)number;
    if ((uint64_t)(c->end - c->at) < size)
        return (Value){.type = BAD};
    v.size = (uint32_t)size;
    v.text = (const char *)c->at;
    c->at += size;
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

static bool take_number(Cursor *c, int64_t *to)
{
    Value v = take(c);
    *to = v.number;
    return v.type == INT;
}

typedef struct {
    uint8_t bytes[8192];
    size_t size;
} Packed;

/* Of 65,535 at most. */
static void put_array(Packed *p, int count)
{
    p->bytes[p->size++] = 0xdc;
    p->bytes[p->size++] = (uint8_t)(count >> 8);
    p->bytes[p->size++] = (uint8_t)count;
}

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
