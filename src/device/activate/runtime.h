/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Runtime: what stands mounted below /run/suture, a private tmpfs. Everybody may pass its top, for
 * the one file that is for everybody, and nobody may list it; every folder in it is root's alone:
 *
 *     patch-release                            what is applied, written by device/facts
 *     image/<sha256>                           the EROFS mount of an image
 *     base/<directory>                         the pristine base, copied before the first graft
 *     below/parent                             on the way to such a copy while a graft is on
 *     overlay/<serial>-<N>-<digest>/<directory>  an overlay of generation N; <digest> are the first
 *                                              16 digits of the record's digest. Where the base can
 *                                              be no layer of it, with a graft by files
 *                                              (file-graft.h) over it
 *     since/<sha256>                           when the image came, in microseconds after the boot
 *     reason                                   why the base is shown instead of the generation
 *     placement                                where in the boot it was grafted
 *
 * Layers of overlays must be attached somewhere (Linux 6.12 takes no detached ones), and old
 * overlays stay until no process maps them, so that their device numbers keep their meaning
 * (grafting rule 16). Nothing is written down about mounts: an overlay is ours when its
 * superblock's device is that of one that is attached here, and the folder's name tells whose it
 * is.
 */
#include <stdint.h>

#include "base/mountinfo.h"
#include "device/activate/sealed.h"
#include "device/store/store.h"

typedef struct Runtime {
	const Store *store; /* borrowed */
	char *run;          /* the run folder: ROOT/run, or another one in an initrd */
	char *path;         /* RUN/suture */
	unsigned features;  /* Feature bits that may be used */
} Runtime;

/* An overlay that is attached below /run/suture. */
typedef struct Held {
	uint32_t serial;
	uint32_t generation; /* 0: a former base, which was an overlay of somebody else */
	char digest[17];
	const char *directory; /* borrowed from the table */
	const char *point;     /* borrowed from the table */
	dev_t device;
} Held;

typedef struct HeldList {
	Held *items;
	size_t count;
} HeldList;

/* `run` NULL: ROOT/run. */
int runtime_open(const Store *store, const char *run, unsigned features, Runtime **ret,
	Reason *reterr_reason);
Runtime *runtime_free(Runtime *runtime);
DEFINE_CLEANUP(Runtime *, runtime_free)

/* 1: the tmpfs stands, 0: nothing is mounted there, -EBUSY: something else is. */
int runtime_find(const Runtime *runtime, Reason *reterr_reason);

/* Mounts the tmpfs unless it is there. Something else mounted on /run/suture is refused. */
int runtime_make(Runtime *runtime, Reason *reterr_reason);

/* Attaches an image: the very descriptor, or device, that was proved. Positive: it stands attached
 * already, and is left. */
int runtime_attach_image(
	Runtime *runtime, const Digest *digest, const Sealed *sealed, Reason *reterr_reason);

/* Records that the image shows from now on, so that exposure can tell who started before. Without
 * the record all count as that, so a failure is nobody's. */
void runtime_note_since(Runtime *runtime, const Digest *digest);

void runtime_detach_image(Runtime *runtime, const Digest *digest);

/* Copies the base's directory, anew unless `keep`. With `grafted` what is seen there is not the
 * base, which is then copied from below the graft. */
int runtime_attach_base(
	Runtime *runtime, const char *directory, bool keep, bool grafted, Reason *reterr_reason);

/* A name below overlay/ that was not used before. */
int runtime_new_overlay_name(Runtime *runtime, uint32_t generation, const Digest *record,
	char **ret_name, Reason *reterr_reason);

/* Attaches overlay/<name>/<directory>: the images' directory over the base's, or, where the kernel
 * does not take that for an overlay, the base's with the images' files (file-graft.h). */
int runtime_attach_overlay(Runtime *runtime, const char *name, const char *directory,
	const Digest *images, size_t image_count, Reason *reterr_reason);

/* All overlays that are attached here. */
int runtime_held(const Runtime *runtime, const MountTable *table, HeldList *ret);
void held_list_done(HeldList *list);
const Held *held_find(const HeldList *list, dev_t device);

/* Detaches what nobody needs: overlays that are on no directory and that no process maps, base
 * copies without an overlay and, once no such old overlay is held, images other than the kept. */
int runtime_collect(
	Runtime *runtime, const Digest *keep_images, size_t keep_count, Reason *reterr_reason);

/* The same, but all images stay. */
int runtime_collect_overlays(Runtime *runtime, Reason *reterr_reason);

/* Detaches everything, mapped or not, and the tmpfs itself. */
int runtime_close_down(Runtime *runtime, Reason *reterr_reason);

/* Whoever changes what is shown takes the label away: until it is written anew, by programs that
 * may be broken, none is better than a wrong one. */
#define RUNTIME_LABEL "patch-release"
int runtime_forget_label(const Runtime *runtime);

/* What is remembered until the next boot, for `status`: why the base is shown, and where in the
 * boot it was grafted. NULL forgets it. Only while the tmpfs stands. */
#define RUNTIME_NOTE_MAX       1024
#define RUNTIME_NOTE_REASON    "reason"
#define RUNTIME_NOTE_PLACEMENT "placement"
#define RUNTIME_NOTE_BASE      "base-asked" /* the base is shown because the boot loader asks for it */
int runtime_set_note(Runtime *runtime, const char *name, const char *text);
/* Positive: there is none. The caller frees. */
int runtime_note(const Runtime *runtime, const char *name, char **ret_text);
