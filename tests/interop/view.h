/* What a subscriber knows of one host: its guests, its connection to libvirt and its account. */
#ifndef VIEW_H
#define VIEW_H

#include "account.h"

typedef struct {
    char uuid[40], name[256], presence[16], state[16];
    int64_t id, reason, vcpus, memory, memory_max, persistent, autostart, known_ns;
} Guest;

/* Every field of an event that is used; what is missing keeps its default. */
typedef struct {
    char kind[64], event[32];
    int class;
    Guest guest;
    int64_t epoch, sequence, previous, kind_previous, monotonic_ns, actual, lost;
    Sums sums;
    Cursor account, classes, losses; /* none where `at` is NULL */
} Event;

static char host[256], connection[16];

static Guest *guests;
static size_t guest_count, guest_room;

static void copy(char *to, size_t room, Value v)
{
    size_t size = v.type == TEXT && v.size < room ? v.size : 0;
    memcpy(to, v.text ? v.text : "", size);
    to[size] = 0;
}

/* One field of a guest, or one that is none; false where its value is of another type. */
static bool take_guest_field(Guest *g, Value key, Value v)
{
    struct { const char *name; int64_t *to; int type; } numbers[] = {
        {"id", &g->id, INT}, {"reason", &g->reason, INT}, {"vcpus", &g->vcpus, INT},
        {"memory", &g->memory, INT}, {"memory_max", &g->memory_max, INT},
        {"known_ns", &g->known_ns, INT}, {"persistent", &g->persistent, BOOL},
        {"autostart", &g->autostart, BOOL}};
    struct { const char *name; char *to; size_t room; } texts[] = {
        {"uuid", g->uuid, sizeof g->uuid}, {"name", g->name, sizeof g->name},
        {"presence", g->presence, sizeof g->presence}, {"state", g->state, sizeof g->state}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (is(key, numbers[i].name)) {
            *numbers[i].to = v.number;
            return v.type == numbers[i].type;
        }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is(key, texts[i].name)) {
            copy(texts[i].to, texts[i].room, v);
            return v.type == TEXT;
        }
    return true;
}

static Guest *find_guest(const char *uuid)
{
    for (size_t i = 0; i < guest_count; i++)
        if (!strcmp(guests[i].uuid, uuid))
            return &guests[i];
    return NULL;
}

static Guest *add_guest(const char *uuid)
{
    if (guest_count == guest_room) {
        guest_room = guest_room ? 2 * guest_room : 64;
        guests = realloc(guests, guest_room * sizeof *guests);
        if (!guests)
            abort();
    }
    Guest *g = &guests[guest_count++];
    *g = (Guest){.id = -1, .presence = "unknown", .state = "nostate"};
    strcpy(g->uuid, uuid);
    return g;
}

static void apply(const Event *e)
{
    Guest *g = find_guest(e->guest.uuid);
    count_sums(&e->sums);
    if (!strcmp(e->kind, "lifecycle")) {
        if (!strcmp(e->guest.state, "absent")) {
            if (g)
                *g = guests[--guest_count];
            return;
        }
        if (!g)
            g = add_guest(e->guest.uuid);
        if (strcmp(e->event, "undefined") || !g->name[0])
            strcpy(g->name, e->guest.name);
        g->id = !strcmp(e->event, "stopped") ? -1 : e->guest.id >= 0 ? e->guest.id : g->id;
        strcpy(g->state, e->guest.state);
        g->reason = e->guest.reason;
        g->persistent = e->guest.persistent;
        strcpy(g->presence, "present");
        g->known_ns = e->monotonic_ns;
    } else if (!strcmp(e->kind, "facts")) {
        if (!g)
            g = add_guest(e->guest.uuid);
        *g = e->guest;
        strcpy(g->presence, "present");
        g->known_ns = e->monotonic_ns;
    } else if (!strcmp(e->kind, "balloon-change")) {
        if (g && g->memory) /* 0: its sizes are yet to be told */
            g->memory = e->actual;
    } else if (!strcmp(e->kind, "account")) {
        take_account(e->account, false);
    } else if (!strcmp(e->kind, "connection")) {
        strcpy(connection, e->guest.state);
        if (!strcmp(connection, "up"))
            return;
        for (size_t i = 0; i < guest_count; i++)
            if (guests[i].known_ns < e->monotonic_ns)
                strcpy(guests[i].presence, "unknown");
    }
}

static void print_guests(void)
{
    printf("[");
    for (size_t i = 0; i < guest_count; i++) {
        const Guest *g = &guests[i];
        printf("%s{\"uuid\":\"%s\",\"name\":", i ? "," : "", g->uuid);
        print_text(g->name);
        printf(",\"id\":%lld,\"presence\":\"%s\",\"state\":\"%s\",\"reason\":%lld,\"vcpus\":%lld,"
               "\"memory\":%lld,\"memory_max\":%lld,\"persistent\":%s,\"autostart\":%s,"
               "\"known_ns\":%lld}",
               (long long)g->id, g->presence, g->state, (long long)g->reason,
               (long long)g->vcpus, (long long)g->memory, (long long)g->memory_max,
               g->persistent ? "true" : "false", g->autostart ? "true" : "false",
               (long long)g->known_ns);
    }
    printf("]");
}

#endif
