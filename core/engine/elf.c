/* SPDX-License-Identifier: Apache-2.0
 *
 * What an ELF header tells before anything of the file is run: is it a whole shared object for this machine? */
#include "engine/backend.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
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

static const char *check_header(const Elf64_Ehdr *header, uint64_t file_bytes)
{
    const uint16_t one = 1;
    bool little = *(const uint8_t *)&one;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return "it is not an ELF file";
    if (header->e_ident[EI_CLASS] != ELFCLASS64) return "it is a 32-bit ELF file, but this program is 64-bit";
    if (header->e_ident[EI_DATA] != (little ? ELFDATA2LSB : ELFDATA2MSB)) return "it has the other byte order";
    if (header->e_type != ET_DYN) return "it is an ELF file, but not a shared object";
    if (MACHINE != EM_NONE && header->e_machine != MACHINE) return "it was built for another kind of processor";
    if (header->e_phentsize != sizeof(Elf64_Phdr) || header->e_phoff > file_bytes ||
        header->e_phnum > (file_bytes - header->e_phoff) / sizeof(Elf64_Phdr))
        return "it is truncated: its program headers lie beyond its end";
    return NULL;
}

static const char *check_segments(int file, const Elf64_Ehdr *header, uint64_t file_bytes)
{
    for (int i = 0; i < header->e_phnum; i++) {
        Elf64_Phdr segment;
        off_t at = (off_t)(header->e_phoff + (uint64_t)i * sizeof segment);
        if (pread(file, &segment, sizeof segment, at) != (ssize_t)sizeof segment)
            return "its program headers cannot be read";
        if (segment.p_type == PT_LOAD &&
            (segment.p_offset > file_bytes || segment.p_filesz > file_bytes - segment.p_offset))
            return "it is truncated: a segment lies beyond its end";
    }
    return NULL;
}

const char *tn__elf_refuse(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return strerror(errno);
    struct stat status;
    Elf64_Ehdr header;
    const char *why = NULL;
    if (fstat(file, &status) != 0)
        why = strerror(errno);
    else if (status.st_size == 0)
        why = "it is empty";
    else if (pread(file, &header, sizeof header, 0) != (ssize_t)sizeof header)
        why = "it is not an ELF file (shorter than an ELF header)";
    else
        why = check_header(&header, (uint64_t)status.st_size);
    if (!why) why = check_segments(file, &header, (uint64_t)status.st_size);
    close(file);
    return why;
}
