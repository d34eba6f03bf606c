/* A subscriber of docs/wire.md in C: libzmq and nothing else.
 *
 * usage: subscriber EVENTS REQUESTS PERCENT SEED
 * Follows one agent and loses PERCENT of its events on purpose. A line on standard input has it
 * print, as one line of JSON, what it knows; its end ends it.
 */
#include <poll.h>
#include <time.h>
#include <zmq.h>

#include "view.h"

enum { CONNECTING, JOINING, LIVE, REPAIRING };
enum { LIFECYCLE, SETTLED, HOST, CLASSES };
static const char *const class_names[CLASSES] = {"lifecycle", "settled", "host"};

static void *bus, *asked;
static int state = CONNECTING;
static int64_t epoch, former_epoch, pages_of, asked_row, question, due_ms;
static int64_t complete[CLASSES], newest[CLASSES], newest_of;
static Packed request;
static unsigned long dropped, replays, snapshots, replayed, malformed;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int class_number(const char *name, size_t size)
{
    for (int i = 0; i < CLASSES; i++)
        if (strlen(class_names[i]) == size && !memcmp(class_names[i], name, size))
            return i;
    return -1;
}

static void send_request(void)
{
    due_ms = now_ms() + 2000;
    zmq_send(asked, request.bytes, request.size, ZMQ_DONTWAIT);
}

static void write_snapshot_request(int64_t id, int64_t row, int64_t run)
{
    pages_of = run;
    asked_row = row;
    request.size = 0;
    put_map(&request, 5);
    put_text(&request, "ask"), put_text(&request, "snapshot");
    put_text(&request, "v"), put_number(&request, 1);
    put_text(&request, "re"), put_number(&request, (uint64_t)++question);
    put_text(&request, "id"), put_number(&request, (uint64_t)id);
    put_text(&request, "row"), put_number(&request, (uint64_t)row);
}

static void join_later(int64_t pause_ms)
{
    state = JOINING;
    guest_count = 0;
    write_snapshot_request(0, 0, 0);
    due_ms = now_ms() + pause_ms;
}

static void join(void)
{
    join_later(0);
    send_request();
}

/* Some hundred milliseconds: many may have to begin anew, and shall not all at once. */
static int64_t pause_by_chance(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 100 + t.tv_nsec / 1000 % 900;
}

static void repair(void)
{
    state = REPAIRING;
    request.size = 0;
    put_map(&request, 4);
    put_text(&request, "ask"), put_text(&request, "replay");
    put_text(&request, "v"), put_number(&request, 1);
    put_text(&request, "re"), put_number(&request, (uint64_t)++question);
    put_text(&request, "after"), put_map(&request, CLASSES);
    for (int i = 0; i < CLASSES; i++)
        put_text(&request, class_names[i]), put_number(&request, (uint64_t)complete[i]);
    send_request();
}

/* The numbers of [[name, number], ...], the larger of what was known and what is told. */
static bool take_classes(Cursor *c, int64_t *numbers)
{
    Value list = take(c);
    for (int64_t i = 0; i < list.number; i++) {
        if (take(c).number != 2)
            return false;
        Value name = take(c), number = take(c);
        int class = name.type == TEXT ? class_number(name.text, name.size) : -1;
        if (number.type != INT)
            return false;
        if (class >= 0 && number.number > numbers[class])
            numbers[class] = number.number;
    }
    return list.type == ARRAY;
}

/* One event's map; `told` takes the classes of a welcome or heartbeat. */
static bool take_event(Cursor *c, Event *e, int64_t *told)
{
    Value map = take(c);
    *e = (Event){.guest = {.id = -1}};
    if (map.type != MAP)
        return false;
    for (int64_t i = 0; i < map.number; i++) {
        Value key = take(c);
        if (key.type != TEXT) return false;
        if (is(key, "kind")) copy(e->kind, sizeof e->kind, take(c));
        else if (is(key, "event")) copy(e->event, sizeof e->event, take(c));
        else if (is(key, "epoch")) e->epoch = take(c).number;
        else if (is(key, "sequence")) e->sequence = take(c).number;
        else if (is(key, "monotonic_ns")) e->monotonic_ns = take(c).number;
        else if (is(key, "actual")) e->actual = take(c).number;
        else if (is(key, "sums")) {
            if (!take_sums(c, &e->sums)) return false;
        } else if (is(key, "account")) {
            e->account = *c;
            if (!skip(c)) return false;
        }
        else if (told && is(key, "classes")) {
            if (!take_classes(c, told)) return false;
        } else if (!take_guest_field(&e->guest, key, c) && !skip(c)) return false;
    }
    return e->kind[0] != 0;
}

/* The agent has said which run it is, and how far. */
static void announced(int64_t run, const int64_t *told)
{
    if (run == former_epoch)
        return;
    if (state == CONNECTING || run != epoch) {
        former_epoch = epoch;
        epoch = run;
        for (int i = 0; i < CLASSES; i++)
            newest[i] = told ? told[i] : 0;
        newest_of = run;
        join();
        return;
    }
    for (int i = 0; i < CLASSES; i++)
        if (told && told[i] > complete[i]) {
            repair();
            return;
        }
}

static bool lost(int percent)
{
    return rand() % 100 < percent && ++dropped;
}

static void take_message(const char *bytes, size_t size, int percent)
{
    const char *end = memchr(bytes, 0, size);
    const char *slash = end ? memchr(bytes, '/', (size_t)(end - bytes)) : NULL;
    int64_t told[CLASSES] = {0};
    Event e;
    Cursor c = {(const uint8_t *)(end ? end + 1 : bytes), (const uint8_t *)bytes + size};
    if (!end || !take_event(&c, &e, told)) {
        malformed++;
        return;
    }
    if (!strcmp(e.kind, "welcome") || !strcmp(e.kind, "heartbeat")) {
        if (e.epoch == epoch)
            count_sums(&e.sums);
        announced(e.epoch, told);
        return;
    }
    int class = slash ? class_number(bytes, (size_t)(slash - bytes)) : -1;
    if (class < 0 || state == CONNECTING || lost(percent))
        return;
    if (e.epoch != epoch)
        announced(e.epoch, NULL);
    else if (e.sequence == complete[class] + 1)
        apply(&e), complete[class]++;
    else if (e.sequence > complete[class])
        repair(); /* it brings this one too */
}

static bool take_guests(Cursor *c)
{
    Value list = take(c);
    for (int64_t i = 0; i < list.number; i++) {
        Value map = take(c);
        Guest g = {.id = -1};
        for (int64_t field = 0; field < map.number; field++) {
            Value key = take(c);
            if (key.type != TEXT || (!take_guest_field(&g, key, c) && !skip(c)))
                return false;
        }
        *add_guest(g.uuid) = g;
    }
    return list.type == ARRAY;
}

/* A replay carries no topics: the class of a kind that the view follows, of others none. */
static int class_of(const char *kind)
{
    static const char *const of_host[] = {"connection", "account"};
    static const char *const of_guests[] = {"lifecycle", "facts", "balloon-change"};
    for (size_t i = 0; i < sizeof of_host / sizeof *of_host; i++)
        if (!strcmp(kind, of_host[i]))
            return HOST;
    for (size_t i = 0; i < sizeof of_guests / sizeof *of_guests; i++)
        if (!strcmp(kind, of_guests[i]))
            return LIFECYCLE;
    return CLASSES;
}

static bool take_replayed(Cursor *c)
{
    Value list = take(c);
    for (int64_t i = 0; i < list.number; i++) {
        Event e;
        if (!take_event(c, &e, NULL))
            return false;
        int class = class_of(e.kind);
        if (e.epoch != epoch)
            continue;
        replayed++;
        count_sums(&e.sums);
        if (class < CLASSES && e.sequence > complete[class])
            apply(&e), complete[class] = e.sequence;
    }
    return list.type == ARRAY;
}

static bool take_answer(Cursor *c)
{
    Value map = take(c), type = {0}, code = {0};
    int64_t re = 0, id = 0, row = 0, run = 0, more = 0, numbers[CLASSES] = {0};
    Value its_host = {0}, its_connection = {0};
    Cursor body = {0}, whole = {0};
    if (map.type != MAP)
        return false;
    for (int64_t i = 0; i < map.number; i++) {
        Value key = take(c);
        if (is(key, "type")) type = take(c);
        else if (is(key, "code")) code = take(c);
        else if (is(key, "re")) re = take(c).number;
        else if (is(key, "id")) id = take(c).number;
        else if (is(key, "row")) row = take(c).number;
        else if (is(key, "epoch")) run = take(c).number;
        else if (is(key, "more")) more = take(c).number;
        else if (is(key, "host")) its_host = take(c);
        else if (is(key, "connection")) its_connection = take(c);
        else if (is(key, "classes") || is(key, "through")) {
            if (!take_classes(c, numbers)) return false;
        } else {
            if (is(key, "guests") || is(key, "events")) body = *c;
            if (is(key, "account")) whole = *c;
            if (!skip(c)) return false;
        }
    }
    if (re != question || (state != JOINING && state != REPAIRING))
        return true; /* of a question that was given up */
    bool refused = is(type, "refusal"), replays_wanted = state == REPAIRING;
    if (!refused && !is(type, replays_wanted ? "replay" : "snapshot"))
        return false; /* not what was asked for */
    if (is(type, "snapshot")) {
        if (pages_of && run != pages_of) {
            join(); /* a page of another run does not belong to those before it */
            return true;
        }
        size_t before = guest_count;
        if (!take_guests(&body)) return false;
        if (row && (row <= asked_row || guest_count == before)) {
            join_later(2000); /* a page that leads nowhere: it would be so for ever */
            return false;
        }
        if (row) {
            write_snapshot_request(id, row, run);
            send_request();
            return true;
        }
        if (whole.at && !take_account(whole, true)) return false;
        copy(host, sizeof host, its_host);
        copy(connection, sizeof connection, its_connection);
        if (run != epoch) former_epoch = epoch;
        epoch = run;
        memcpy(complete, numbers, sizeof complete);
        snapshots++;
        state = LIVE;
        for (int i = 0; i < CLASSES; i++) /* others were given the same one, before we came */
            if (run == newest_of && newest[i] > complete[i] && state == LIVE) repair();
        newest_of = 0;
    } else if (is(type, "replay")) {
        if (run != epoch) {
            announced(run, NULL);
            return true;
        }
        if (!take_replayed(&body)) return false;
        for (int i = 0; i < CLASSES; i++)
            if (numbers[i] > complete[i]) complete[i] = numbers[i];
        replays++;
        if (more) repair();
        else state = LIVE;
    } else if (is(code, "expired") && !replays_wanted && pages_of) {
        join_later(pause_by_chance());
    } else if (!is(code, "rate") && replays_wanted) {
        join();
    } /* anything else: asked again when its time is over */
    return true;
}

static void print_view(void)
{
    printf("{\"epoch\":%lld,\"live\":%s,\"dropped\":%lu,\"replays\":%lu,\"replayed\":%lu,"
           "\"snapshots\":%lu,\"malformed\":%lu,\"classes\":{",
           (long long)epoch, state == LIVE ? "true" : "false", dropped, replays, replayed,
           snapshots, malformed);
    for (int i = 0; i < CLASSES; i++)
        printf("%s\"%s\":%lld", i ? "," : "", class_names[i], (long long)complete[i]);
    printf("},\"host\":");
    print_text(host);
    printf(",\"connection\":\"%s\",\"account\":", connection);
    print_account();
    printf(",\"guests\":");
    print_guests();
    printf("}\n");
    fflush(stdout);
}

static void *connected(void *context, int kind, const char *address)
{
    int interval = 50, longest = 1000, linger = 0, room = 100000;
    void *socket = zmq_socket(context, kind);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &interval, sizeof interval);
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL_MAX, &longest, sizeof longest);
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &room, sizeof room);
    if (zmq_connect(socket, address)) {
        fprintf(stderr, "%s: %s\n", address, zmq_strerror(zmq_errno()));
        exit(2);
    }
    return socket;
}

/* Take one message of a socket; false where there is none. */
static bool receive(void *socket, int percent)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    bool had = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0;
    if (had && socket == bus)
        take_message(zmq_msg_data(&message), zmq_msg_size(&message), percent);
    else if (had) {
        Cursor c = {zmq_msg_data(&message), NULL};
        c.end = c.at + zmq_msg_size(&message);
        if (!take_answer(&c)) malformed++;
    }
    zmq_msg_close(&message);
    return had;
}

int main(int count, char **given)
{
    if (count != 5) {
        fprintf(stderr, "usage: subscriber EVENTS REQUESTS PERCENT SEED\n");
        return 2;
    }
    void *context = zmq_ctx_new();
    int percent = atoi(given[3]);
    srand((unsigned)atoi(given[4]));
    bus = connected(context, ZMQ_SUB, given[1]);
    asked = connected(context, ZMQ_DEALER, given[2]);
    static const char *const prefixes[] = {"welcome", "heartbeat/", "lifecycle/", "settled/",
                                           "host/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) /* "welcome" with its NUL */
        zmq_setsockopt(bus, ZMQ_SUBSCRIBE, prefixes[i], strlen(prefixes[i]) + (i == 0));
    for (;;) {
        bool waiting = state == JOINING || state == REPAIRING;
        zmq_pollitem_t items[] = {{waiting ? asked : bus, 0, ZMQ_POLLIN, 0},
                                  {NULL, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, 2, 100);
        for (int i = 0; i < 256; i++) {
            waiting = state == JOINING || state == REPAIRING;
            if (!receive(waiting ? asked : bus, percent)) break;
        }
        if ((state == JOINING || state == REPAIRING) && now_ms() > due_ms)
            send_request();
        if (items[1].revents) {
            char line[16];
            if (!fgets(line, sizeof line, stdin)) return 0;
            print_view();
        }
    }
}
