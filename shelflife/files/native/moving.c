/* Moving a directory into the trash: the directories that mirror its own, or all of it by one rename. */

/* Returns the part of `path`, with its slash, that is `depth` directories above its end; NULL when there is none. */
static const char *part_above(const char *path, int depth, size_t *length) {
    size_t end = strlen(path);
    for (; depth > 0 && end > 0; depth--)
        do
            end--;
        while (end > 0 && path[end - 1] != '/');
    *length = end;
    return end > 0 ? path : NULL;
}

/* Gives back to a directory in the trash the time that it had (`before`) when something was put into it: that is the
 * time of the directory that it mirrors, which comes back with it. A failure costs nothing but that. */
static void keep_time(int mirror, const struct stat *before) {
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, before->st_mtim};
    if (futimens(mirror, times) != 0)
        return;
}

/* Gives a directory that was just made the mode, owner and times of its counterpart at the first `length` bytes of
 * `path`; without one it is ours alone. */
static void dress(int anchor, int made, const char *path, size_t length, const struct removal *removal) {
    char copy[PATH_MAX];
    struct stat status = {.st_mode = 0700, .st_uid = (uid_t)removal->uid, .st_gid = (gid_t)removal->gid};
    if (path && length < sizeof copy) {
        memcpy(copy, path, length);
        copy[length] = 0;
        int fd = open_below(anchor, copy, BENEATH | NO_SYMLINKS | NO_XDEV);
        if (fd >= 0) {
            if (fstat(fd, &status) != 0)
                status.st_mode = 0700;
            else
                keep_time(made, &status);
            close(fd);
        }
    }
    if (geteuid() == 0 && fchown(made, status.st_uid, status.st_gid) != 0)
        return; /* and so whoever may not have it must not get it by its mode */
    fchmod(made, status.st_mode & 07777);
}

/* Opens the directory at `to`, made where it is missing: its last directories mirror those at the end of `from`, and
 * get their modes and owners. Returns -errno on failure. */
static int open_mirror(int anchor, const char *from, const char *to, const struct removal *removal) {
    int fd = open_below(anchor, to, BENEATH | NO_SYMLINKS | NO_XDEV);
    if (fd != -ENOENT)
        return fd;
    int depth = 0;
    for (const char *slash = strchr(to, '/'); slash; slash = strchr(slash + 1, '/'))
        depth++;
    fd = fcntl(anchor, F_DUPFD_CLOEXEC, 0);
    int keeps = strncmp(to, ".trash/", 7) == 0;
    for (const char *start = to, *slash; fd >= 0 && (slash = strchr(start, '/')); start = slash + 1) {
        char name[256];
        struct stat above;
        size_t length = (size_t)(slash - start);
        depth--;
        if (length >= sizeof name) {
            close(fd);
            return -ENAMETOOLONG;
        }
        memcpy(name, start, length);
        name[length] = 0;
        int knows = keeps && start != to && fstat(fd, &above) == 0; /* the first is the area's own directory */
        int made = mkdirat(fd, name, 0700) == 0, failed = made ? 0 : errno;
        if (made && knows)
            keep_time(fd, &above);
        int below = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0 && failed != EEXIST && failed)
            errno = failed;
        failed = errno;
        close(fd);
        fd = below;
        if (fd < 0)
            return -failed;
        if (made) {
            const char *part = part_above(from, depth, &length);
            dress(anchor, fd, part, length, removal);
        }
    }
    if (fd >= 0)
        close(fd);
    return open_below(anchor, to, BENEATH | NO_SYMLINKS | NO_XDEV);
}

/* What lists a directory that goes as one. */
struct listed {
    const struct task *task;
    char *names;
    const int64_t *facts;
    const unsigned char *kinds;
    int64_t next;      /* the entry that is expected */
    char *expected;    /* its name */
};

/* Finds an entry by its name, beginning at the one that is expected: a directory that nobody has changed gives them in
 * the same order. Returns its number and sets `length`-terminated *name; -1 when it is not listed. */
static int64_t find_listed(struct listed *listed, const char *name) {
    const struct task *task = listed->task;
    const char *end = listed->names + task->names_length;
    size_t length = strlen(name);
    for (int64_t tried = 0; tried < task->count; tried++) {
        if (listed->next == task->count) {
            listed->next = 0;
            listed->expected = listed->names;
        }
        char *slash = memchr(listed->expected, '/', (size_t)(end - listed->expected));
        size_t own = (size_t)((slash ? slash : end) - listed->expected);
        int same = own == length && memcmp(listed->expected, name, length) == 0;
        listed->expected = slash ? slash + 1 : listed->names + task->names_length;
        listed->next++;
        if (same)
            return listed->next - 1;
    }
    return -1;
}

/* Looks at a directory that was renamed as one, entry by entry: each must be one that is listed, and go. Returns
 * whether all of them do, with the answer counted. */
static int all_goes(int directory, struct listed *listed, const struct removal *removal, struct answer *answer) {
    _Alignas(8) char chunk[CHUNK];
    struct removal looking = *removal;
    const struct task *task = listed->task;
    int64_t seen = 0;
    looking.looks = 1;
    for (;;) {
        long length = syscall(SYS_getdents64, directory, chunk, CHUNK);
        if (length < 0)
            return 0;
        if (length == 0)
            return seen == task->count;
        for (long position = 0; position < length;) {
            const struct dirent64_ *found = (const void *)(chunk + position);
            const char *name = found->name;
            position += found->length;
            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                continue;
            int64_t i = find_listed(listed, name);
            if (i < 0)
                return 0;
            const int64_t *facts = listed->facts;
            struct entry entry = {name, facts[i], facts[task->count + i], facts[2 * task->count + i], listed->kinds[i],
                                  task->cutoff};
            struct stat status;
            if (remove_entry(directory, -1, &entry, &looking, &status) != REMOVED)
                return 0;
            count_removed(answer, &status);
            seen++;
        }
    }
}

/* Splits the path of a directory, which has a slash at its end: its parent's, with one or empty, and its own name. */
static int split(const char *path, char *parent, char *name, size_t size) {
    size_t length = strlen(path), start = length > 0 ? length - 1 : 0;
    while (start > 0 && path[start - 1] != '/')
        start--;
    if (length < 2 || length >= size)
        return ENAMETOOLONG;
    memcpy(parent, path, start);
    parent[start] = 0;
    memcpy(name, path + start, length - 1 - start);
    name[length - 1 - start] = 0;
    return 0;
}

/* Renames a directory as one, looks at it where it is then, and renames it back when not all of it goes after all. What
 * was listed must be all that is in it. Sets answer->error when it was left, or came back, for the careful way; and
 * answer->stranded when it should have come back and could not, since its name was taken. */
static void move_whole(int anchor, int directory, const char *path, const char *target, struct listed *listed,
                       const struct removal *removal, struct answer *answer, unsigned char *outcomes) {
    static const struct answer nothing;
    char parent[PATH_MAX], name[PATH_MAX], above[PATH_MAX], new_name[PATH_MAX];
    struct stat held, moved, above_it;
    answer->error = EAGAIN;
    if (split(path, parent, name, sizeof parent) || split(target, above, new_name, sizeof above))
        return;
    int from = open_below(anchor, parent, BENEATH | NO_SYMLINKS | NO_XDEV);
    int to = from < 0 ? -1 : open_mirror(anchor, parent, above, removal);
    int knows = to >= 0 && fstat(to, &above_it) == 0;
    if (to >= 0 && fstat(directory, &held) == 0 && fstatat(from, name, &moved, AT_SYMLINK_NOFOLLOW) == 0 &&
        moved.st_dev == held.st_dev && moved.st_ino == held.st_ino &&
        rename_only(from, name, to, new_name) == 0) {
        /* Another one may have been renamed than the one that is held, had its name been taken just then. */
        int is_same = fstatat(to, new_name, &moved, AT_SYMLINK_NOFOLLOW) == 0 && moved.st_dev == held.st_dev &&
                      moved.st_ino == held.st_ino;
        if (is_same && all_goes(directory, listed, removal, answer)) {
            memset(outcomes, REMOVED, (size_t)listed->task->count);
            answer->done = listed->task->count;
            answer->pruned = 1;
            answer->error = 0;
        } else {
            *answer = nothing;
            answer->error = EAGAIN;
            answer->stranded = rename_only(to, new_name, from, name) != 0;
        }
        if (knows)
            keep_time(to, &above_it);
    }
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
}
