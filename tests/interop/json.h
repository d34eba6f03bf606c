/* MessagePack values as JSON, for who compares what was understood. */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>
#include <stdlib.h>

#include "msgpack.h"

static void print_chars(const char *text, size_t size)
{
    putchar('"');
    for (size_t i = 0; i < size; i++)
        if (text[i] == '"' || text[i] == '\\') printf("\\%c", text[i]);
        else if ((unsigned char)text[i] < 32) printf("\\u%04x", text[i]);
        else putchar(text[i]);
    putchar('"');
}

static void print_text(const char *text) { print_chars(text, strlen(text)); }

/* A value that holds no others. */
static void print_value(Value v)
{
    if (v.type == TEXT) print_chars(v.text, v.size);
    else if (v.type == INT) printf("%lld", (long long)v.number);
    else if (v.type == FLOAT) printf("%.17g", v.real);
    else if (v.type == BOOL) printf(v.number ? "true" : "false");
    else printf("null");
}

/* The next value with all that is in it. */
static void print_any(Cursor *c)
{
    Value v = take(c);
    if (v.type != ARRAY && v.type != MAP) {
        print_value(v);
        return;
    }
    putchar(v.type == MAP ? '{' : '[');
    for (int64_t i = 0; i < v.number; i++) {
        if (i) putchar(',');
        print_any(c);
        if (v.type == MAP) {
            putchar(':');
            print_any(c);
        }
    }
    putchar(v.type == MAP ? '}' : ']');
}

#endif
