/* Removing the entries of one directory: look, take a lease, let go. */

/* What became of an entry: bytes that shelflife.files.native translates. */
enum { NOT_DONE = 0, REMOVED, CHANGED, VANISHED, NOT_EXPIRED, IN_USE, STRAY };

struct removal {
    int64_t age, in_use;
    int64_t until;    /* CLOCK_MONOTONIC, ns */
    int64_t looks;    /* whether that is all: nothing goes, and what could go counts as REMOVED */
    int64_t uid, gid; /* whom directories belong to that are made, where nothing else says so */
};

struct entry {
    const char *name;
    int64_t inode, size, mtime;
    int kind;
    int64_t cutoff; /* it must be before it */
};

/* One directory of a batch: in. */
struct task {
    int64_t device, inode, mtime, ctime;
    int64_t cutoff;
    int64_t same;  /* whether mtime and ctime must be these, too */
    int64_t empty; /* whether the directory is to go as well, once it is empty */
    int64_t moves; /* whether what goes is renamed into the directory at `target`, which is made where it is missing */
    int64_t whole; /* whether the directory is renamed as one, to `target`: all that is in it is listed */
    int64_t count, names_length;
};

/* … and out. */
struct answer {
    int64_t error; /* what is out of the ordinary: the rest of the directory needs the careful way */
    int64_t done;  /* entries that have an outcome; fewer than all after an error, and when the time was up */
    int64_t files, bytes, links, freed, inodes, pruned;
    int64_t stranded; /* whether it was renamed as one, must come back, and could not: it is at `target` */
};

static int is_listed(const struct entry *entry, const struct stat *status) {
    return kind_of(status->st_mode) == entry->kind && (int64_t)status->st_ino == entry->inode &&
           status->st_size == entry->size && nanoseconds(status->st_mtim) == entry->mtime;
}

/* Looks at an entry. Returns REMOVED when nothing keeps it, what keeps it, or NOT_DONE for the careful way. */
static int look(int directory, const struct entry *entry, const struct removal *removal, struct stat *status) {
    int64_t time;
    if (look_at(directory, entry->name, (int)removal->age, status, &time) != 0)
        return errno == ENOENT ? VANISHED : NOT_DONE;
    if (!is_listed(entry, status))
        return CHANGED;
    return time >= entry->cutoff ? NOT_EXPIRED : REMOVED;
}

/* Says whether somebody holds a BSD lock on an open file or directory: leave it alone, as systemd-tmpfiles does. Ours
 * is let go at once: another thread comes by here on its way down, and looks again for that reason. */
static int is_locked(int fd) {
    struct timespec moment = {0, 100000};
    for (int look = 0; look < 3; look++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            flock(fd, LOCK_UN);
            return 0;
        }
        if (errno != EWOULDBLOCK)
            return 0;
        nanosleep(&moment, NULL);
    }
    return 1;
}

/* Renames, and never replaces. Returns 0, or -1 with errno. */
static int rename_only(int from, const char *name, int to, const char *new_name) {
    return (int)syscall(SYS_renameat2, from, name, to, new_name, NO_REPLACE);
}

/* Renames an entry that nothing keeps into the directory `target`, and looks again there, where no path of the service
 * leads: what was changed on the way, or is wanted for writing (`lease`, if there is one), comes back. Returns STRAY
 * when it cannot, since its name was taken. A rename that fails is left to the careful way, whatever the reason. */
static int move_entry(int directory, int target, const struct entry *entry, int lease) {
    struct stat status;
    if (rename_only(directory, entry->name, target, entry->name) != 0)
        return NOT_DONE;
    if (fstatat(target, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && is_listed(entry, &status) &&
        (lease < 0 || fcntl(lease, F_GETLEASE) == F_RDLCK))
        return REMOVED;
    return rename_only(target, entry->name, directory, entry->name) == 0 ? CHANGED : STRAY;
}

/* Makes an entry go that nothing keeps: into the directory `target`, for good where that is -1. */
static int let_go(int directory, int target, const struct entry *entry, const struct removal *removal, int lease) {
    if (removal->looks)
        return REMOVED;
    if (target >= 0)
        return move_entry(directory, target, entry, lease);
    if (unlinkat(directory, entry->name, 0) == 0)
        return REMOVED;
    return errno == ENOENT ? VANISHED : NOT_DONE;
}

/* Lets a file go under a read lease, which nobody gets while somebody has it open for writing. Before the lease
 * is taken, the signal is changed – the default one ends the process – and addressed to this thread, which has it
 * blocked (shelflife_remove): otherwise the lease addresses it to the process. See shelflife.files.in_use. */
static int let_go_unused(int directory, int target, const struct entry *entry, const struct removal *removal,
                         struct stat *status) {
    struct stat guarded;
    int fd = openat(directory, entry->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? VANISHED : NOT_DONE;
    int found = NOT_DONE, leased = 0;
    struct f_owner_ex owner = {F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
    if (is_locked(fd))
        found = look(directory, entry, removal, status) == REMOVED ? IN_USE : NOT_DONE;
    else if (fstat(fd, &guarded) == 0 && fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETOWN_EX, &owner) == 0) {
        leased = fcntl(fd, F_SETLEASE, F_RDLCK) == 0;
        if (leased) {
            found = look(directory, entry, removal, status);
        } else if (errno == EAGAIN) {
            found = look(directory, entry, removal, status);
            if (found == REMOVED)
                found = IN_USE;
        }
        if (found == REMOVED && (guarded.st_ino != status->st_ino || fcntl(fd, F_GETLEASE) != F_RDLCK))
            found = IN_USE;
        if (found == REMOVED)
            found = let_go(directory, target, entry, removal, fd);
    }
    if (leased)
        fcntl(fd, F_SETLEASE, F_UNLCK); /* a forked child has the same open file: closing ours is not enough */
    close(fd);
    return found;
}

static int remove_entry(int directory, int target, const struct entry *entry, const struct removal *removal,
                        struct stat *status) {
    int found = look(directory, entry, removal, status);
    if (found != REMOVED)
        return found;
    if (removal->in_use && entry->kind == FILE_)
        return let_go_unused(directory, target, entry, removal, status);
    return let_go(directory, target, entry, removal, -1);
}

static void count_removed(struct answer *answer, const struct stat *status) {
    if (S_ISREG(status->st_mode)) {
        answer->files++;
        answer->bytes += status->st_size;
    } else
        answer->links++;
    if (status->st_nlink == 1) {
        answer->freed += (int64_t)status->st_blocks * 512;
        answer->inodes++;
    }
}

/* Removes the directory at `path` when it is empty and still the inode; says whether it is gone. The device is
 * looked at because all btrfs subvolumes have the same inode, and rmdir(2) deletes an empty one. */
static int prune(int anchor, const char *path, dev_t device, ino_t inode) {
    char copy[PATH_MAX];
    struct stat status;
    size_t length = strlen(path);
    if (length < 2 || length >= sizeof copy)
        return 0;
    memcpy(copy, path, length);
    copy[length - 1] = 0;
    char *slash = strrchr(copy, '/'), *name = slash ? slash + 1 : copy;
    int parent = anchor;
    if (slash) {
        *slash = 0;
        parent = open_below(anchor, copy, BENEATH | NO_SYMLINKS | NO_XDEV);
    }
    if (parent < 0)
        return 0;
    int gone = fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_dev == device &&
               status.st_ino == inode && unlinkat(parent, name, AT_REMOVEDIR) == 0;
    if (slash)
        close(parent);
    return gone;
}

/* Returns 0 when the directory is the one that was listed, and of the device `device`. */
static int differs(int directory, dev_t device, const struct task *task) {
    struct stat status;
    if (fstat(directory, &status) != 0)
        return errno;
    if (status.st_dev != device)
        return EXDEV;
    if ((int64_t)status.st_dev != task->device || (int64_t)status.st_ino != task->inode)
        return ESTALE;
    if (task->same &&
        (nanoseconds(status.st_mtim) != task->mtime || nanoseconds(status.st_ctim) != task->ctime))
        return ESTALE;
    return 0;
}

/* Says whether somebody holds a lock on a directory on the way from `anchor` to the one at `path`. Those on the way
 * to `before`, too, are left out: they were asked about in this very call, and are free. */
static int is_locked_above(int anchor, const char *path, const char *before) {
    char part[PATH_MAX];
    for (size_t i = 0, same = 1; path[i] && path[i + 1] && i + 2 < sizeof part; i++) {
        same = same && before[i] == path[i];
        part[i] = path[i];
        if (path[i] != '/' || same)
            continue;
        part[i + 1] = 0;
        int fd = open_below(anchor, part, BENEATH | NO_SYMLINKS | NO_XDEV);
        int locked = fd >= 0 && is_locked(fd);
        if (fd >= 0)
            close(fd);
        if (locked)
            return 1;
    }
    return 0;
}

static void remove_in(int directory, int target, const struct task *task, char *names, const int64_t *facts,
                      const unsigned char *kinds, const struct removal *removal, struct answer *answer,
                      unsigned char *outcomes) {
    char *end = names + task->names_length;
    for (int64_t i = 0; i < task->count; i++) {
        char *slash = memchr(names, '/', (size_t)(end - names));
        struct stat status;
        struct entry entry = {names, facts[i], facts[task->count + i], facts[2 * task->count + i], kinds[i],
                              task->cutoff};
        if (slash)
            *slash = 0;
        int found = remove_entry(directory, target, &entry, removal, &status);
        if (slash)
            *slash = '/';
        if (found == NOT_DONE) {
            answer->error = EAGAIN;
            return;
        }
        if (found == REMOVED)
            count_removed(answer, &status);
        outcomes[i] = (unsigned char)found;
        answer->done++;
        if (now() >= removal->until)
            return;
        names = slash ? slash + 1 : end;
    }
}
