/* Where a subscriber is, what it asks for and takes from the bus: the diagram of docs/wire.md. */
#ifndef LINK_H
#define LINK_H

#include <time.h>

#include "report.h"

enum { CONNECTING, JOINING, LIVE, REPAIRING };
enum { TRIES = 3, FORMER_RUNS = 16, MOST_LOST = 16 };
enum { SILENCE_MS = 5000, RATE_MS = 100, UNASKED_MS = 30000 };

static void *bus, *asked;
static int state = CONNECTING, timeout_ms = 2000;
static size_t most_guests = 100000;
static int64_t epoch, former[FORMER_RUNS], pages_of, asked_row, question, deadline_ms;
static int64_t heard_ms = -SILENCE_MS, unasked_until_ms;
static unsigned former_count;
static int64_t newest[CLASSES], newest_of; /* as the bus has told, of which run */
static Filter wanted = {.classes = {true, true, true}};
static Filter losses = {.classes = {[HOST] = true}, .kinds = {"lost"}, .kind_count = 1};
static Order orders[2]; /* what is wanted and, where that leaves them out, the agent's losses */
static int order_count, asking;
static bool pending[2], with_view = true;
static const char *reason;
static int64_t brought;
static int useless, unanswered;
static struct { char *bytes; size_t size; } held; /* the message behind a gap; or size is 0 */
static Packed request;
static int percent, lose_count;
static const char *lose[MOST_LOST];

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool waiting(void) { return state == JOINING || state == REPAIRING; }

/* Whether there is somebody who answers, as far as is known. */
static bool possible(void) { return now_ms() >= unasked_until_ms; }

static void send_request(void)
{
    deadline_ms = now_ms() + timeout_ms;
    zmq_send(asked, request.bytes, request.size, ZMQ_DONTWAIT);
}

static void begin_question(const char *ask, int fields)
{
    request.size = 0;
    put_map(&request, 3 + fields);
    put_text(&request, "ask"), put_text(&request, ask);
    put_text(&request, "v"), put_number(&request, 1);
    put_text(&request, "re"), put_number(&request, (uint64_t)++question);
}

static void put_snapshot(int64_t id, int64_t row)
{
    asked_row = row;
    begin_question("snapshot", 2);
    put_text(&request, "id"), put_number(&request, (uint64_t)id);
    put_text(&request, "row"), put_number(&request, (uint64_t)row);
}

/* Begin with a new snapshot after so long; until then nothing is an answer. */
static void join_later(int64_t pause_ms)
{
    state = JOINING;
    guest_count = 0;
    pages_of = 0;
    put_snapshot(0, 0);
    deadline_ms = now_ms() + pause_ms;
}

static void join(void)
{
    join_later(0);
    send_request();
}

static void put_texts(const char *name, const char *const *texts, int count)
{
    put_text(&request, name), put_array(&request, count);
    for (int i = 0; i < count; i++)
        put_text(&request, texts[i]);
}

static void ask_replay(void)
{
    const Order *o = &orders[asking];
    int classes = 0;
    useless = 0;
    for (int i = 0; i < CLASSES; i++)
        classes += wants_class(o->wanted, i);
    begin_question("replay", 3);
    put_text(&request, "after"), put_map(&request, classes);
    for (int i = 0; i < CLASSES; i++)
        if (wants_class(o->wanted, i))
            put_text(&request, class_names[i]), put_number(&request, (uint64_t)o->complete[i]);
    put_texts("kinds", o->wanted->kinds, o->wanted->kind_count);
    put_texts("guests", o->wanted->uuids, o->wanted->uuid_count);
    send_request();
}

static void take_message(const char *bytes, size_t size);

/* Tell how it was made good; a view that joins has missed nothing. */
static void made_good(const char *by, int64_t events)
{
    if (!with_view || strcmp(reason, "join"))
        repaired(reason, by, events, 0);
}

/* Nothing is asked for any more: go on with the event that was held. */
static void go_on(void)
{
    size_t size = held.size;
    state = LIVE;
    held.size = 0;
    if (size)
        take_message(held.bytes, size);
}

/* Ask for what is missing of the next order that is pending, or go on. */
static void ask_next(void)
{
    for (asking = 0; asking < order_count; asking++)
        if (pending[asking]) {
            state = REPAIRING;
            ask_replay();
            return;
        }
    if (brought)
        made_good("replay", brought);
    go_on();
}

/* What is pending cannot be had: go on behind it. */
static void give_up(void)
{
    for (int i = 0; i < order_count; i++)
        if (pending[i])
            catch_up(&orders[i], newest), pending[i] = false;
    made_good("nothing", 0);
    go_on();
}

/* Ask for what may be missing up to the newest numbers. Who cannot ask and filters learns of it
 * from the next event alone: `shown`, that something is missing. */
static void repair(const char *why, bool shown)
{
    bool any = false;
    for (int i = 0; i < order_count; i++) {
        const Filter *f = orders[i].wanted;
        bool certain = shown || possible() || !(f->kind_count || f->uuid_count);
        any |= pending[i] = certain && is_behind(&orders[i], newest);
    }
    if (!any)
        return;
    reason = why, brought = 0;
    if (possible()) ask_next();
    else give_up();
}

/* A run of the agent, of which everything wanted up to these numbers is here, or not wanted. */
static void begin(int64_t run, const int64_t *numbers)
{
    if (epoch && run != epoch) {
        former[former_count++ % FORMER_RUNS] = epoch;
        unanswered = 0, unasked_until_ms = 0;
    }
    for (int i = 0; i < FORMER_RUNS; i++)
        if (former[i] == run)
            former[i] = 0;
    epoch = run;
    order_count = tells_losses(&wanted) ? 1 : 2;
    memset(orders, 0, sizeof orders);
    orders[0].wanted = &wanted, orders[1].wanted = &losses;
    for (int i = 0; i < order_count; i++)
        catch_up(&orders[i], numbers);
    memset(newest, 0, sizeof newest);
    newest_of = run;
    state = LIVE;
}

/* Go on with this run of the agent, which has told these numbers. */
static void turn_to(int64_t run, const int64_t *told)
{
    static const int64_t none[CLASSES];
    bool first = state == CONNECTING, another = first || run != epoch;
    if (another)
        reason = first ? "join" : "restart", held.size = 0;
    if (another && with_view) {
        memcpy(newest, told, sizeof newest);
        newest_of = run;
        join();
        return;
    }
    if (another)
        begin(run, first ? told : none); /* a new run has all its events */
    for (int i = 0; i < CLASSES; i++)
        if (told[i] > newest[i])
            newest[i] = told[i];
    repair(another ? reason : "gap", false);
}

/* The agent has said which run it is, and how far. */
static void announced(int64_t run, const int64_t *told)
{
    for (int i = 0; i < FORMER_RUNS; i++)
        if (former[i] && former[i] == run)
            return;
    turn_to(run, told);
}

/* An event that was not had before. */
static void had(const Event *e)
{
    if (!strcmp(e->kind, "lost")) /* told whatever the filter */
        repaired("overflow", "nothing", 0, e->lost);
    if (with_view)
        apply(e);
    if (wanted.classes[e->class] && wants_kind(&wanted, e->kind) &&
        wants_uuid(&wanted, e->guest.uuid))
        deliver(e);
}

static int judged(const Event *e, bool in_replay)
{
    bool of_losses = !strcmp(e->kind, "lost");
    int verdict = judge(&orders[of_losses ? order_count - 1 : 0], e, in_replay);
    if (verdict == NEW)
        had(e);
    return verdict;
}

/* Keep the message until what is missing before it is here, or given up. */
static void hold(const char *bytes, size_t size)
{
    if (bytes != held.bytes) {
        held.bytes = realloc(held.bytes, size);
        if (!held.bytes)
            abort();
        memcpy(held.bytes, bytes, size);
    }
    held.size = size;
}

static void follow(const Event *e, const char *bytes, size_t size)
{
    static const int64_t none[CLASSES];
    if (e->epoch != epoch) {
        announced(e->epoch, none);
        return;
    }
    if (judged(e, false) != GAP)
        return;
    if (e->sequence - 1 > newest[e->class])
        newest[e->class] = e->sequence - 1;
    if (is_behind(&orders[0], newest) || is_behind(&orders[order_count - 1], newest)) {
        hold(bytes, size);
        repair("gap", true);
    } else {
        malformed++; /* it names one that cannot be before it */
    }
}

static bool lost_on_purpose(const Event *e)
{
    char name[64];
    snprintf(name, sizeof name, "%s/%lld", class_names[e->class], (long long)e->sequence);
    int place = place_in(lose, lose_count, name);
    return (rand() % 100 < percent || place < lose_count) && ++dropped;
}

static void take_message(const char *bytes, size_t size)
{
    const char *end = memchr(bytes, 0, size);
    const char *slash = end ? memchr(bytes, '/', (size_t)(end - bytes)) : NULL;
    int class = slash ? class_number(bytes, (size_t)(slash - bytes)) : CLASSES;
    int64_t told[CLASSES] = {0};
    Event e;
    Cursor c = {(const uint8_t *)(end ? end + 1 : bytes), (const uint8_t *)bytes + size};
    if (!end || !take_event(&c, &e, class)) {
        malformed++;
    } else if (!strcmp(e.kind, "welcome") || !strcmp(e.kind, "heartbeat")) {
        if (e.classes.at && !take_classes(e.classes, told)) {
            malformed++;
            return;
        }
        if (e.epoch == epoch)
            count_sums(&e.sums);
        announced(e.epoch, told);
    } else if (e.class < CLASSES && state != CONNECTING &&
               (bytes == held.bytes || !lost_on_purpose(&e))) {
        follow(&e, bytes, size);
    }
}

#endif
