/* Entries of directories: opening one that nothing can lead out of, looking at one, and buffers for what is found. */

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
