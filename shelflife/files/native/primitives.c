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
 *
 * The parts below are one translation unit, each resting on those before it: so all but what Python calls is
 * static, and nothing in a loop over files is a call to elsewhere.
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

#include "entries.c"
#include "counting.c"
#include "reading.c"
#include "removing.c"
#include "moving.c"
#include "batch.c"
#include "restoring.c"
