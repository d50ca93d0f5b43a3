/* A batch: what is listed in many directories goes, each of them opened from the area right before. */

static int remove_all(int base, const char *place, int anchor, int64_t count, char *input,
                      const struct removal *removal, struct answer *answers, unsigned char *outcomes) {
    struct stat here, there, root;
    const char *before = "";
    int fd = open_below(base, place, BENEATH | NO_SYMLINKS);
    if (fd < 0)
        return -fd;
    int failed = fstat(fd, &here) != 0 || fstat(anchor, &there) != 0 || fstat(base, &root) != 0;
    close(fd);
    if (failed || here.st_ino != there.st_ino || here.st_dev != there.st_dev)
        return ESTALE;
    /* A run locks the base path, which the area may be. */
    int is_base = root.st_ino == there.st_ino && root.st_dev == there.st_dev;
    int all_locked = removal->in_use && !is_base && is_locked(anchor);
    for (int64_t i = 0; i < count; i++) {
        struct task *task = (struct task *)input;
        char *path = input + sizeof *task;
        char *target = path + (strlen(path) + 8) / 8 * 8;
        input = target + (strlen(target) + 8) / 8 * 8;
        int64_t *facts = (int64_t *)input;
        unsigned char *kinds = (unsigned char *)(facts + 3 * task->count);
        char *names = (char *)kinds + task->count;
        input = (char *)facts + 3 * 8 * task->count + (task->count + task->names_length + 8) / 8 * 8;
        struct answer *answer = answers + i;
        fd = open_below(anchor, path, BENEATH | NO_SYMLINKS | NO_XDEV);
        answer->error = fd < 0 ? -fd : differs(fd, there.st_dev, task);
        if (!answer->error && removal->in_use &&
            (all_locked || (*path && is_locked(fd)) || is_locked_above(anchor, path, before)))
            answer->error = EAGAIN;
        before = answer->error ? "" : path; /* above a locked one, all has to be asked again */
        if (!answer->error && task->whole) {
            struct listed listed = {task, names, facts, kinds, 0, names};
            move_whole(anchor, fd, path, target, &listed, removal, answer, outcomes);
        } else if (!answer->error) {
            struct stat mirror;
            int to = task->moves && task->count ? open_mirror(anchor, path, target, removal) : -1;
            int knows = to >= 0 && fstat(to, &mirror) == 0;
            if (to < 0 && task->moves && task->count)
                answer->error = -to;
            else
                remove_in(fd, to, task, names, facts, kinds, removal, answer, outcomes);
            if (knows)
                keep_time(to, &mirror);
            if (to >= 0)
                close(to);
        }
        if (fd >= 0)
            close(fd);
        outcomes += task->count;
        if (!answer->error && task->empty && answer->done == task->count)
            answer->pruned = prune(anchor, path, there.st_dev, (ino_t)task->inode);
        if (now() >= removal->until)
            return 0;
    }
    return 0;
}


/* Removes what is listed in `count` directories below the open directory `anchor`, which must be where `place`
 * leads from the open directory `base`. `input` holds for each a task, its path with a final NUL, padded to
 * eight bytes, its target likewise, its facts (inodes, sizes, mtimes), its kinds and, again with a NUL, its
 * names, padded likewise.
 * Each directory is opened from the anchor right before its entries go, and must be the one that was listed.
 * Gives for each an answer, and for each entry a byte, all zero at first. Returns 0, or an errno when the
 * anchor is not in its place and nothing was done. */
int shelflife_remove(int base, const char *place, int anchor, int64_t count, char *input,
                     const struct removal *removal, struct answer *answers, unsigned char *outcomes) {
    sigset_t notice, before;
    struct timespec at_once = {0, 0};
    sigemptyset(&notice);
    sigaddset(&notice, SIGURG);
    pthread_sigmask(SIG_BLOCK, &notice, &before);
    int failed = remove_all(base, place, anchor, count, input, removal, answers, outcomes);
    sigtimedwait(&notice, NULL, &at_once); /* the notice that somebody wanted a leased file, if there is one */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}
