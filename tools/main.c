/* SPDX-License-Identifier: Apache-2.0
 *
 * tenon: the command line. Finds the subcommand and hands it the rest of the arguments. */
#include <locale.h>
#include <string.h>

#include "tool.h"

static const tool_command *const commands[] = {
    &tool_train, &tool_eval,    &tool_predict,  &tool_export, &tool_run, &tool_program,
    &tool_bench, &tool_conform, &tool_backends, &tool_doctor, &tool_ops, &tool_data,
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

typedef struct choice {
    const tool_command *command;
    int argc; /* the command's own arguments, its name included */
    char **argv;
} choice;

/* Appends the list of commands to the help text. */
static char *list_commands(int key, const char *text, void *input)
{
    (void)input;
    if (key != ARGP_KEY_HELP_POST_DOC) return (char *)text;
    char *list = NULL;
    size_t size;
    FILE *to = open_memstream(&list, &size);
    if (!to) return NULL;
    fputs("Commands:\n", to);
    for (int i = 0; i < COMMANDS; i++) fprintf(to, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\n`tenon COMMAND --help` tells more.", to);
    fclose(to);
    return list;
}

static const tool_command *find_command(const struct argp_state *state, const char *name)
{
    const char *names[COMMANDS + 1] = {NULL};
    for (int i = 0; i < COMMANDS; i++) {
        if (!strcmp(commands[i]->name, name)) return commands[i];
        names[i] = commands[i]->name;
    }
    tool_choice(state, "the command", name, names);
    return NULL;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    choice *chosen = state->input;
    switch (key) {
    case ARGP_KEY_ARG:
        chosen->command = find_command(state, text);
        chosen->argc = state->argc - state->next + 1;
        chosen->argv = &state->argv[state->next - 1];
        state->next = state->argc;
        return 0;
    case ARGP_KEY_NO_ARGS: argp_usage(state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *to, struct argp_state *state)
{
    (void)state;
    fprintf(to, "tenon %s (backend ABI %d.%d)\n", tn_version(), TN_ABI_MAJOR, TN_ABI_MINOR);
}

/* A full disk or a closed pipe behind stdout is a failure too. */
static int flush_output(int code)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    error(0, errno, "cannot write the output");
    return code ? code : TOOL_FAILED;
}

static const struct argp parser = {
    .parser = parse,
    .args_doc = "COMMAND [OPTION...]",
    .doc = "Trains and runs small neural networks on whatever backend there is.\v",
    .help_filter = list_commands,
};

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    argp_err_exit_status = TOOL_USAGE;
    argp_program_version_hook = print_version;

    if (argc == 3 && !strcmp(argv[1], "--worker")) return tool_bench.run(argc, argv); /* as a peer of another tenon */
    choice chosen = {0};
    if (argp_parse(&parser, argc, argv, ARGP_IN_ORDER, NULL, &chosen)) return TOOL_FAILED;
    argp_program_version_hook = NULL; /* --version belongs to `tenon` itself */
    char name[64];
    snprintf(name, sizeof name, "tenon %s", chosen.command->name);
    chosen.argv[0] = program_invocation_name = program_invocation_short_name = name;
    return flush_output(chosen.command->run(chosen.argc, chosen.argv));
}
