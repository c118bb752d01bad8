/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Index: the signed document for one (product, base, channel), doc/format/index.md. It lists the
 * base's improvements, their images and payloads, the roll-out, and what was withdrawn.
 *
 *     r = index_read(bytes, size, &index, &reason);      verified by wire/trust beforehand
 *     …
 *     index_clear(&index);
 *
 * The reader is strict (wire/json/schema.h) and then checks what a table cannot say: sequences
 * descend, paths are normal and lie in their graft directories, no graft directory lies inside
 * another, of the same or another image, no path belongs to two images, every image has a full
 * payload. The writer gives the canonical bytes: reading and writing them
 * again changes nothing.
 *
 * How it evolves: a member under `optional` is kept and ignored when unknown; a name under
 * `requires` that index_unmet_requirement() does not know makes that improvement wait for a newer
 * base and blocks no other; `version` above INDEX_VERSION makes index_read() return
 * INDEX_FROM_FUTURE; all else that is unknown is an error.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "wire/json/schema.h"
#include "wire/terms/terms.h"

#define INDEX_VERSION 1
#define INDEX_LISTED                                                                               \
	2 /* improvements that a publisher lists; older ones go to an archive index                \
	   */

#define INDEX_SIZE_MAX         ((size_t)1 << 20)
#define INDEX_IMPROVEMENTS_MAX 16   /* two are listed, older ones live in an archive index */
#define INDEX_IMAGES_MAX       64   /* components of one base that can be improved at once */
#define INDEX_DIRECTORIES_MAX  16   /* grafting rule 1 */
#define INDEX_FILES_MAX        8192 /* of one image: a large browser has 2000 */
#define INDEX_PAYLOADS_MAX     4    /* full, from the base, from the previous image, one spare */
#define INDEX_SOURCES_MAX      1024 /* files that one delta reads */
#define INDEX_WITHDRAWALS_MAX  1024 /* all of a base's life */
#define INDEX_IMAGE_SIZE_MAX   ((uint64_t)1 << 33)

/* Positive condition of index_read(): a newer format; the device needs a newer base. */
#define INDEX_FROM_FUTURE 1

typedef enum PayloadKind { PAYLOAD_FULL, PAYLOAD_DELTA } PayloadKind;
typedef enum WithdrawalLevel {
	WITHDRAWAL_ADVISE, /* offer no more */
	WITHDRAWAL_STOP,   /* and do not activate where it is only staged */
	WITHDRAWAL_REVERT, /* and take it off */
} WithdrawalLevel;

/* The words of the documents, in the order of the enums above; NULL-terminated. */
extern const char *const index_payload_kinds[], *const index_withdrawal_levels[];

typedef struct ImageFile {
	char *path; /* as in the base, without the leading slash */
	Digest sha256;
	int kind;       /* FileKind */
	char *build_id; /* of a FILE_KERNEL, in hex; NULL: not told */
} ImageFile;

/* What a delta reads: a file of the base, or an image that the device already has. */
typedef struct PayloadSource {
	char *path;   /* NULL for an image */
	Digest image; /* zero for a file */
	Digest sha256;
	uint64_t size; /* bytes */
} PayloadSource;

typedef struct Payload {
	int kind;       /* PayloadKind */
	char *encoding; /* "zstd" for full, "suture-delta-1"; an unknown one is passed over */
	Digest sha256;  /* of the bytes to download, which are also its name below blobs/ */
	uint64_t size;
	SCHEMA_LIST(PayloadSource) sources;
} Payload;

typedef struct ImageVerity {
	Digest root;
	Digest salt;
} ImageVerity;

typedef struct IndexImage {
	char *component;
	Digest sha256; /* of the uncompressed EROFS image */
	uint64_t size;
	ImageVerity *verity;             /* never NULL in a checked index */
	SCHEMA_LIST(char *) directories; /* sorted, none inside another of the improvement */
	SCHEMA_LIST(ImageFile) files;    /* sorted by path */
	SCHEMA_LIST(char *) removed;     /* sorted: paths of the base that the image hides */
	int mix;                         /* Mix */
	SCHEMA_LIST(int) after;          /* indices into after_names */
	SCHEMA_LIST(char *) hosts;       /* sorted: programs that read the FILE_READ_ONCE files */
	int restart;                     /* RestartScope */
	char *seal;                      /* 128 hexadecimal digits: ed25519 over the seal's text */
	SCHEMA_LIST(Payload) payloads;   /* best first */
} IndexImage;

typedef struct IndexFix {
	char *cve;
	char *component;
} IndexFix;

typedef struct RolloutStep {
	uint64_t hours; /* after start */
	uint64_t percent;
} RolloutStep;

typedef struct Rollout {
	int64_t start;
	SCHEMA_LIST(RolloutStep) ramp;
	bool hold;
} Rollout;

typedef struct Notes {
	Digest sha256;
	uint64_t size;
} Notes;

typedef struct Improvement {
	uint64_t sequence;
	int64_t published;
	int urgency; /* Urgency */
	char *summary;
	char *advisory; /* id of the advisory; may be NULL */
	Notes *notes;   /* the fixes file, canonical, below blobs/ */
	SCHEMA_LIST(IndexFix) fixes;
	SCHEMA_LIST(char *) requires;
	json_t *optional;
	Rollout *rollout;
	SCHEMA_LIST(IndexImage)
	images; /* all that are grafted with it, carried-over ones included */
} Improvement;

typedef struct Withdrawal {
	uint64_t sequence;
	int level; /* WithdrawalLevel */
	int64_t issued;
	char *reason;
	uint64_t replacement;       /* a sequence, or 0 */
	SCHEMA_LIST(char *) images; /* digests as text: never to be grafted again */
} Withdrawal;

/* An improvement of an older base whose fixes this base contains. */
typedef struct Inclusion {
	char *base;
	uint64_t sequence;
} Inclusion;

typedef struct Index {
	char *format; /* "suture-index" */
	uint64_t version;
	json_t *optional;
	char *product;
	char *base;         /* base key */
	char *base_version; /* VERSION_ID, for people */
	char *channel;
	int64_t issued;
	int64_t supported_until; /* 0: not stated */
	char *superseded_by;     /* VERSION_ID of the base to go to, or NULL */
	SCHEMA_LIST(Inclusion) includes;
	SCHEMA_LIST(Improvement) improvements; /* newest first */
	SCHEMA_LIST(Withdrawal) withdrawals;
} Index;

int index_read(const void *data, size_t size, Index *ret_index, Reason *reterr_reason);
int index_write(const Index *index, Buffer *ret_bytes); /* canonical JSON; 0 or -ENOMEM */
void index_clear(Index *index);
#define _cleanup_index_ _cleanup_(index_clear)

/* The same checks that index_read() makes, for an index that was put together in memory. */
int index_check(const Index *index, Reason *reterr_reason);

/* Puts a newer improvement first and drops what is beyond INDEX_LISTED, withdrawn ones before
 * others. Takes ownership of its content on success. -EINVAL when its sequence is not above all
 * that are listed, or was withdrawn. */
int index_add_improvement(Index *index, Improvement *improvement);

/* A deep copy; the caller clears it with index_image_clear(). */
int index_copy_image(const IndexImage *image, IndexImage *ret_image);
void index_image_clear(IndexImage *image);
int index_copy_improvement(const Improvement *improvement, Improvement *ret_improvement);

/* The highest sequence that this index knows of, withdrawn ones included; 0 for none. */
uint64_t index_newest_sequence(const Index *index);

/* NULL when it is not listed. The pointers live as long as the index. */
const Improvement *index_find(const Index *index, uint64_t sequence);
const Withdrawal *index_withdrawal(const Index *index, uint64_t sequence);

/* The withdrawal that says that an image is never to be grafted again, and the one that keeps an
 * improvement from being offered: its own, or of one of its images. NULL: none does. */
const Withdrawal *index_blame(const Index *index, const Digest *image);
const Withdrawal *index_objection(const Index *index, const Improvement *improvement);

/* The first name under `requires` that this program does not know; NULL when all are met. */
const char *index_unmet_requirement(const Improvement *improvement);

/* "<product>/<base>/<channel>/index.json": the TUF target path. NULL when memory is short. */
char *index_target_path(const char *product, const char *base, const char *channel);

/* "<first two digits>/<digest>": a blob's path below blobs/. */
#define INDEX_BLOB_PATH_SIZE (3 + DIGEST_TEXT_SIZE)
void index_blob_path(const Digest *digest, char ret_path[static INDEX_BLOB_PATH_SIZE]);

/* Calls `each` for every blob of an improvement, its notes and its images' payloads, until that
 * returns something else than 0, which is returned. Blobs that images share come again. */
int index_visit_blobs(const Improvement *improvement,
	int (*each)(void *context, const Digest *digest, uint64_t size), void *context);
