/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's file as bytes: what it exports, wants and is linked to, and its note. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

struct elf_file {
    const unsigned char *bytes;
    uint64_t size;
    const Elf64_Ehdr *head;
    const Elf64_Phdr *segments;
    const Elf64_Shdr *sections;
};

/* What lies at an offset, if all of it is in the file, and aligned as its type wants; else NULL. */
static const void *at(const elf_file *file, uint64_t offset, uint64_t bytes)
{
    return offset <= file->size && bytes <= file->size - offset && offset % 8 == 0 ? file->bytes + offset : NULL;
}

static bool read_headers(elf_file *file)
{
    const Elf64_Ehdr *head = file->head = at(file, 0, sizeof *head);
    if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64) return false;
    file->segments = at(file, head->e_phoff, head->e_phnum * sizeof *file->segments);
    file->sections = at(file, head->e_shoff, head->e_shnum * sizeof *file->sections);
    return file->segments && file->sections && head->e_phentsize == sizeof *file->segments &&
           head->e_shentsize == sizeof *file->sections;
}

elf_file *elf_open(conform_run *run)
{
    struct stat about;
    const char *path = run->options->path;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    elf_file *file = calloc(1, sizeof *file);
    if (file && fd >= 0 && fstat(fd, &about) == 0) {
        file->size = (uint64_t)about.st_size;
        void *bytes = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);
        file->bytes = bytes == MAP_FAILED ? NULL : bytes;
    }
    if (fd >= 0) close(fd);
    if (file && file->bytes && read_headers(file)) return file;
    conform_fail(run, "%s is not a whole 64-bit ELF file with sections", path);
    elf_close(file);
    return NULL;
}

void elf_close(elf_file *file)
{
    if (file && file->bytes) munmap((void *)(uintptr_t)file->bytes, file->size);
    free(file);
}

/* ---- symbols */

static const char *text_at(const elf_file *file, const Elf64_Shdr *texts, uint64_t offset)
{
    if (texts->sh_offset > file->size || texts->sh_size > file->size - texts->sh_offset || offset >= texts->sh_size)
        return "";
    const char *text = (const char *)file->bytes + texts->sh_offset + offset;
    return memchr(text, '\0', texts->sh_size - offset) ? text : "";
}

static const Elf64_Shdr *find_section(const elf_file *file, uint32_t type)
{
    for (int i = 0; i < file->head->e_shnum; i++)
        if (file->sections[i].sh_type == type && file->sections[i].sh_link < file->head->e_shnum)
            return &file->sections[i];
    return NULL;
}

const char *elf_symbol(const elf_file *file, uint64_t i, bool *defined)
{
    const Elf64_Shdr *table = find_section(file, SHT_DYNSYM);
    const Elf64_Sym *symbols = table ? at(file, table->sh_offset, table->sh_size) : NULL;
    if (!symbols || i >= table->sh_size / sizeof *symbols) return NULL;
    const Elf64_Sym *symbol = &symbols[i];
    const int type = ELF64_ST_TYPE(symbol->st_info), visibility = ELF64_ST_VISIBILITY(symbol->st_other);
    *defined = symbol->st_shndx != SHN_UNDEF;
    if (ELF64_ST_BIND(symbol->st_info) == STB_LOCAL || visibility == STV_HIDDEN || visibility == STV_INTERNAL)
        return "";
    if (*defined && (type == STT_NOTYPE || type == STT_SECTION || type == STT_FILE || symbol->st_shndx == SHN_ABS))
        return ""; /* the linker's own */
    return text_at(file, &file->sections[table->sh_link], symbol->st_name);
}

const char *elf_needed(const elf_file *file, uint64_t i)
{
    const Elf64_Shdr *table = find_section(file, SHT_DYNAMIC);
    const Elf64_Dyn *entries = table ? at(file, table->sh_offset, table->sh_size) : NULL;
    const uint64_t n = entries ? table->sh_size / sizeof *entries : 0;
    for (uint64_t k = 0; k < n && entries[k].d_tag != DT_NULL; k++)
        if (entries[k].d_tag == DT_NEEDED && i-- == 0)
            return text_at(file, &file->sections[table->sh_link], entries[k].d_un.d_val);
    return NULL;
}

/* ---- the note */

static uint64_t round_up(uint64_t bytes, uint64_t alignment)
{
    return (bytes + alignment - 1) / alignment * alignment;
}

/* Of one segment of notes. */
static const unsigned char *find_note(const unsigned char *notes, uint64_t size, uint64_t alignment, uint64_t *bytes)
{
    Elf64_Nhdr head;
    for (uint64_t i = 0; i + sizeof head <= size;) {
        memcpy(&head, notes + i, sizeof head);
        const uint64_t owner = i + sizeof head, content = round_up(owner + head.n_namesz, alignment);
        if (content > size || head.n_descsz > size - content) return NULL;
        if (head.n_type == TN_NOTE_TYPE && head.n_namesz == sizeof TN_NOTE_OWNER &&
            memcmp(notes + owner, TN_NOTE_OWNER, sizeof TN_NOTE_OWNER) == 0) {
            *bytes = head.n_descsz;
            return notes + content;
        }
        i = round_up(content + head.n_descsz, alignment);
    }
    return NULL;
}

bool elf_note(const elf_file *file, tn_plugin_note *note)
{
    memset(note, 0, sizeof *note);
    for (int i = 0; i < file->head->e_phnum; i++) {
        const Elf64_Phdr *segment = &file->segments[i];
        uint64_t bytes;
        if (segment->p_type != PT_NOTE || segment->p_offset > file->size ||
            segment->p_filesz > file->size - segment->p_offset)
            continue;
        const unsigned char *found =
            find_note(file->bytes + segment->p_offset, segment->p_filesz, segment->p_align == 8 ? 8 : 4, &bytes);
        if (!found || bytes < sizeof note->struct_size) continue;
        memcpy(note, found, bytes < sizeof *note ? bytes : sizeof *note);
        if (note->struct_size > bytes) note->struct_size = bytes;
        return true;
    }
    return false;
}
