/* Reading directories: recognising those that are unchanged, and counting all that is in the others. */

/* Sets mask[i] to 1 where the directory at the i-th path has device `device` and the i-th key (inode, mtime,
 * ctime), else to 0. Links on the way are followed: for recognising only. Ends early, leaving zeros, as soon as
 * *stop is set. */
void shelflife_stand(int directory, int64_t device, const char *paths, const int64_t *keys, int64_t count,
                     const volatile int *stop, unsigned char *mask) {
    char copy[PATH_MAX];
    memset(mask, 0, (size_t)count);
    for (int64_t i = 0; i < count && !*stop; i++, keys += 3) {
        struct stat status;
        size_t length = strlen(paths);
        if (length < sizeof copy) {
            memcpy(copy, paths, length + 1);
            if (length == 0)
                strcpy(copy, ".");
            else if (copy[length - 1] == '/')
                copy[length - 1] = 0;
            mask[i] = fstatat(directory, copy, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                      (int64_t)status.st_dev == device && (int64_t)status.st_ino == keys[0] &&
                      nanoseconds(status.st_mtim) == keys[1] && nanoseconds(status.st_ctim) == keys[2];
        }
        paths += length + 1;
    }
}

/* One directory, in several threads.
 *
 * The kernel hands out a directory's entries chunk by chunk, each once, whoever asks: so threads that read from
 * the same open directory share it out by themselves. Each counts what it got, and the counts are added up. */

enum { CHUNK = 1 << 16, MOST_THREADS = 8 };
enum { ALONE = 4 }; /* chunks after which a directory counts as large */

struct share {
    struct reading reading;
    const struct rules *rules;
    int64_t early;  /* with so many early files, all that can be due have been seen; 0: read to the end */
    int64_t oldest; /* inode of the file that is looked at first; 0: there is none */
    int directory, error, partial;
    const volatile int *stop;
    pthread_t thread;
};

/* Says whether what is not read yet cannot be due, by what is known: all is as it was, files and nothing else. */
static int has_seen_enough(const struct share *share) {
    const struct reading *reading = &share->reading;
    return share->early && reading->early >= share->early && reading->entries == reading->all.files &&
           !reading->fault && !reading->more;
}

/* Counts the entry of a chunk that was the oldest file when the directory was listed: nearly always that is all
 * that is due. Takes it out of the chunk. */
static void count_oldest_first(struct share *share, char *chunk, long length) {
    for (long position = 0; position < length;) {
        struct dirent64_ *entry = (void *)(chunk + position);
        position += entry->length;
        if ((int64_t)entry->ino == share->oldest && entry->type != 4 && entry->name[0] != '.') {
            share->error = count_entry(&share->reading, share->rules, share->directory, entry);
            share->oldest = 0;
            strcpy(entry->name, "."); /* which is no entry */
            return;
        }
    }
}

/* Counts the next entries of a directory. Returns whether there may be more; otherwise, with share->error. */
static int read_chunk(struct share *share, char *chunk) {
    long length = syscall(SYS_getdents64, share->directory, chunk, CHUNK);
    if (length <= 0) {
        share->error = length < 0 ? errno : 0;
        return 0;
    }
    if (share->early && share->oldest)
        count_oldest_first(share, chunk, length);
    for (long position = 0; position < length && !share->error;) {
        const struct dirent64_ *entry = (const void *)(chunk + position);
        if (has_seen_enough(share)) {
            share->partial = 1;
            return 0;
        }
        position += entry->length;
        share->error = count_entry(&share->reading, share->rules, share->directory, entry);
    }
    if (!share->error && *share->stop)
        share->error = ECANCELED;
    return !share->error;
}

static void *read_share(void *given) {
    _Alignas(8) char chunk[CHUNK];
    while (read_chunk(given, chunk)) {
    }
    return NULL;
}

static void start_reading(struct reading *reading) {
    memset(reading, 0, sizeof *reading);
    reading->newest = reading->newest_change = -FOREVER;
    reading->all.first_due = reading->all.oldest = FOREVER;
    reading->rest.first_due = reading->rest.oldest = FOREVER;
}

static void add_sum(struct sum *sum, const struct sum *other, int *error) {
    sum->files += other->files;
    sum->bytes += other->bytes;
    sum->allocated += other->allocated;
    if (other->first_due < sum->first_due)
        sum->first_due = other->first_due;
    if (other->oldest < sum->oldest) {
        sum->oldest = other->oldest;
        sum->oldest_inode = other->oldest_inode;
    }
    const int64_t *value = other->hours.values;
    for (int64_t i = 0; i < other->hours.used; i++, value += COLUMNS)
        if (!count_hour(&sum->hours, value))
            *error = ENOMEM;
}

static void add_reading(struct reading *reading, struct reading *other, int *error) {
    add_sum(&reading->all, &other->all, error);
    add_sum(&reading->rest, &other->rest, error);
    if (reading->due && other->due)
        add(&reading->names, "/", 1);
    if (reading->children && other->children)
        add(&reading->child_names, "/", 1);
    struct buffer *blobs[] = BLOBS(reading), *others[] = BLOBS(other);
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++) {
        blobs[i]->failed |= others[i]->failed;
        add(blobs[i], others[i]->data, others[i]->used);
    }
    reading->entries += other->entries;
    reading->staying += other->staying;
    reading->special += other->special;
    reading->children += other->children;
    if (!reading->fault)
        reading->fault = other->fault;
    if (other->newest > reading->newest)
        reading->newest = other->newest;
    if (other->newest_change > reading->newest_change)
        reading->newest_change = other->newest_change;
    reading->due += other->due;
    reading->due_files += other->due_files;
    reading->due_bytes += other->due_bytes;
    reading->due_links += other->due_links;
    reading->more |= other->more;
}

/* Begins more threads on a directory; returns how many. They take no signals: those are Python's business. */
static int bring_help(struct share *shares, int most, const struct share *own) {
    sigset_t all, before;
    int count = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count < most) {
        struct share *share = shares + count;
        *share = (struct share){.rules = own->rules, .directory = own->directory, .stop = own->stop};
        start_reading(&share->reading);
        if (pthread_create(&share->thread, NULL, read_share, share) != 0)
            break;
        count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count;
}

/* Reads an open directory: to its end, or, if it is as known, until it has seen as many early files as it has;
 * then *partial is set. Returns 0, or the errno with which that failed. */
static int read_entries(struct reading *reading, const struct rules *common, int directory,
                        const struct known *known, const volatile int *stop, int *partial) {
    _Alignas(8) char chunk[CHUNK];
    struct share shares[MOST_THREADS];
    struct rules rules = *common;
    struct share own = {.rules = &rules, .directory = directory, .stop = stop};
    int most = rules.threads < MOST_THREADS ? (int)rules.threads : MOST_THREADS, helpers = 0;
    rules.most_due /= most > 0 ? most : 1;
    if (known) {
        own.early = known->early;
        own.oldest = known->oldest;
    }
    start_reading(&own.reading);
    for (int chunks = 1; read_chunk(&own, chunk); chunks++)
        if (chunks == ALONE) {
            helpers = bring_help(shares, most - 1, &own);
            if (helpers) /* each would have to ask what the others have seen */
                own.early = 0;
        }
    for (int i = 0; i < helpers; i++) {
        pthread_join(shares[i].thread, NULL);
        if (!own.error)
            own.error = shares[i].error;
        add_reading(&own.reading, &shares[i].reading, &own.error);
        forget(&shares[i].reading);
    }
    *reading = own.reading;
    *partial = own.partial;
    return own.error;
}

/* Leaves in a sum what another one, which is a part of it, does not have. Its earliest times stay: they are
 * earlier than the other's. */
static void subtract(struct sum *sum, struct sum *part) {
    int64_t used = 0;
    sum->files -= part->files;
    sum->bytes -= part->bytes;
    sum->allocated -= part->allocated;
    for (int64_t i = 0, j = 0; i < sum->hours.used; i++) {
        int64_t *hour = sum->hours.values + COLUMNS * i, *kept = sum->hours.values + COLUMNS * used;
        int64_t *other = part->hours.values + COLUMNS * j;
        int both = j < part->hours.used && other[HOUR_] == hour[HOUR_];
        kept[HOUR_] = hour[HOUR_];
        for (int column = FILES; column < COLUMNS; column++)
            kept[column] = hour[column] - (both ? other[column] : 0);
        j += both;
        used += kept[FILES] > 0;
    }
    sum->hours.used = used;
    *part = (struct sum){.first_due = FOREVER, .oldest = FOREVER, .hours.values = part->hours.values};
}

/* One directory's record: 35 numbers, then the blobs whose lengths they tell (shelflife.files.native). */
static void write_record(struct buffer *out, int error, const struct stat *before, int same, int partial,
                         struct reading *reading) {
    struct buffer *blobs[] = BLOBS(reading);
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++)
        if (blobs[i]->failed)
            error = ENOMEM;
    const struct sum *all = &reading->all, *rest = &reading->rest;
    int64_t header[] = {
        error,
        (int64_t)before->st_dev,
        (int64_t)before->st_ino,
        nanoseconds(before->st_mtim),
        nanoseconds(before->st_ctim),
        same,
        partial,
        reading->entries,
        reading->staying,
        reading->special,
        reading->fault,
        reading->newest,
        reading->newest_change,
        all->files,
        all->bytes,
        all->allocated,
        all->first_due,
        all->oldest,
        all->oldest_inode,
        rest->files,
        rest->bytes,
        rest->allocated,
        rest->first_due,
        rest->oldest,
        rest->oldest_inode,
        reading->due_files,
        reading->due_bytes,
        reading->due_links,
        reading->more,
        reading->children,
        reading->due,
        all->hours.used,
        rest->hours.used,
        (int64_t)reading->child_names.used,
        (int64_t)reading->names.used,
    };
    add(out, header, sizeof header);
    if (error)
        return;
    write_hours(out, &all->hours);
    write_hours(out, &rest->hours);
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++)
        add(out, blobs[i]->data, blobs[i]->used);
}

static int is_as_known(const struct stat *status, const struct known *known) {
    return (int64_t)status->st_ino == known->inode && nanoseconds(status->st_mtim) == known->mtime &&
           nanoseconds(status->st_ctim) == known->ctime;
}

/* `device` is the one of the open directory: a directory of another one, such as a btrfs subvolume, which nothing
 * is mounted on, is as good as a mount point. */
static void read_one(struct buffer *out, int directory, dev_t device, const char *path, const struct rules *common,
                     const struct known *known, const volatile int *stop) {
    struct reading reading;
    struct rules rules = *common;
    struct stat before = {0}, after = {0};
    int same = 0, partial = 0, error = 0, fd = open_below(directory, path, BENEATH | NO_SYMLINKS | NO_XDEV);
    rules.is_root = *path == 0;
    start_reading(&reading);
    if (fd < 0)
        error = -fd;
    else {
        if (fstat(fd, &before) != 0)
            error = errno;
        else if (before.st_dev != device)
            error = EXDEV;
        else
            error = read_entries(&reading, &rules, fd, is_as_known(&before, known) ? known : NULL, stop, &partial);
        if (!error && fstat(fd, &after) != 0)
            error = errno;
        close(fd);
        same = before.st_ino == after.st_ino && nanoseconds(before.st_mtim) == nanoseconds(after.st_mtim) &&
               nanoseconds(before.st_ctim) == nanoseconds(after.st_ctim);
        if (!error && partial && !same)
            error = EAGAIN; /* what was known does not hold any more */
        if (partial)
            subtract(&reading.all, &reading.rest);
    }
    write_record(out, error, &before, same, partial, &reading);
    forget(&reading);
}

/* Reads the directories at `count` paths below an open one, as many as `patience` ns allow but at least one. One
 * that is as known need not be read to its end: its record is partial then, and its first sum counts what is due
 * only. Returns how many, with their records in *result (of *length bytes), which the caller frees by
 * shelflife_free; -1 when there is no memory. Ends early, with ECANCELED, as soon as *stop is set. */
int64_t shelflife_read(int directory, const char *paths, int64_t count, const struct rules *rules,
                       const struct known *known, int64_t patience, const volatile int *stop, char **result,
                       int64_t *length) {
    struct buffer out = {0};
    struct stat own = {0};
    int64_t done = 0, until = now() + patience;
    fstat(directory, &own); /* fails for no open directory; no device would be found to be its own */
    do {
        read_one(&out, directory, own.st_dev, paths, rules, known + done, stop);
        paths += strlen(paths) + 1;
        done++;
    } while (done < count && now() < until);
    if (out.failed) {
        free(out.data);
        return -1;
    }
    *result = out.data;
    *length = (int64_t)out.used;
    return done;
}

void shelflife_free(char *result) { free(result); }
