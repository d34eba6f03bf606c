/* Which events are wanted: by class, kind and guest. */
#ifndef FILTER_H
#define FILTER_H

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

#include "msgpack.h"

enum { LIFECYCLE, SETTLED, HOST, CLASSES };
enum { MOST_KINDS = 36, MOST_UUIDS = 64, CLASS_KINDS = 28 };

static const char *const class_names[CLASSES] = {"lifecycle", "settled", "host"};

/* A replay carries no topics: its events' classes are told by their kinds. */
static const char *const class_kinds[CLASSES][CLASS_KINDS] = {
    {"lifecycle", "reboot", "rtc-change", "watchdog", "graphics", "io-error", "control-error",
     "disk-change", "tray-change", "pm-wakeup", "pm-suspend", "balloon-change", "pm-suspend-disk",
     "device-removed", "block-job", "tunable", "agent-lifecycle", "device-added",
     "migration-iteration", "job-completed", "device-removal-failed", "metadata-change",
     "block-threshold", "memory-failure", "memory-device-size-change", "facts", "process-exit"},
    {"stopped", "rebooted"},
    {"network", "pool", "pool-refresh", "connection", "account", "lost"}};

/* An empty list is no limit. */
typedef struct {
    bool classes[CLASSES];
    int kind_count, uuid_count;
    const char *kinds[MOST_KINDS], *uuids[MOST_UUIDS];
} Filter;

static int class_number(const char *name, size_t size)
{
    for (int i = 0; i < CLASSES; i++)
        if (strlen(class_names[i]) == size && !memcmp(class_names[i], name, size))
            return i;
    return CLASSES;
}

/* CLASSES for a kind that is not known. */
static int class_of(const char *kind)
{
    for (int class = 0; class < CLASSES; class++)
        for (int i = 0; i < CLASS_KINDS && class_kinds[class][i]; i++)
            if (!strcmp(class_kinds[class][i], kind))
                return class;
    return CLASSES;
}

/* Where a text is in a list, or how many it has. */
static int place_in(const char *const *list, int count, const char *text)
{
    int i = 0;
    while (i < count && strcmp(list[i], text))
        i++;
    return i;
}

static bool wants_kind(const Filter *f, const char *kind)
{
    return !f->kind_count || place_in(f->kinds, f->kind_count, kind) < f->kind_count;
}

static bool wants_uuid(const Filter *f, const char *uuid)
{
    return !f->uuid_count || place_in(f->uuids, f->uuid_count, uuid) < f->uuid_count;
}

/* Whether a class has events that are wanted: whether its numbers matter. */
static bool wants_class(const Filter *f, int class)
{
    bool any = !f->kind_count;
    for (int i = 0; i < f->kind_count; i++)
        any |= class_of(f->kinds[i]) == class;
    return f->classes[class] && any;
}

/* Whether the agent's own losses are among what is wanted. */
static bool tells_losses(const Filter *f)
{
    return f->classes[HOST] && !f->uuid_count && wants_kind(f, "lost");
}

static void subscribe_to(void *socket, const Filter *f)
{
    for (int class = 0; class < CLASSES; class++)
        for (int k = 0; k < CLASS_KINDS && class_kinds[class][k] && f->classes[class]; k++)
            for (int u = 0; u < (f->uuid_count ? f->uuid_count : 1); u++) {
                char topic[128];
                const char *kind = class_kinds[class][k];
                bool all = !f->kind_count && !f->uuid_count;
                if (!wants_kind(f, kind) || (all && k))
                    continue;
                int size = all ? snprintf(topic, sizeof topic, "%s/", class_names[class])
                               : snprintf(topic, sizeof topic, "%s/%s/%s", class_names[class],
                                          kind, f->uuid_count ? f->uuids[u] : "");
                zmq_setsockopt(socket, ZMQ_SUBSCRIBE, topic, (size_t)size);
            }
    /* Last: who has heard either of the last two misses nothing of the others. */
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "host/lost/", strlen("host/lost/"));
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "heartbeat/", strlen("heartbeat/"));
    zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "welcome", sizeof "welcome"); /* with its NUL */
}

/* One option: class, kind or guest. False where there is no such thing. */
static bool limit(Filter *f, const char *by, const char *to)
{
    static bool chosen;
    int class = class_number(to, strlen(to));
    if (!strcmp(by, "--class") && class < CLASSES) {
        for (int i = 0; i < CLASSES && !chosen; i++)
            f->classes[i] = false;
        return (chosen = f->classes[class] = true);
    }
    if (!strcmp(by, "--kind") && class_of(to) < CLASSES && f->kind_count < MOST_KINDS)
        return (f->kinds[f->kind_count++] = to);
    if (!strcmp(by, "--guest") && strlen(to) == 36 && f->uuid_count < MOST_UUIDS)
        return (f->uuids[f->uuid_count++] = to);
    return false;
}

#endif
