/* What a subscriber says of itself: how what was missed was made good, and which events came. */
#ifndef REPORT_H
#define REPORT_H

#include "json.h"
#include "order.h"

enum { MOST_REPAIRS = 1000, MOST_EVENTS = 100000 };

typedef struct {
    const char *reason, *by;
    int64_t events, lost;
} Repair;

static Repair repairs[MOST_REPAIRS];
static struct { int class; int64_t sequence; } delivered[MOST_EVENTS];
static size_t repair_count, delivered_count;
static unsigned long dropped, replays, snapshots, malformed;

/* The newest of them are kept. */
static void repaired(const char *reason, const char *by, int64_t events, int64_t lost)
{
    repairs[repair_count++ % MOST_REPAIRS] = (Repair){reason, by, events, lost};
}

static void deliver(const Event *e)
{
    size_t place = delivered_count++ % MOST_EVENTS;
    delivered[place].class = e->class;
    delivered[place].sequence = e->sequence;
}

static void print_repairs(void)
{
    size_t first = repair_count > MOST_REPAIRS ? repair_count - MOST_REPAIRS : 0;
    printf("[");
    for (size_t i = first; i < repair_count; i++) {
        const Repair *r = &repairs[i % MOST_REPAIRS];
        printf("%s[\"%s\",\"%s\",%lld,%lld]", i > first ? "," : "", r->reason, r->by,
               (long long)r->events, (long long)r->lost);
    }
    printf("]");
}

/* Those that came since they were printed before. */
static void print_delivered(void)
{
    size_t first = delivered_count > MOST_EVENTS ? delivered_count - MOST_EVENTS : 0;
    printf("[");
    for (size_t i = first; i < delivered_count; i++)
        printf("%s[\"%s\",%lld]", i > first ? "," : "",
               class_names[delivered[i % MOST_EVENTS].class],
               (long long)delivered[i % MOST_EVENTS].sequence);
    printf("]");
    delivered_count = 0;
}

#endif
