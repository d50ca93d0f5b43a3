/* The limit: what the file system itself takes, in a bare loop over getdents64, fstatat and unlinkat.
 *
 * loop remove ROOT CUTOFF   removes what was modified before CUTOFF (seconds), and the directories it empties
 * loop look ROOT CUTOFF     looks at all and removes nothing
 * loop digest ROOT          prints the number of files, of directories, and a sum over all paths of files
 * loop build ROOT DIRECTORIES FILES DUE_DIRECTORIES DUE_FILES BYTES ONLY_DUE
 *                           makes a tree: in the first DUE_DIRECTORIES, DUE_FILES (others in each) are 40 days old
 *                           and all others an hour; with ONLY_DUE nothing but those due (to mend a tree)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct entry {
    uint64_t ino;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static long cutoff, files, directories;
static int removing, digesting;
static uint64_t sum;

static uint64_t hash(const char *path) {
    uint64_t value = 14695981039346656037u;
    for (; *path; path++)
        value = (value ^ (unsigned char)*path) * 1099511628211u;
    return value;
}

/* Returns how many entries are left. */
static long visit(int directory, const char *path) {
    char chunk[1 << 16], *place = NULL;
    long left = 0, length;
    while ((length = syscall(SYS_getdents64, directory, chunk, sizeof chunk)) > 0)
        for (long position = 0; position < length;) {
            struct entry *entry = (void *)(chunk + position);
            struct stat status;
            position += entry->length;
            if (!strcmp(entry->name, ".") || !strcmp(entry->name, "..") || !strcmp(entry->name, ".shelflife") ||
                !strcmp(entry->name, ".trash"))
                continue;
            left++;
            if (digesting && asprintf(&place, "%s/%s", path, entry->name) > 0) {
                if (entry->type != 4) {
                    sum += hash(place);
                    free(place);
                }
            }
            if (entry->type == 4) {
                directories++;
                int below = openat(directory, entry->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
                long rest = visit(below, place);
                close(below);
                if (digesting)
                    free(place);
                if (removing && rest == 0 && unlinkat(directory, entry->name, AT_REMOVEDIR) == 0)
                    left--;
            } else if (!digesting && fstatat(directory, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
                files++;
                if (status.st_mtime < cutoff && removing && unlinkat(directory, entry->name, 0) == 0)
                    left--;
            } else
                files++;
        }
    return left;
}

static void build(char **argv) {
    long count = atol(argv[3]), each = atol(argv[4]), due = atol(argv[5]), old = atol(argv[6]);
    long bytes = atol(argv[7]), only = atol(argv[8]), now = time(NULL);
    char name[64], *content = calloc(1, (size_t)bytes + 1);
    mkdir(argv[2], 0755);
    if (chdir(argv[2]) != 0)
        exit(1);
    for (long number = 0; number < (only ? due : count); number++) {
        snprintf(name, sizeof name, "media-%07ld", number);
        mkdir(name, 0755);
        int directory = open(name, O_RDONLY | O_DIRECTORY);
        for (long file = 0; file < each; file++) {
            int is_due = number < due && (file + number) % each < old;
            if (only && !is_due)
                continue;
            long age = is_due ? 40 * 86400 : 3600;
            struct timespec times[2] = {{now - age, 0}, {now - age, 0}};
            snprintf(name, sizeof name, "frame_%07ld_%06ld.jpg", number, file);
            int fd = openat(directory, name, O_CREAT | O_WRONLY, 0644);
            if (fd < 0 || write(fd, content, (size_t)bytes) != bytes || futimens(fd, times) != 0)
                exit(1);
            close(fd);
        }
        /* What was filled just now is young, whatever times its files have: of what is all due, also its own. */
        struct timespec times[2] = {{now - 40 * 86400, 0}, {now - 40 * 86400, 0}};
        if (number < due && old == each && futimens(directory, times) != 0)
            exit(1);
        close(directory);
    }
}

int main(int argc, char **argv) {
    if (argc == 9 && !strcmp(argv[1], "build")) {
        build(argv);
        return 0;
    }
    if (argc < 3)
        return 2;
    removing = !strcmp(argv[1], "remove");
    digesting = !strcmp(argv[1], "digest");
    cutoff = argc > 3 ? atol(argv[3]) : 0;
    visit(open(argv[2], O_RDONLY | O_DIRECTORY), "");
    printf("%ld %ld %lx\n", files, directories, sum);
    return 0;
}
