/* A subscriber of docs/wire.md in C: libzmq and nothing else.
 *
 * usage: subscriber EVENTS REQUESTS [--class C] [--kind K] [--guest UUID] [--no-view] ...
 * Follows one agent, with a view of its guests and account or, with --no-view or a filter, events
 * alone. A line on standard input has it print what it knows, as a line of JSON; its end ends it.
 * For tests: --percent N and --seed N lose that many events, --lose CLASS/NUMBER that one;
 * --timeout MS is waited for an answer; --guests N are believed in one snapshot.
 */
#include "answers.h"

static void print_all(void)
{
    printf("{\"epoch\":%lld,\"live\":%s,\"fresh\":%s,\"dropped\":%lu,\"replays\":%lu,"
           "\"snapshots\":%lu,\"malformed\":%lu,\"classes\":{",
           (long long)epoch, state == LIVE ? "true" : "false",
           now_ms() - heard_ms < SILENCE_MS ? "true" : "false", dropped, replays, snapshots,
           malformed);
    const char *comma = "";
    for (int i = 0; i < CLASSES; i++)
        if (wants_class(&wanted, i)) {
            printf("%s\"%s\":%lld", comma, class_names[i], (long long)orders[0].complete[i]);
            comma = ",";
        }
    printf("},\"repairs\":"), print_repairs();
    printf(",\"events\":"), print_delivered();
    printf(",\"host\":"), print_text(host);
    printf(",\"connection\":\"%s\",\"account\":", connection), print_account();
    printf(",\"guests\":"), print_guests();
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
static bool receive(void *socket)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    bool came = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0;
    if (came)
        heard_ms = now_ms();
    if (came && socket == bus)
        take_message(zmq_msg_data(&message), zmq_msg_size(&message));
    else if (came) {
        const uint8_t *from = zmq_msg_data(&message);
        take_answer((Cursor){from, from + zmq_msg_size(&message)});
    }
    zmq_msg_close(&message);
    return came;
}

/* The options behind both addresses, each but --no-view with its value; false for a wrong one. */
static bool take_options(char **option)
{
    for (; *option; option += 2) {
        if (!strcmp(*option, "--no-view")) {
            with_view = false;
            option--;
        } else if (!option[1]) return false;
        else if (!strcmp(*option, "--percent")) percent = atoi(option[1]);
        else if (!strcmp(*option, "--seed")) srand((unsigned)atoi(option[1]));
        else if (!strcmp(*option, "--timeout")) timeout_ms = atoi(option[1]);
        else if (!strcmp(*option, "--guests")) most_guests = (size_t)atol(option[1]);
        else if (!strcmp(*option, "--lose") && lose_count < MOST_LOST)
            lose[lose_count++] = option[1];
        else if (limit(&wanted, option[0], option[1])) with_view = false;
        else return false;
    }
    return true;
}

int main(int count, char **given)
{
    if (count < 3 || !take_options(given + 3)) {
        fprintf(stderr, "usage: subscriber EVENTS REQUESTS [--class C] [--kind K] [--guest UUID] "
                        "[--no-view] ...\n");
        return 2;
    }
    void *context = zmq_ctx_new();
    bus = connected(context, ZMQ_SUB, given[1]);
    asked = connected(context, ZMQ_DEALER, given[2]);
    subscribe_to(bus, &wanted);
    for (;;) {
        zmq_pollitem_t items[] = {{waiting() ? asked : bus, 0, ZMQ_POLLIN, 0},
                                  {NULL, 0, ZMQ_POLLIN, 0}};
        zmq_poll(items, 2, 50);
        for (int i = 0; i < 256; i++)
            if (!receive(waiting() ? asked : bus)) break;
        keep_time();
        if (items[1].revents) {
            char line[16];
            if (!fgets(line, sizeof line, stdin)) return 0;
            print_all();
        }
    }
}
