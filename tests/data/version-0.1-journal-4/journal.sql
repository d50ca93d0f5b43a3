BEGIN TRANSACTION;
CREATE TABLE alert (
        key TEXT PRIMARY KEY,               -- kind, and what of
        kind TEXT NOT NULL,
        stage TEXT NOT NULL,                -- told again when it changes
        text TEXT NOT NULL,
        since INTEGER NOT NULL              -- ns since the epoch
    );
INSERT INTO "alert" VALUES('refused','refused','the configuration cannot be read: config.yaml:3: not a duration','the configuration cannot be read: config.yaml:3: not a duration',1769958000000000000);
CREATE TABLE area (
        name TEXT PRIMARY KEY,
        settings TEXT NOT NULL,             -- JSON: those of its last completed run
        at INTEGER NOT NULL                 -- when that ended, ns since the epoch
    );
INSERT INTO "area" VALUES('uploads','{"retention": 604800000000000, "expire": "file", "age_from": "modified", "protect": ["*.keep"], "directories": ["uploads"]}',1769950800000000000);
INSERT INTO "area" VALUES('frames','{"retention": 2592000000000000, "expire": "directory", "age_from": "modified", "protect": [], "directories": ["frames"]}',1769950800000000000);
INSERT INTO "area" VALUES('temp','{"retention": 86400000000000, "expire": "file", "age_from": "modified", "protect": [], "directories": ["temp"]}',1769950800000000000);
CREATE TABLE area_usage (
        area TEXT NOT NULL,
        at INTEGER NOT NULL,                -- ns since the epoch
        files INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        gone_files INTEGER NOT NULL,        -- removed by cleanups since the first sample
        gone_bytes INTEGER NOT NULL,
        PRIMARY KEY (area, at)
    );
INSERT INTO "area_usage" VALUES('uploads',1769950800000000000,2,20,2,1007);
INSERT INTO "area_usage" VALUES('frames',1769950800000000000,1,10,2,20);
INSERT INTO "area_usage" VALUES('temp',1769950800000000000,0,0,1,10);
INSERT INTO "area_usage" VALUES('outputs',1769950800000000000,1,10,0,0);
INSERT INTO "area_usage" VALUES('temp',1769958000000000000,6,60,1,10);
CREATE TABLE batch (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
        area TEXT NOT NULL,
        unit INTEGER NOT NULL,              -- 1: the one name is a directory that goes as one
        directory BLOB NOT NULL,            -- relative to the base path, with a trailing slash
        at INTEGER NOT NULL,                -- ns since the epoch
        names BLOB NOT NULL,                -- joined by slashes
        facts BLOB NOT NULL,                -- 64-bit integers: inodes, sizes, mtimes
        outcomes BLOB,                      -- one byte a file, NULL while not known
        errors TEXT NOT NULL DEFAULT ''     -- JSON: position -> errno
    );
INSERT INTO "batch" VALUES(1,1,'uploads',0,X'75706C6F6164732F',1769950800000000000,X'636166E92E6D7034',X'6283270000000000070000000000000000806BB3605A8D18',X'0C','');
INSERT INTO "batch" VALUES(2,1,'uploads',0,X'75706C6F6164732F612F',1769950800000000000,X'6F6C642E6D7034',X'4883270000000000E80300000000000000806BB3605A8D18',X'0C','');
INSERT INTO "batch" VALUES(3,1,'frames',1,X'6672616D65732F',1769950800000000000,X'31',X'728327000000000000000000000000000000000000000000',X'01','');
INSERT INTO "batch" VALUES(4,1,'frames',0,X'6672616D65732F312F',1769950800000000000,X'6F6E652E6A70672F74776F2E6A7067',X'828327000000000092832700000000000A000000000000000A000000000000000080DA1A63D683180080DA1A63D68318',X'0101','');
INSERT INTO "batch" VALUES(5,1,'temp',0,X'74656D702F',1769950800000000000,X'74',X'82852700000000000A00000000000000008094AC70808F18',X'01','');
CREATE TABLE disk_usage (
        disk TEXT NOT NULL,                 -- the first of the areas' directories on it
        at INTEGER NOT NULL,
        used INTEGER NOT NULL,              -- bytes
        available INTEGER NOT NULL,
        outside INTEGER NOT NULL,           -- bytes in use that belong to no area
        PRIMARY KEY (disk, at)
    );
INSERT INTO "disk_usage" VALUES('uploads',1769950800000000000,28390080512,80554213376,28390080512);
INSERT INTO "disk_usage" VALUES('uploads',1769958000000000000,28395261952,80549031936,28395261952);
CREATE TABLE hold (
        id INTEGER PRIMARY KEY,
        path BLOB NOT NULL,                 -- relative to the base path
        tree INTEGER NOT NULL,
        area TEXT NOT NULL,
        inode INTEGER,
        born INTEGER,                       -- birth time of the inode, ns since the epoch
        created INTEGER NOT NULL,
        until INTEGER,
        reason TEXT NOT NULL,
        ended INTEGER
    );
INSERT INTO "hold" VALUES(1,X'75706C6F6164732F612F6E65772E6D7034',0,'uploads',2589513,1795818875998000738,1769950800000000000,NULL,'for the audit',NULL);
INSERT INTO "hold" VALUES(2,X'6672616D65732F32',1,'frames',2590034,1795818876011007888,1769950800000000000,1777723200000000000,'a tree',NULL);
INSERT INTO "hold" VALUES(3,X'74656D702F74',0,'temp',2590082,1795818876015096768,1769950800000000000,NULL,'',1769950800000000000);
CREATE TABLE identity (
        uuid TEXT NOT NULL                  -- one row, the same as in the marker of the storage
    );
INSERT INTO "identity" VALUES('5c81d6b6-4fae-45a8-89db-12aa6eebeb5a');
CREATE TABLE message (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        event TEXT NOT NULL,                -- begun, changed, ended, test
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        text TEXT NOT NULL,
        claimed INTEGER NOT NULL DEFAULT 0, -- when somebody last set out to deliver it
        done INTEGER                        -- when it was delivered, or given up
    );
INSERT INTO "message" VALUES(1,1769958000000000000,'begun','refused','refused','the configuration cannot be read: config.yaml:3: not a duration',0,NULL);
CREATE TABLE plan (
        id TEXT PRIMARY KEY,                -- plans that a person may approve
        made INTEGER NOT NULL,
        cutoffs TEXT NOT NULL,
        settings TEXT NOT NULL,
        used INTEGER                        -- the run that it served
    );
INSERT INTO "plan" VALUES('7797eba51d',1769954400000000000,'{"temp": {"at": 1769882400000000000, "cause": "retention"}}','{"temp": {"retention": 72000000000000, "expire": "file", "age_from": "modified", "protect": [], "directories": ["temp"]}}',NULL);
CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        plan TEXT NOT NULL,
        trigger TEXT NOT NULL,              -- Trigger
        host TEXT NOT NULL,
        pid INTEGER NOT NULL,
        started INTEGER NOT NULL,           -- ns since the epoch
        finished INTEGER,
        state TEXT NOT NULL,                -- RunState
        reason TEXT NOT NULL DEFAULT '',    -- why it was refused or failed
        cutoffs TEXT NOT NULL DEFAULT '{}', -- JSON: area -> {at, cause}
        report TEXT NOT NULL DEFAULT '{}'   -- JSON: the run's report
    );
INSERT INTO "run" VALUES(1,'2c48ab6289','program','a-host',4711,1769950800000000000,1769950800000000000,'done','','{"uploads": {"at": 1769346000000000000, "cause": "retention"}, "frames": {"at": 1767358800000000000, "cause": "retention"}, "temp": {"at": 1769864400000000000, "cause": "retention"}}','{"run": 1, "plan": "2c48ab6289", "state": "done", "scanned": 8, "special": 0, "removed": 3, "trashed": 2, "kept": 3, "failed": 0, "displaced": 0, "bytes": 30, "trashed_bytes": 1007, "purged": 0, "purged_bytes": 0, "links": 0, "directories": 1, "bytes_freed": 0, "areas": {"uploads": {"scanned": 4, "special": 0, "removed": 0, "trashed": 2, "kept": 2, "failed": 0, "displaced": 0, "bytes": 0, "trashed_bytes": 1007, "purged": 0, "purged_bytes": 0, "links": 0, "directories": 0, "bytes_freed": 0, "errors": []}, "frames": {"scanned": 3, "special": 0, "removed": 2, "trashed": 0, "kept": 1, "failed": 0, "displaced": 0, "bytes": 20, "trashed_bytes": 0, "purged": 0, "purged_bytes": 0, "links": 0, "directories": 1, "bytes_freed": 0, "errors": []}, "temp": {"scanned": 1, "special": 0, "removed": 1, "trashed": 0, "kept": 0, "failed": 0, "displaced": 0, "bytes": 10, "trashed_bytes": 0, "purged": 0, "purged_bytes": 0, "links": 0, "directories": 0, "bytes_freed": 0, "errors": []}}, "failures": []}');
INSERT INTO "run" VALUES(2,'','cli','a-host',4711,1769954400000000000,1769954400000000000,'refused','nothing was removed, since a person must approve it first: temp: 6 of 6 files would go, and since its last cleanup its retention was shortened from 86400 s to 72000 s. Look at it (`shelflife plan`), then approve it: `shelflife cleanup --approve 7797eba51d`','{}','{}');
INSERT INTO "run" VALUES(3,'','schedule','a-host',4711,1769958000000000000,1769958000000000000,'refused','the configuration cannot be read: config.yaml:3: not a duration','{}','{}');
CREATE TABLE slot (
        at INTEGER PRIMARY KEY,             -- the slot's time, ns since the epoch
        claimed INTEGER NOT NULL,
        run INTEGER
    );
INSERT INTO "slot" VALUES(1769947200000000000,1769958000000000000,NULL);
CREATE TABLE total (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    );
INSERT INTO "total" VALUES('runs',1);
INSERT INTO "total" VALUES('removed',5);
INSERT INTO "total" VALUES('bytes',30);
INSERT INTO "total" VALUES('last_run',1769950800000000000);
INSERT INTO "total" VALUES('last_success',1769950800000000000);
CREATE INDEX batch_directory ON batch (directory);
CREATE INDEX batch_run ON batch (run);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('run',3);
INSERT INTO "sqlite_sequence" VALUES('message',1);
COMMIT;
PRAGMA user_version = 4;
