/* Drives the real WiredTiger by commands on standard input, one a line; each answers lines of JSON
 * and then one that begins with "=": the result. Keys, values and texts are hexadecimal.
 *
 *   open DIR CONFIG      close               kill
 *   create URI CONFIG    table NAME URI      (a cursor on a table, by a name of one letter)
 *   begin CONFIG         commit CONFIG       rollback
 *   put T KEY VALUE      remove T KEY        truncate T KEY|- KEY|-
 *   modify T KEY AT SIZE DATA                rows T
 *   printf TEXT          flush CONFIG        checkpoint CONFIG
 *   cursor N             drop N              next N COUNT
 *   search N FILE OFFSET reset N             compare N M
 *   stat
 * Keys of tables are byte strings (u), or record numbers where the name is a capital letter. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <wiredtiger.h>

static WT_CONNECTION *connection;
/* Log cursors have a session of their own: a checkpoint in it would free what they read. */
static WT_SESSION *writer, *reader;
static WT_CURSOR *tables[128], *cursors[10];

static int silent(WT_EVENT_HANDLER *handler, WT_SESSION *session, const char *message) {
    (void)handler;
    (void)session;
    fprintf(stderr, "%s\n", message);
    return 0;
}

static WT_EVENT_HANDLER handler = {.handle_message = silent};

static void print_hex(const char *name, const void *data, size_t size) {
    const unsigned char *bytes = data;
    printf(",\"%s\":\"", name);
    for (size_t i = 0; i < size; i++) printf("%02x", bytes[i]);
    putchar('"');
}

/* The bytes of a hexadecimal word; the caller frees them. */
static WT_ITEM unhex(const char *word) {
    size_t size = strlen(word) / 2;
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        unsigned byte = 0;
        sscanf(word + 2 * i, "%2x", &byte);
        bytes[i] = (unsigned char)byte;
    }
    bytes[size] = 0;
    return (WT_ITEM){.data = bytes, .size = size};
}

static int print_row(WT_CURSOR *cursor) {
    uint64_t transaction;
    uint32_t file, offset, counter, record, operation, table;
    WT_ITEM key, value;
    int error = cursor->get_key(cursor, &file, &offset, &counter);
    if (!error)
        error = cursor->get_value(
            cursor, &transaction, &record, &operation, &table, &key, &value);
    if (error) return error;
    printf("{\"row\":[%u,%u,%u,%" PRIu64 ",%u,%u,%u]", file, offset, counter, transaction, record,
           operation, table);
    print_hex("key", key.data, key.size);
    print_hex("value", value.data, value.size);
    puts("}");
    return 0;
}

static int next_rows(WT_CURSOR *cursor, long count) {
    int error = 0;
    while (!error && count-- > 0)
        if (!(error = cursor->next(cursor))) error = print_row(cursor);
    return error;
}

static int set_key(WT_CURSOR *cursor, char name, WT_ITEM *item) {
    if (name >= 'a')
        cursor->set_key(cursor, item);
    else
        cursor->set_key(cursor, strtoull(item->data, NULL, 10));
    return 0;
}

static int print_table(WT_CURSOR *cursor, char name) {
    WT_ITEM key, value;
    uint64_t number;
    int error = cursor->reset(cursor);
    while (!error && !(error = cursor->next(cursor))) {
        if (name >= 'a') {
            cursor->get_key(cursor, &key);
        } else {
            cursor->get_key(cursor, &number);
            key = (WT_ITEM){.data = &number, .size = 8};
        }
        cursor->get_value(cursor, &value);
        printf("{\"row\":[]");
        print_hex("key", key.data, key.size);
        print_hex("value", value.data, value.size);
        puts("}");
    }
    return error == WT_NOTFOUND ? cursor->reset(cursor) : error;
}

static int change(const char *verb, char name, char **word) {
    WT_CURSOR *cursor = tables[(int)name];
    WT_ITEM key = unhex(word[0]), value = unhex(word[1] ? word[1] : "");
    int error;
    set_key(cursor, name, &key);
    if (!strcmp(verb, "put")) {
        cursor->set_value(cursor, &value);
        error = cursor->insert(cursor);
    } else if (!strcmp(verb, "remove")) {
        error = cursor->remove(cursor);
    } else {
        WT_ITEM data = unhex(word[3]);
        WT_MODIFY entry = {
            .data = data, .offset = strtoul(word[1], NULL, 10), .size = strtoul(word[2], NULL, 10)};
        error = cursor->modify(cursor, &entry, 1);
        free((void *)data.data);
    }
    free((void *)key.data);
    free((void *)value.data);
    return error;
}

static int truncate_range(char name, const char *from, const char *to) {
    WT_CURSOR *ends[2] = {NULL, NULL};
    const char *words[2] = {from, to};
    int error = 0;
    for (int i = 0; i < 2 && !error; i++) {
        if (!strcmp(words[i], "-")) continue;
        WT_ITEM key = unhex(words[i]);
        error = writer->open_cursor(writer, NULL, tables[(int)name], NULL, &ends[i]);
        if (error) error = writer->open_cursor(writer, tables[(int)name]->uri, NULL, NULL, &ends[i]);
        if (!error) {
            set_key(ends[i], name, &key);
            error = ends[i]->search(ends[i]);
        }
        free((void *)key.data);
    }
    if (!error)
        error = writer->truncate(
            writer, ends[0] || ends[1] ? NULL : tables[(int)name]->uri, ends[0], ends[1], NULL);
    for (int i = 0; i < 2; i++)
        if (ends[i]) ends[i]->close(ends[i]);
    return error;
}

static int print_statistics(void) {
    WT_CURSOR *cursor;
    const char *name, *text;
    int64_t value;
    int error = writer->open_cursor(writer, "statistics:", NULL, NULL, &cursor);
    while (!error && !cursor->next(cursor) && !cursor->get_value(cursor, &name, &text, &value))
        if (!strncmp(name, "log: ", 5))
            printf("{\"stat\":\"%s\",\"value\":%" PRId64 "}\n", name, value);
    return error ? error : cursor->close(cursor);
}

static int open_database(const char *directory, const char *config) {
    int error = wiredtiger_open(directory, &handler, config, &connection);
    if (!error) error = connection->open_session(connection, NULL, NULL, &writer);
    if (!error) error = connection->open_session(connection, NULL, NULL, &reader);
    return error;
}

static int run(char **word, const char *rest) {
    const char *verb = word[0];
    WT_CURSOR **cursor = word[1] ? &cursors[word[1][0] % 10] : NULL;
    if (!strcmp(verb, "open")) return open_database(word[1], strchr(rest, ' ') ? strchr(rest, ' ') + 1 : "");
    if (!strcmp(verb, "close")) {
        memset(tables, 0, sizeof tables);
        memset(cursors, 0, sizeof cursors);
        return connection->close(connection, NULL);
    }
    if (!strcmp(verb, "kill")) return kill(getpid(), SIGKILL);
    if (!strcmp(verb, "create"))
        return writer->create(writer, word[1], strchr(rest, ' ') ? strchr(rest, ' ') + 1 : "");
    if (!strcmp(verb, "table"))
        return writer->open_cursor(writer, word[2], NULL, NULL, &tables[(int)word[1][0]]);
    if (!strcmp(verb, "begin")) return writer->begin_transaction(writer, rest);
    if (!strcmp(verb, "commit")) return writer->commit_transaction(writer, rest);
    if (!strcmp(verb, "rollback")) return writer->rollback_transaction(writer, NULL);
    if (!strcmp(verb, "put") || !strcmp(verb, "remove") || !strcmp(verb, "modify"))
        return change(verb, word[1][0], word + 2);
    if (!strcmp(verb, "truncate")) return truncate_range(word[1][0], word[2], word[3]);
    if (!strcmp(verb, "rows")) return print_table(tables[(int)word[1][0]], word[1][0]);
    if (!strcmp(verb, "printf")) {
        WT_ITEM text = unhex(rest);
        int error = writer->log_printf(writer, "%s", (const char *)text.data);
        free((void *)text.data);
        return error;
    }
    if (!strcmp(verb, "flush")) return writer->log_flush(writer, rest);
    if (!strcmp(verb, "checkpoint")) return writer->checkpoint(writer, rest);
    if (!strcmp(verb, "cursor")) return reader->open_cursor(reader, "log:", NULL, NULL, cursor);
    if (!strcmp(verb, "drop")) return (*cursor)->close(*cursor);
    if (!strcmp(verb, "next")) return next_rows(*cursor, atol(word[2]));
    if (!strcmp(verb, "reset")) return (*cursor)->reset(*cursor);
    if (!strcmp(verb, "search")) {
        (*cursor)->set_key(*cursor, (uint32_t)strtoul(word[2], NULL, 10),
                           (uint32_t)strtoul(word[3], NULL, 10), (uint32_t)0);
        int error = (*cursor)->search(*cursor);
        return error ? error : print_row(*cursor);
    }
    if (!strcmp(verb, "compare")) {
        int order = 0;
        int error = (*cursor)->compare(*cursor, cursors[word[2][0] % 10], &order);
        printf("{\"order\":%d}\n", order);
        return error;
    }
    if (!strcmp(verb, "stat")) return print_statistics();
    return -1;
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    /* Whole lines are out when the library crashes. */
    setvbuf(stdout, NULL, _IOLBF, 1 << 20);
    while ((size = getline(&line, &room, stdin)) > 0) {
        if (line[size - 1] == '\n') line[size - 1] = 0;
        char *copy = strdup(line), *word[8] = {NULL};
        int count = 0;
        for (char *at = strtok(copy, " "); at && count < 7; at = strtok(NULL, " ")) word[count++] = at;
        const char *rest = strchr(line, ' ') ? strchr(line, ' ') + 1 : "";
        int error = word[0] ? run(word, rest) : 0;
        printf("=%d %s\n", error, error ? wiredtiger_strerror(error) : "ok");
        fflush(stdout);
        free(copy);
    }
    return 0;
}
