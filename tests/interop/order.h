/* What was had of one run's events, and whether an event follows it: docs/wire.md, "Gaps". */
#ifndef ORDER_H
#define ORDER_H

#include "event.h"
#include "filter.h"

enum { NEW, OLD, GAP };

/* `complete`: up to where nothing wanted is missing. Beyond it, with a filter: of each pair of
 * guest and kind the last number had; of each guest and kind the last before which nothing of it
 * is missing. The place behind the last is everybody's who is not in the filter. */
typedef struct {
    const Filter *wanted;
    int64_t complete[CLASSES];
    int64_t of_uuid[CLASSES][MOST_UUIDS + 1], of_kind[CLASSES][MOST_KINDS + 1];
    int64_t of_pair[CLASSES][MOST_UUIDS + 1][MOST_KINDS + 1];
} Order;

static bool within(int64_t number, int64_t known, int64_t had)
{
    return number <= (known > had ? known : had);
}

/* Whether an event is the next; one that is NEW counts as had from now on. */
static int judge(Order *o, const Event *e, bool replayed)
{
    const Filter *f = o->wanted;
    if (e->class == CLASSES || !wants_class(f, e->class) || e->sequence <= o->complete[e->class])
        return OLD;
    int64_t *known = &o->complete[e->class];
    if (!f->kind_count && !f->uuid_count) {
        if (e->sequence != *known + 1 && !replayed)
            return GAP;
        *known = e->sequence;
        return NEW;
    }
    int uuid = place_in(f->uuids, f->uuid_count, e->guest.uuid);
    int kind = place_in(f->kinds, f->kind_count, e->kind);
    int64_t *of_uuid = &o->of_uuid[e->class][uuid], *of_kind = &o->of_kind[e->class][kind];
    int64_t *of_pair = &o->of_pair[e->class][uuid][kind];
    bool by_uuid = f->uuid_count && within(e->previous, *known, *of_uuid);
    bool by_kind = f->kind_count && within(e->kind_previous, *known, *of_kind);
    if (e->sequence <= *of_pair)
        return OLD;
    if (!by_uuid && !by_kind && !replayed)
        return GAP;
    *of_pair = e->sequence;
    if (by_uuid) *of_uuid = e->sequence;
    if (by_kind) *of_kind = e->sequence;
    return NEW;
}

/* Whether wanted events up to these numbers may be missing. */
static bool is_behind(const Order *o, const int64_t *newest)
{
    for (int i = 0; i < CLASSES; i++)
        if (wants_class(o->wanted, i) && newest[i] > o->complete[i])
            return true;
    return false;
}

/* Everything wanted up to these numbers is here; whether they led further. */
static bool catch_up(Order *o, const int64_t *through)
{
    bool further = false;
    for (int i = 0; i < CLASSES; i++)
        if (wants_class(o->wanted, i) && through[i] > o->complete[i])
            o->complete[i] = through[i], further = true;
    return further;
}

#endif
