/* The hot primitives in C: recognising, reading and removing, many directories to a call.
 *
 * No Python in here: a shared library that is loaded by ctypes, which lets go of the GIL for the whole of each
 * call. Functions, each with an implementation of the same contract in Python beside it:
 *
 *   shelflife_stand    which of many known directories are unchanged, by one stat each
 *   shelflife_read     many directories in numbers, with the names of what is before a cutoff
 *   shelflife_remove   looks at listed entries of many directories once more, and removes them, or moves them aside
 *   shelflife_bring_back, with shelflife_list and shelflife_count   the way back out of the trash
 *
 * Whatever is out of the ordinary is handed back, to be done again by the careful implementation: an error
 * that may pass, a directory that changed, a lease that is refused. So there is one place for each of these
 * cases, and it is not here.
 *
 * Numbers go in and out as arrays of int64_t in the machine's order. Names are bytes, joined by '/', which
 * no name contains; paths are joined by NUL. Paths are relative to an open directory, each with a trailing
 * slash, the directory itself being the empty one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define VERSION 8 /* raised with each change of what goes in or out */

#ifndef SYS_openat2
#define SYS_openat2 437 /* the same on every architecture */
#endif
#ifndef F_SETSIG
#define F_SETSIG 10
#endif

#define SECOND INT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define FOREVER INT64_MAX

enum { BENEATH = 0x08, NO_SYMLINKS = 0x04, NO_XDEV = 0x01 }; /* RESOLVE_…, openat2(2) */
enum { NO_REPLACE = 0x01 };                                     /* RENAME_NOREPLACE, renameat2(2) */

struct how {
    uint64_t flags, mode, resolve;
};

struct dirent64_ {
    uint64_t ino;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

int shelflife_version(void) { return VERSION; }

/* ------------------------------------------------------------------------------------------- the ground */

/* Opens a directory below another one, which it cannot leave. Returns -errno on failure. */
static int open_below(int directory, const char *path, uint64_t resolve) {
    struct how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK, .resolve = resolve};
    char copy[PATH_MAX];
    size_t length = strlen(path);
    if (length >= sizeof copy)
        return -ENAMETOOLONG;
    memcpy(copy, path, length + 1);
    if (length == 0)
        strcpy(copy, ".");
    else if (copy[length - 1] == '/')
        copy[length - 1] = 0;
    for (int tries = 0; tries < 1000; tries++) {
        long fd = syscall(SYS_openat2, directory, copy, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EINTR && errno != EAGAIN) /* EAGAIN: it raced with a rename, openat2(2) */
            return -errno;
    }
    return -EAGAIN;
}

static int64_t nanoseconds(struct timespec time) {
    if (time.tv_sec > FOREVER / SECOND - 1)
        return INT64_MAX;
    if (time.tv_sec < -(FOREVER / SECOND) + 1)
        return INT64_MIN;
    return (int64_t)time.tv_sec * SECOND + time.tv_nsec;
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return nanoseconds(time);
}

/* What a file's age is counted from: the order of shelflife.policy.rules.times.AgeKind. Each is the later of two times. */
enum { MODIFIED, CHANGED_, ARRIVED, ACCESSED };

static struct timespec from_statx(struct statx_timestamp time) {
    return (struct timespec){.tv_sec = time.tv_sec, .tv_nsec = time.tv_nsec};
}

/* Looks at an entry that is in question for its birth time, which only statx(2) tells. Where none is recorded,
 * ctime stands for it: it is never earlier, and what arrived at an unknown time is not to go too early. */
static int look_at_birth(int directory, const char *name, struct stat *status, int64_t *born) {
    struct statx found;
    if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &found) != 0)
        return -1;
    *status = (struct stat){
        .st_mode = found.stx_mode,
        .st_ino = found.stx_ino,
        .st_nlink = found.stx_nlink,
        .st_size = (off_t)found.stx_size,
        .st_blocks = (blkcnt_t)found.stx_blocks,
        .st_atim = from_statx(found.stx_atime),
        .st_mtim = from_statx(found.stx_mtime),
        .st_ctim = from_statx(found.stx_ctime),
    };
    *born = nanoseconds(found.stx_mask & STATX_BTIME ? from_statx(found.stx_btime) : status->st_ctim);
    return 0;
}

/* Looks at an entry of a directory, and tells what its age is counted from. Fails as fstatat(2) does. */
static int look_at(int directory, const char *name, int age, struct stat *status, int64_t *time) {
    int64_t other = INT64_MIN;
    if (age == ARRIVED ? look_at_birth(directory, name, status, &other) != 0
                       : fstatat(directory, name, status, AT_SYMLINK_NOFOLLOW) != 0)
        return -1;
    *time = nanoseconds(status->st_mtim);
    if (age == CHANGED_)
        other = nanoseconds(status->st_ctim);
    else if (age == ACCESSED)
        other = nanoseconds(status->st_atim);
    if (other > *time)
        *time = other;
    return 0;
}

/* The kinds of shelflife.files.listing.EntryKind. */
enum { FILE_ = 1, LINK = 2, DIRECTORY = 3, OTHER = 4 };

static int kind_of(mode_t mode) {
    return S_ISREG(mode) ? FILE_ : S_ISLNK(mode) ? LINK : S_ISDIR(mode) ? DIRECTORY : OTHER;
}

/* A buffer that grows. After a failed allocation `failed` is set and nothing more is taken. */
struct buffer {
    char *data;
    size_t used, size;
    int failed;
};

static void *room(struct buffer *buffer, size_t more) {
    if (buffer->used + more > buffer->size) {
        size_t size = buffer->size * 2 > buffer->used + more ? buffer->size * 2 : buffer->used + more;
        char *data = buffer->failed ? NULL : realloc(buffer->data, size);
        if (!data) {
            buffer->failed = 1;
            return NULL;
        }
        buffer->data = data;
        buffer->size = size;
    }
    buffer->used += more;
    return buffer->data + buffer->used - more;
}

static void add(struct buffer *buffer, const void *data, size_t length) {
    void *place = room(buffer, length);
    if (place && length)
        memcpy(place, data, length);
}

static void add_number(struct buffer *buffer, int64_t number) { add(buffer, &number, sizeof number); }

/* Adds a name to names that are joined by slashes. */
static void add_name(struct buffer *names, int is_first, const char *name, size_t length) {
    if (!is_first)
        add(names, "/", 1);
    add(names, name, length);
}

/* ------------------------------------------------------------------------------------------ recognising */

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

/* ---------------------------------------------------------------------------------------------- reading */

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

/* ------------------------------------------------------------------ reading one directory, in several threads
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

/* --------------------------------------------------------------------------------------------- removing */

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

/* ------------------------------------------------------------------------------------------ moving aside */

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

static int remove_all(int base, const char *place, int anchor, int64_t count, char *input,
                      const struct removal *removal, struct answer *answers, unsigned char *outcomes);

/* Removes what is listed in `count` directories below the open directory `anchor`, which must be where `place`
 * leads from the open directory `base`. `input` holds for each a task, its path with a final NUL, padded to
 * eight bytes, its target likewise, its facts (inodes, sizes, mtimes), its kinds and, again with a NUL, its names, padded likewise.
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

/* ----------------------------------------------------------------------------------------- bringing back */

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
