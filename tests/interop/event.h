/* One event as it came, and the numbers of classes that a heartbeat or an answer tells. */
#ifndef EVENT_H
#define EVENT_H

#include "filter.h"
#include "view.h"

/* The numbers of [[name, number], ...], the larger of what was known and what is told. */
static bool take_classes(Cursor c, int64_t *numbers)
{
    Value list = take(&c);
    for (int64_t i = 0; list.type == ARRAY && i < list.number; i++) {
        Value pair = take(&c), name = take(&c), number = take(&c);
        if (pair.type != ARRAY || pair.number != 2 || name.type != TEXT || number.type != INT)
            return false;
        int class = class_number(name.text, name.size);
        if (class < CLASSES && number.number > numbers[class])
            numbers[class] = number.number;
    }
    return list.type == ARRAY;
}

/* How many events the agent had no room for: [[kind, number], ...]. */
static bool take_lost(Cursor c, int64_t *lost)
{
    Value list = take(&c);
    for (int64_t i = 0; list.type == ARRAY && i < list.number; i++) {
        Value pair = take(&c), name = take(&c), number = take(&c);
        if (pair.type != ARRAY || pair.number != 2 || name.type != TEXT || number.type != INT)
            return false;
        *lost += number.number;
    }
    return list.type == ARRAY;
}

/* One field; what is `wrong` with those of a guest counts only in kinds that tell of guests. */
static bool take_event_field(Event *e, Value key, Cursor *c, bool *wrong)
{
    if (is(key, "epoch")) return take_number(c, &e->epoch);
    if (is(key, "sequence")) return take_number(c, &e->sequence);
    if (is(key, "kind_previous")) return take_number(c, &e->kind_previous);
    if (is(key, "monotonic_ns")) return take_number(c, &e->monotonic_ns);
    if (is(key, "sums")) return take_sums(c, &e->sums);
    Cursor value = *c;
    Value v = take(&value);
    if (is(key, "kind")) copy(e->kind, sizeof e->kind, v);
    else if (is(key, "event")) copy(e->event, sizeof e->event, v);
    else if (is(key, "classes")) e->classes = *c;
    else if (is(key, "kinds")) e->losses = *c;
    else if (is(key, "account")) e->account = *c;
    else if (is(key, "previous")) e->previous = v.number, *wrong |= v.type != INT;
    else if (is(key, "actual")) e->actual = v.number, *wrong |= v.type != INT;
    else *wrong |= !take_guest_field(&e->guest, key, v);
    return skip(c);
}

/* One event's map, of the class that its topic names. */
static bool take_event(Cursor *c, Event *e, int class)
{
    Value map = take(c);
    bool wrong = false;
    *e = (Event){.guest = {.id = -1}};
    for (int64_t i = 0; map.type == MAP && i < map.number; i++) {
        Value key = take(c);
        if (key.type != TEXT || !take_event_field(e, key, c, &wrong))
            return false;
    }
    static const char *const of_guests[] = {"lifecycle", "facts", "balloon-change"};
    int known = class_of(e->kind);
    e->class = known < CLASSES ? known : class;
    wrong &= place_in(of_guests, 3, e->kind) < 3;
    if (!strcmp(e->kind, "lost"))
        wrong = !e->losses.at || !take_lost(e->losses, &e->lost);
    return map.type == MAP && e->kind[0] && e->epoch && !wrong;
}

#endif
