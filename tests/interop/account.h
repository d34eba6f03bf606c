/* The host's account: as it was last told whole, and the newest of its sums. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "json.h"

/* Where each of the sums stands in the account, in their order: in a resource, or beside them. */
static const char *const places[][2] = {
    {"", "changes"}, {"vcpus", "used"}, {"vcpus", "held"}, {"vcpus", "allocated"},
    {"memory", "used"}, {"memory", "held"}, {"memory", "allocated"}, {"disk", "used"},
    {"disk", "allocated"}, {"", "defined"}, {"", "active"}, {"", "held"}, {"vcpus", "claimed"},
    {"memory", "claimed"}, {"disk", "claimed"}, {"", "claims"}};
enum { SUMS = sizeof places / sizeof *places };

typedef struct {
    bool told;
    int64_t numbers[SUMS]; /* the first: of which change */
} Sums;

static struct {
    uint8_t *bytes; /* the map, as it came; none while size is 0 */
    size_t size;
    Sums sums;
} account;

static int place_of(Value resource, Value name)
{
    for (int i = 0; i < SUMS; i++)
        if ((resource.type == TEXT ? is(resource, places[i][0]) : !*places[i][0]) &&
            is(name, places[i][1]))
            return i;
    return -1;
}

/* An event's sums, or nil; what is missing at their end is 0, what is behind it unknown. */
static bool take_sums(Cursor *c, Sums *sums)
{
    Value list = take(c);
    *sums = (Sums){.told = list.type == ARRAY};
    for (int64_t i = 0; sums->told && i < list.number; i++) {
        Value one = take(c);
        if (one.type != INT)
            return false;
        if (i < SUMS)
            sums->numbers[i] = one.number;
    }
    return list.type == ARRAY || list.type == NIL;
}

static void count_sums(const Sums *sums)
{
    if (sums->told && account.size && sums->numbers[0] > account.sums.numbers[0])
        account.sums = *sums;
}

/* The sums that stand in a map: the account, or one of its resources. */
static bool find_sums(Cursor *c, Value resource, Sums *sums)
{
    Value map = take(c);
    for (int64_t i = 0; map.type == MAP && i < map.number; i++) {
        Value key = take(c);
        Cursor value = *c, inside = *c;
        Value found = take(&value);
        int place = place_of(resource, key);
        if (found.type == INT && place >= 0)
            sums->numbers[place] = found.number;
        if (found.type == MAP && resource.type != TEXT && !find_sums(&inside, key, sums))
            return false;
        if (key.type != TEXT || !skip(c))
            return false;
    }
    return map.type == MAP;
}

/* The whole account, told by an event or, `anew`, by a snapshot. Newer sums than its own stay. */
static bool take_account(Cursor c, bool anew)
{
    const uint8_t *from = c.at;
    Sums sums = {.told = true};
    Cursor within = c;
    if (anew)
        account.size = 0;
    if (take(&within).type == NIL)
        return true;
    if (!find_sums(&c, (Value){0}, &sums))
        return false;
    if (!account.size || sums.numbers[0] >= account.sums.numbers[0])
        account.sums = sums;
    account.size = (size_t)(c.at - from);
    account.bytes = realloc(account.bytes, account.size);
    if (!account.bytes)
        abort();
    memcpy(account.bytes, from, account.size);
    return true;
}

static void print_sums_map(Cursor *c, Value resource)
{
    Value map = take(c);
    printf("{");
    for (int64_t i = 0; i < map.number; i++) {
        Value key = take(c);
        Cursor value = *c;
        int place = place_of(resource, key);
        printf(i ? "," : "");
        print_value(key);
        printf(":");
        if (place >= 0) {
            printf("%lld", (long long)account.sums.numbers[place]);
            skip(c);
        } else if (take(&value).type == MAP && resource.type != TEXT)
            print_sums_map(c, key);
        else
            print_any(c);
    }
    printf("}");
}

static void print_account(void)
{
    Cursor c = {account.bytes, account.bytes + account.size};
    if (account.size)
        print_sums_map(&c, (Value){0});
    else
        printf("null");
}

#endif
