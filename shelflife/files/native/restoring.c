/* Bringing back out of the trash, and listing and counting what is there. */

static void write_list(struct buffer *out, int error, const struct reading *found) {
    int64_t head[] = {error,           found->due,
                      found->children, (int64_t)found->names.used,
                      found->more,     (int64_t)found->child_names.used};
    add(out, head, sizeof head);
    if (error)
        return;
    add(out, found->inodes.data, found->inodes.used);
    add(out, found->sizes.data, found->sizes.used);
    add(out, found->mtimes.data, found->mtimes.used);
    add(out, found->child_inodes.data, found->child_inodes.used);
    add(out, found->kinds.data, found->kinds.used);
    add(out, found->names.data, found->names.used);
    add(out, found->child_names.data, found->child_names.used);
}

/* Lists what is in the open directory `directory`, from where the last call ended: about `most` entries. Sets *result
 * to six numbers – an errno; entries that are no directories; directories; bytes of the names of the former; whether
 * there may be more; bytes of the names of the latter – and, for the former, inodes, sizes and mtimes, then the inodes
 * of the directories, the kinds of the former, and the names of both. Returns the length; -1 without memory. */
int64_t shelflife_list(int directory, int64_t most, char **result) {
    _Alignas(8) char chunk[CHUNK];
    struct rules rules = {.cutoff = INT64_MIN, .most_due = INT64_MAX, .noise = ""};
    struct buffer out = {0};
    struct reading found;
    int error = 0;
    memset(&found, 0, sizeof found);
    found.more = 1;
    while (!error && found.more && found.due + found.children < most) {
        long length = syscall(SYS_getdents64, directory, chunk, CHUNK);
        if (length < 0)
            error = errno;
        if (length <= 0)
            found.more = 0;
        for (long position = 0; position < length && !error;) {
            const struct dirent64_ *entry = (const void *)(chunk + position);
            const char *name = entry->name;
            struct stat status;
            position += entry->length;
            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                continue;
            if (entry->type == 4) /* DT_DIR: its name and inode will do */
                add_child(&found, name, strlen(name), entry->ino);
            else if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
                error = errno == ENOENT ? 0 : errno;
            else if (S_ISDIR(status.st_mode))
                add_child(&found, name, strlen(name), status.st_ino);
            else
                list_due(&found, &rules, name, strlen(name), &status, kind_of(status.st_mode), 0);
        }
    }
    write_list(&out, error, &found);
    int failed = out.failed || found.names.failed || found.inodes.failed || found.sizes.failed ||
                 found.mtimes.failed || found.kinds.failed || found.child_names.failed || found.child_inodes.failed;
    forget(&found);
    if (failed) {
        free(out.data);
        return -1;
    }
    *result = out.data;
    return (int64_t)out.used;
}

/* Returns how many entries that are no directories are in the directory at `path` below `anchor`, at any depth. What
 * cannot be opened or read counts as empty. Returns -1 where a path is too long for a system call. */
int64_t shelflife_count(int anchor, const char *path) {
    _Alignas(8) char chunk[CHUNK];
    struct buffer waiting = {0}; /* paths, each with its NUL, the last one first */
    char current[PATH_MAX];
    int64_t count = 0;
    int is_long = strlen(path) >= sizeof current;
    if (!is_long)
        add(&waiting, path, strlen(path) + 1);
    while (waiting.used && !waiting.failed) {
        size_t start = waiting.used - 1;
        while (start > 0 && waiting.data[start - 1])
            start--;
        size_t length = waiting.used - 1 - start;
        memcpy(current, waiting.data + start, length + 1);
        waiting.used = start;
        int fd = open_below(anchor, current, BENEATH | NO_SYMLINKS | NO_XDEV);
        long read = 0;
        while (fd >= 0 && (read = syscall(SYS_getdents64, fd, chunk, CHUNK)) > 0)
            for (long position = 0; position < read;) {
                const struct dirent64_ *entry = (const void *)(chunk + position);
                const char *name = entry->name;
                struct stat status;
                position += entry->length;
                if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                    continue;
                int is_directory = entry->type == 4 || (entry->type == 0 && /* DT_UNKNOWN */
                                                        fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                                                        S_ISDIR(status.st_mode));
                if (!is_directory)
                    count++;
                else if (length + strlen(name) + 2 > sizeof current)
                    is_long = 1;
                else {
                    add(&waiting, current, length);
                    add(&waiting, name, strlen(name));
                    add(&waiting, "/", 2);
                }
            }
        if (fd >= 0)
            close(fd);
    }
    free(waiting.data);
    return is_long ? -1 : count;
}

/* Entries of one directory in the trash that come back, and where to. */
struct coming {
    int64_t count, names_length;
};

enum { OTHER_ONE = -1 }; /* the entry is not the one that is listed any more */

/* Renames one entry from `source` to `home` and never replaces. Returns 0, an errno, or OTHER_ONE. */
static int bring_entry(int source, int home, const char *name, int64_t inode, int kind) {
    struct stat status;
    if (fstatat(source, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    if ((int64_t)status.st_ino != inode || kind_of(status.st_mode) != kind)
        return OTHER_ONE;
    return rename_only(source, name, home, name) == 0 ? 0 : errno;
}

/* Renames entries of `count` directories below the open directory `trash` into directories below the open directory
 * `home`. `input` holds for each a `struct coming`, the path of either directory with a final NUL, padded to eight
 * bytes, then inodes, kinds and, again with a NUL, names, padded likewise. Sets for each an errno – the directories
 * could not be opened – and how many of its entries have a code, in `answers`; and a code for each of these, in
 * `codes`, which has room for all. Ends soon after `until` (CLOCK_MONOTONIC, ns). */
void shelflife_bring_back(int trash, int home, int64_t count, char *input, int64_t until, int64_t *answers,
                          int32_t *codes) {
    struct stat own, there;
    int is_known = fstat(home, &own) == 0;
    for (int64_t i = 0; i < count; i++, answers += 2) {
        struct coming *coming = (struct coming *)input;
        char *from = input + sizeof *coming;
        char *to = from + (strlen(from) + 8) / 8 * 8;
        int64_t *inodes = (int64_t *)(to + (strlen(to) + 8) / 8 * 8);
        unsigned char *kinds = (unsigned char *)(inodes + coming->count);
        char *name = (char *)kinds + coming->count, *end = name + coming->names_length;
        input = (char *)kinds + (coming->count + coming->names_length + 8) / 8 * 8;
        int source = open_below(trash, from, BENEATH | NO_SYMLINKS | NO_XDEV);
        int target = source < 0 ? -1 : open_below(home, to, BENEATH | NO_SYMLINKS | NO_XDEV);
        if (source < 0 || target < 0)
            answers[0] = source < 0 ? -source : -target;
        else if (!is_known || fstat(target, &there) != 0 || there.st_dev != own.st_dev)
            answers[0] = EXDEV; /* a subvolume has no mount */
        for (int64_t n = 0; !answers[0] && n < coming->count; n++) {
            char *slash = memchr(name, '/', (size_t)(end - name));
            if (slash)
                *slash = 0;
            codes[n] = bring_entry(source, target, name, inodes[n], kinds[n]);
            answers[1]++;
            name = slash ? slash + 1 : end;
            if (now() >= until)
                break;
        }
        codes += coming->count;
        if (source >= 0)
            close(source);
        if (target >= 0)
            close(target);
        if (now() >= until)
            return;
    }
}
