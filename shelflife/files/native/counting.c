/* What is counted of a directory: its files in numbers and by the hour, its children, and the names of what is due. */

enum { HOUR_, FILES, BYTES, ALLOCATED, COLUMNS }; /* of a histogram: shelflife.files.hours */

struct hours {
    int64_t *values; /* COLUMNS for each hour; sorted by hour */
    int64_t used, size, last;
};

/* What files together are: of all in a directory, or of those that are not due. */
struct sum {
    int64_t files, bytes, allocated, first_due, oldest;
    int64_t oldest_inode; /* of the oldest file; 0 where it is not known */
    struct hours hours;
};

struct reading {
    int64_t entries, staying, special, children, fault; /* fault: errno of an entry that could not be looked at */
    int64_t newest, newest_change;
    int64_t early; /* files before rules->early */
    struct sum all, rest;
    int64_t due, due_files, due_bytes, due_links, more; /* more: there are due entries that are not listed */
    struct buffer child_names, child_inodes, names, inodes, sizes, mtimes, times, kinds;
};

struct rules {
    int64_t is_root;
    int64_t left_out; /* how many of the names that are ours are left out of the root */
    int64_t age;      /* what the age of a file is counted from */
    int64_t cutoff;   /* entries before it are due; INT64_MIN for none */
    int64_t early;    /* what is known counts files before it: the end of the cutoff's hour */
    int64_t most_due; /* due entries that are listed, at the most */
    int64_t threads;  /* that may share a large directory */
    const char *noise; /* patterns of names, each with a NUL, and another NUL */
};

/* What is known of a directory that holds nothing but files, as long as it has this key. */
struct known {
    int64_t inode, mtime, ctime;
    int64_t early; /* its files before rules->early; 0: nothing is known */
    int64_t oldest; /* inode of its oldest file, which is looked at first; 0: not known */
};

/* Counts files of an hour, given as a row of a histogram; returns whether there was memory for it. */
static int count_hour(struct hours *hours, const int64_t row[COLUMNS]) {
    int64_t low = 0, high = hours->used;
    if (hours->last < hours->used && hours->values[COLUMNS * hours->last] == row[HOUR_])
        low = hours->last;
    else {
        while (low < high) {
            int64_t middle = (low + high) / 2;
            if (hours->values[COLUMNS * middle] < row[HOUR_])
                low = middle + 1;
            else
                high = middle;
        }
        if (low == hours->used || hours->values[COLUMNS * low] != row[HOUR_]) {
            if (hours->used == hours->size) {
                int64_t more = hours->size ? 2 * hours->size : 8;
                int64_t *values = realloc(hours->values, (size_t)more * COLUMNS * sizeof *values);
                if (!values)
                    return 0;
                hours->values = values;
                hours->size = more;
            }
            memmove(hours->values + COLUMNS * (low + 1), hours->values + COLUMNS * low,
                    (size_t)(hours->used - low) * COLUMNS * sizeof *hours->values);
            hours->used++;
            memset(hours->values + COLUMNS * low, 0, COLUMNS * sizeof *hours->values);
            hours->values[COLUMNS * low] = row[HOUR_];
        }
        hours->last = low;
    }
    for (int column = FILES; column < COLUMNS; column++)
        hours->values[COLUMNS * low + column] += row[column];
    return 1;
}

static int count_file(struct sum *sum, const struct stat *status, int64_t time) {
    /* Of a file with several names each counts its share, so that all together never exceed the disk. */
    int64_t allocated = (int64_t)status->st_blocks * 512 / (status->st_nlink > 1 ? (int64_t)status->st_nlink : 1);
    sum->files++;
    sum->bytes += status->st_size;
    sum->allocated += allocated;
    if (time < sum->oldest) {
        sum->oldest = time;
        sum->oldest_inode = (int64_t)status->st_ino;
    }
    if (time < sum->first_due)
        sum->first_due = time;
    return count_hour(&sum->hours,
                      (int64_t[COLUMNS]){time / HOUR - (time % HOUR < 0), 1, status->st_size, allocated});
}

static void list_due(struct reading *reading, const struct rules *rules, const char *name, size_t length,
                     const struct stat *status, int kind, int64_t time) {
    unsigned char byte = (unsigned char)kind;
    if (reading->due >= rules->most_due) {
        reading->more = 1;
        return;
    }
    add_name(&reading->names, reading->due == 0, name, length);
    add_number(&reading->inodes, (int64_t)status->st_ino);
    add_number(&reading->sizes, status->st_size);
    add_number(&reading->mtimes, nanoseconds(status->st_mtim));
    add_number(&reading->times, time);
    add(&reading->kinds, &byte, 1);
    reading->due++;
}

static void add_child(struct reading *reading, const char *name, size_t length, uint64_t inode) {
    add_name(&reading->child_names, reading->children == 0, name, length);
    add_number(&reading->child_inodes, (int64_t)inode);
    reading->children++;
}

/* As shelflife.policy.rules.file has it: .gitkeep, and what NFS keeps for somebody who has it open. */
static int stays_by_name(const char *name, size_t length) {
    if (strcmp(name, ".gitkeep") == 0)
        return 1;
    return length >= 20 && strncmp(name, ".nfs", 4) == 0 && strspn(name + 4, "0123456789abcdefABCDEF") == length - 4;
}

/* In the order of shelflife.policy.area.Area.left_out. */
enum { OURS = 2 };
static const char *const ours[OURS] = {".trash", ".shelflife"};

/* Says whether a name is noise. Nearly always the first byte tells that it is not. */
static int is_noise(const char *patterns, const char *name) {
    for (; *patterns; patterns += strlen(patterns) + 1)
        if ((*patterns == *name || *patterns == '*' || *patterns == '?') &&
            fnmatch(patterns, name, 0) != FNM_NOMATCH)
            return 1;
    return 0;
}

/* Counts one entry; returns 0, or an errno: ENOMEM, and ENOTSUP for what only the careful way can count. */
static int count_entry(struct reading *reading, const struct rules *rules, int directory,
                       const struct dirent64_ *entry) {
    const char *name = entry->name;
    size_t length = strlen(name);
    struct stat status;
    int64_t time;
    if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
        return 0;
    for (int64_t i = 0; rules->is_root && i < rules->left_out && i < OURS; i++)
        if (strcmp(name, ours[i]) == 0)
            return 0;
    if (entry->type == 4) { /* DT_DIR: its name and inode will do */
        reading->entries++;
        add_child(reading, name, length, entry->ino);
        return 0;
    }
    if (look_at(directory, name, (int)rules->age, &status, &time) != 0) {
        if (errno != ENOENT) {
            reading->entries++;
            reading->fault = errno;
        }
        return 0;
    }
    reading->entries++;
    int kind = kind_of(status.st_mode);
    if (kind == DIRECTORY)
        add_child(reading, name, length, status.st_ino);
    else if (kind == OTHER || stays_by_name(name, length)) {
        reading->staying++;
        reading->special += kind == OTHER;
    } else if (is_noise(rules->noise, name))
        return ENOTSUP;
    else {
        int64_t ctime = nanoseconds(status.st_ctim);
        if (time > reading->newest)
            reading->newest = time;
        if (ctime > reading->newest_change)
            reading->newest_change = ctime;
        int due = time < rules->cutoff;
        if (due) {
            reading->due_files += kind == FILE_;
            reading->due_bytes += kind == FILE_ ? status.st_size : 0;
            reading->due_links += kind == LINK;
            list_due(reading, rules, name, length, &status, kind, time);
        }
        reading->early += kind == FILE_ && time < rules->early;
        for (int i = 0; i < (due ? 1 : 2); i++) {
            struct sum *sum = i ? &reading->rest : &reading->all;
            if (kind == FILE_ && !count_file(sum, &status, time))
                return ENOMEM;
            if (kind == LINK && time < sum->first_due)
                sum->first_due = time;
        }
    }
    return 0;
}

static void write_hours(struct buffer *out, const struct hours *hours) {
    for (int column = 0; column < COLUMNS; column++)
        for (int64_t i = 0; i < hours->used; i++)
            add_number(out, hours->values[COLUMNS * i + column]);
}

/* In the order in which they are written. */
#define BLOBS(r)                                                                                               \
    {&(r)->child_names, &(r)->child_inodes, &(r)->names,  &(r)->inodes,                                        \
     &(r)->sizes,       &(r)->mtimes,       &(r)->times,  &(r)->kinds}

static void forget(struct reading *reading) {
    free(reading->all.hours.values);
    free(reading->rest.hours.values);
    struct buffer *blobs[] = BLOBS(reading);
    for (size_t i = 0; i < sizeof blobs / sizeof *blobs; i++)
        free(blobs[i]->data);
}
