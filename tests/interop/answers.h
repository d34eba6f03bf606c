/* What an agent answers to the question that is open. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "link.h"

/* The fields of an answer that are used. */
typedef struct {
    Value type, code, host, connection;
    int64_t re, id, row, epoch, more, numbers[CLASSES];
    Cursor body, account; /* none where `at` is NULL */
} Answer;

static bool take_fields(Cursor *c, Answer *a)
{
    Value map = take(c);
    *a = (Answer){.more = 0};
    for (int64_t i = 0; map.type == MAP && i < map.number; i++) {
        Value key = take(c);
        Cursor from = *c, value = *c;
        Value v = take(&value);
        if (key.type != TEXT || !skip(c)) return false;
        if (is(key, "type")) a->type = v;
        else if (is(key, "code")) a->code = v;
        else if (is(key, "host")) a->host = v;
        else if (is(key, "connection")) a->connection = v;
        else if (is(key, "re")) a->re = v.number;
        else if (is(key, "id")) a->id = v.number;
        else if (is(key, "row")) a->row = v.number;
        else if (is(key, "epoch")) a->epoch = v.number;
        else if (is(key, "more")) a->more = v.number;
        else if (is(key, "guests") || is(key, "events")) a->body = from;
        else if (is(key, "account")) a->account = from;
        else if (is(key, "through") && !take_classes(from, a->numbers)) return false;
        else if (is(key, "classes") && is(a->type, "snapshot") && !take_classes(from, a->numbers))
            return false;
    }
    return map.type == MAP;
}

static bool take_guests(Cursor c)
{
    Value list = take(&c);
    for (int64_t i = 0; list.type == ARRAY && i < list.number; i++) {
        Value map = take(&c);
        Guest g = {.id = -1};
        for (int64_t field = 0; map.type == MAP && field < map.number; field++) {
            Value key = take(&c);
            Cursor value = c;
            if (!take_guest_field(&g, key, take(&value)) || !skip(&c))
                return false;
        }
        if (map.type != MAP)
            return false;
        *add_guest(g.uuid) = g;
    }
    return list.type == ARRAY;
}

/* Whether a page leads on; it does not where it brings no guest nearer to the last. */
static bool take_page(const Answer *a)
{
    size_t before = guest_count;
    if (!take_guests(a->body)) {
        guest_count = before; /* asked for again when its time is over */
        return false;
    }
    bool nowhere = a->row && (a->row <= asked_row || guest_count == before);
    if (nowhere || guest_count > most_guests) {
        join_later(timeout_ms);
        return false;
    }
    if (a->row) {
        pages_of = a->epoch;
        put_snapshot(a->id, a->row);
        send_request();
    }
    return true;
}

static bool take_snapshot(const Answer *a)
{
    int64_t told[CLASSES] = {0};
    if (pages_of && a->epoch != pages_of) {
        join(); /* a page of another run does not belong to those before it */
        return true;
    }
    if (!take_page(a))
        return false;
    if (a->row)
        return true;
    account.size = 0;
    if (a->account.at && !take_account(a->account, true)) {
        join_later(timeout_ms);
        return false;
    }
    copy(host, sizeof host, a->host);
    copy(connection, sizeof connection, a->connection);
    if (a->epoch == newest_of)
        memcpy(told, newest, sizeof told);
    begin(a->epoch, a->numbers);
    made_good("snapshot", 0);
    snapshots++;
    memcpy(newest, told, sizeof newest);
    repair(reason, false); /* others were given the same one, before we came */
    return true;
}

/* Of the events of a replay those that were missing; false where it has none, and took none. */
static bool take_events(Cursor c)
{
    for (int pass = 0; pass < 2; pass++) {
        Cursor at = c;
        Value list = take(&at);
        if (list.type != ARRAY)
            return false;
        for (int64_t i = 0; i < list.number; i++) {
            Event e;
            if (!take_event(&at, &e, CLASSES))
                return false;
            if (pass) {
                count_sums(&e.sums);
                judged(&e, true);
            }
        }
    }
    return true;
}

static bool take_replay(const Answer *a)
{
    static const int64_t none[CLASSES];
    Order *o = &orders[asking];
    int64_t before[CLASSES];
    size_t delivered_before = delivered_count;
    memcpy(before, o->complete, sizeof before);
    if (a->epoch != epoch) {
        turn_to(a->epoch, none);
        return true;
    }
    if (!take_events(a->body))
        return false;
    brought += (int64_t)(delivered_count - delivered_before);
    replays++;
    catch_up(o, a->numbers);
    if (a->more ? !memcmp(before, o->complete, sizeof before) : is_behind(o, newest))
        return false; /* it brings less than the bus has told of */
    pending[asking] = a->more;
    if (a->more) ask_replay();
    else ask_next();
    return true;
}

/* No replay brings what is missing: a view begins anew, events go on behind it. */
static void go_without(void)
{
    if (with_view) {
        join();
        return;
    }
    catch_up(&orders[asking], newest);
    made_good("nothing", 0);
    pending[asking] = false;
    ask_next();
}

static void take_refusal(const Answer *a)
{
    if (is(a->code, "rate")) deadline_ms = now_ms() + RATE_MS;
    else if (state == REPAIRING) go_without();
    else if (is(a->code, "expired") && pages_of) join_later(100 + rand() % 900); /* many may */
    else deadline_ms = now_ms() + timeout_ms;
}

static void take_answer(Cursor c)
{
    Answer a;
    bool sound = take_fields(&c, &a);
    if (sound && (a.re != question || !waiting()))
        return; /* of a question that was given up */
    bool refused = sound && is(a.type, "refusal");
    sound = refused || (sound && is(a.type, state == JOINING ? "snapshot" : "replay"));
    if (sound)
        unanswered = 0;
    if (refused)
        take_refusal(&a);
    else if (!sound || !(state == JOINING ? take_snapshot(&a) : take_replay(&a))) {
        malformed++;
        if (state == REPAIRING && ++useless >= TRIES)
            go_without(); /* until then the question stands */
    }
}

/* Put the question again whose time is over; who keeps no view goes on without an answer. */
static void keep_time(void)
{
    if (!waiting() || now_ms() < deadline_ms)
        return;
    if (++unanswered < TRIES || with_view) {
        send_request();
        return;
    }
    unanswered = 0;
    unasked_until_ms = now_ms() + UNASKED_MS;
    give_up();
}

#endif
