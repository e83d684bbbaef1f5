/* SPDX-License-Identifier: Apache-2.0
 *
 * What an ELF file tells before anything of it is run: is it a whole shared object for this machine, what does it say
 * of itself in its note, and which libraries is it linked to? Everything read is checked against the file's end. */
#include "engine/backend.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#else
#define MACHINE EM_NONE /* unknown: not compared */
#endif

/* A file in memory. */
typedef struct image {
    const unsigned char *bytes;
    uint64_t size;
    Elf64_Ehdr header;
} image;

/* n bytes at an offset, or NULL if they are not all there. */
static const void *at(const image *file, uint64_t offset, uint64_t n)
{
    return offset <= file->size && n <= file->size - offset ? file->bytes + offset : NULL;
}

static const char *check_header(image *file)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one;
    const Elf64_Ehdr *header = &file->header;
    if (file->size < sizeof *header) return "it is not an ELF file (shorter than an ELF header)";
    memcpy(&file->header, file->bytes, sizeof *header);
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return "it is not an ELF file";
    if (header->e_ident[EI_CLASS] != ELFCLASS64) return "it is a 32-bit ELF file, but this program is 64-bit";
    if (header->e_ident[EI_DATA] != (little ? ELFDATA2LSB : ELFDATA2MSB)) return "it has the other byte order";
    if (header->e_type != ET_DYN) return "it is an ELF file, but not a shared object";
    if (MACHINE != EM_NONE && header->e_machine != MACHINE) return "it was built for another kind of processor";
    if (header->e_phentsize != sizeof(Elf64_Phdr) ||
        !at(file, header->e_phoff, (uint64_t)header->e_phnum * sizeof(Elf64_Phdr)))
        return "it is truncated: its program headers lie beyond its end";
    return NULL;
}

static Elf64_Phdr segment(const image *file, int i)
{
    Elf64_Phdr found;
    memcpy(&found, file->bytes + file->header.e_phoff + (uint64_t)i * sizeof found, sizeof found);
    return found;
}

static const char *check_segments(const image *file)
{
    for (int i = 0; i < file->header.e_phnum; i++) {
        Elf64_Phdr s = segment(file, i);
        if (s.p_type == PT_LOAD && !at(file, s.p_offset, s.p_filesz))
            return "it is truncated: a segment lies beyond its end";
    }
    return NULL;
}

/* ---- the note */

static uint64_t round_up(uint64_t n, uint64_t to)
{
    return (n + to - 1) / to * to;
}

static bool ends(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

/* Copies what both sides know; what the file's note lacks stays 0. */
static const char *take_note(tn_elf *found, const unsigned char *bytes, uint64_t size)
{
    tn_plugin_note *note = &found->note;
    uint64_t claimed = 0;
    if (size >= sizeof claimed) memcpy(&claimed, bytes, sizeof claimed);
    if (claimed < offsetof(tn_plugin_note, name) || claimed > size)
        return "its note is damaged: it claims another size than it has";
    memcpy(note, bytes, claimed < sizeof *note ? claimed : sizeof *note);
    if (!ends(note->name, sizeof note->name) || !ends(note->version, sizeof note->version) ||
        !ends(note->vendor, sizeof note->vendor) || !ends(note->cpu, sizeof note->cpu) ||
        !ends(note->libraries, sizeof note->libraries) || !ends(note->sanitizer, sizeof note->sanitizer))
        return "its note is damaged: a text in it does not end";
    found->has_note = true;
    return NULL;
}

/* All notes of a segment, padded to its alignment. */
static const char *read_notes(const image *file, const Elf64_Phdr *s, tn_elf *found)
{
    const uint64_t pad = s->p_align == 8 ? 8 : 4;
    const unsigned char *bytes = at(file, s->p_offset, s->p_filesz);
    if (!bytes) return "it is truncated: its notes lie beyond its end";
    for (uint64_t here = 0; here + sizeof(Elf64_Nhdr) <= s->p_filesz;) {
        Elf64_Nhdr head;
        memcpy(&head, bytes + here, sizeof head);
        uint64_t owner = here + sizeof head, text = round_up(owner + head.n_namesz, pad);
        bool ours = head.n_namesz == sizeof TN_NOTE_OWNER && owner + head.n_namesz <= s->p_filesz &&
                    memcmp(bytes + owner, TN_NOTE_OWNER, sizeof TN_NOTE_OWNER) == 0 && head.n_type == TN_NOTE_TYPE;
        if (ours && (text > s->p_filesz || head.n_descsz > s->p_filesz - text))
            return "its note is damaged: it goes on beyond its segment";
        if (ours) return take_note(found, bytes + text, head.n_descsz);
        here = round_up(text + head.n_descsz, pad);
    }
    return NULL;
}

/* ---- libraries that it is linked to */

/* Where in the file an address of the loaded image lies; UINT64_MAX if nowhere. */
static uint64_t offset_of(const image *file, uint64_t address)
{
    for (int i = 0; i < file->header.e_phnum; i++) {
        Elf64_Phdr s = segment(file, i);
        if (s.p_type == PT_LOAD && address >= s.p_vaddr && address - s.p_vaddr < s.p_filesz)
            return s.p_offset + (address - s.p_vaddr);
    }
    return UINT64_MAX;
}

static void add_needed(const image *file, uint64_t strings, uint64_t name, tn_elf *found, size_t *n)
{
    uint64_t start = strings == UINT64_MAX ? file->size : strings + name;
    const char *text = at(file, start, 1);
    char **needed = text && ends(text, file->size - start) ? realloc(found->needed, (*n + 2) * sizeof *needed) : NULL;
    if (!needed) return;
    found->needed = needed;
    needed[(*n)++] = strdup(text);
    needed[*n] = NULL;
}

static void read_needed(const image *file, const Elf64_Phdr *s, tn_elf *found)
{
    uint64_t strings = UINT64_MAX, n_entries = s->p_filesz / sizeof(Elf64_Dyn);
    const unsigned char *bytes = at(file, s->p_offset, s->p_filesz);
    size_t n = 0;
    for (int pass = 0; bytes && pass < 2; pass++) /* first the table of strings, then who is in it */
        for (uint64_t i = 0; i < n_entries; i++) {
            Elf64_Dyn entry;
            memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
            if (entry.d_tag == DT_NULL) break;
            if (pass == 0 && entry.d_tag == DT_STRTAB) strings = offset_of(file, entry.d_un.d_ptr);
            if (pass == 1 && entry.d_tag == DT_NEEDED) add_needed(file, strings, entry.d_un.d_val, found, &n);
        }
}

/* ---- */

static const char *examine(image *file, tn_elf *found, const char **rule)
{
    *rule = "elf";
    const char *why = check_header(file);
    if (!why) why = check_segments(file);
    if (why) return why;
    *rule = "note";
    for (int i = 0; i < file->header.e_phnum; i++) {
        Elf64_Phdr s = segment(file, i);
        if (s.p_type == PT_NOTE && !found->has_note && (why = read_notes(file, &s, found))) return why;
        if (s.p_type == PT_DYNAMIC) read_needed(file, &s, found);
    }
    return NULL;
}

const char *tn__elf_read(const char *path, tn_elf *found, const char **rule)
{
    *rule = "path";
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return strerror(errno);
    struct stat status;
    const char *why = NULL;
    image file = {0};
    void *bytes = MAP_FAILED;
    if (fstat(descriptor, &status) != 0)
        why = strerror(errno);
    else if (status.st_size == 0) {
        *rule = "elf";
        why = "it is empty";
    } else if ((bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0)) == MAP_FAILED)
        why = strerror(errno);
    close(descriptor);
    if (why) return why;
    file.bytes = bytes;
    file.size = (uint64_t)status.st_size;
    why = examine(&file, found, rule);
    munmap(bytes, (size_t)status.st_size);
    return why;
}
