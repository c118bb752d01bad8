/* SPDX-License-Identifier: Apache-2.0 */
#include "device/ctl/readiness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "base/time.h"
#include "device/ctl/diagnosis.h"
#include "device/ctl/row.h"
#include "device/ctl/text.h"
#include "wire/json/document.h"

#define SCHEMA      1
#define SPACE_LEAST ((uint64_t)64 << 20) /* bytes: a large component, and its download */

#define COLUMN 20 /* of a row's text */

/* Where a machine's trust begins (device/stage/roots.c). */
static const char *const trusted[] = {"usr/lib/suture/root.json", "etc/suture/root.json"};

/* Where systemd looks for units, and for what pulls them in; the owner's word first. */
static const char *const unit_folders[] = {
	"etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"};

/* What a row is about to become. Positive texts need no remedy. */
typedef struct Rows {
	const Manager *manager;
	const char *activation; /* lines of suture-activate */
	const Doctor *doctor;
	json_t *list;
} Rows;

static void add(json_t *list, const char *what, bool ok, const char *text, const char *remedy)
{
	json_array_append_new(list,
		json_pack("{s:s, s:b, s:s, s:s?}", "what", what, "ok", ok, "text", text, "remedy",
			ok ? NULL : remedy));
}

static void yes(Rows *rows, const char *what, const char *text)
{
	add(rows->list, what, true, text, NULL);
}

static void no(Rows *rows, const char *what, const char *text, const char *remedy)
{
	add(rows->list, what, false, text, remedy);
}

static void look_at_base(Rows *rows)
{
	const Manager *manager = rows->manager;
	Reason support = {}, text;

	if (manager_support(manager, &support) == SUPPORT_ENDED) {
		no(rows, "base", support.text,
			"Update the system: improvements are made for systems that get them.");
		return;
	}
	reason_set(&text, 0, "%s %s (%s)%s%s", manager->identity.product,
		manager->identity.version_id, manager->base_key, support.text[0] ? "; " : "",
		support.text);
	yes(rows, "base", text.text);
}

static void look_at_trust(Rows *rows)
{
	Reason text;

	for (size_t i = 0; i < ARRAY_SIZE(trusted); i++)
		if (file_exists(rows->manager->store->root, trusted[i])) {
			reason_set(&text, 0, "the vendor's root is /%s", trusted[i]);
			yes(rows, "trust", text.text);
			return;
		}
	no(rows, "trust", "no vendor is trusted: neither the base nor the owner brought a root",
		"Run 'suture enroll DIGEST' with the digest that the vendor tells.");
}

static const Finding *find(const Rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->doctor->finding_count; i++)
		if (strcmp(rows->doctor->findings[i].name, name) == 0)
			return &rows->doctor->findings[i];
	return NULL;
}

/* What the doctor does not find missing is there. `is_needed`: without it nothing can be grafted;
 * else it is told, and all goes on. */
static void look_at_feature(
	Rows *rows, const char *name, const char *what, bool is_needed, const char *there)
{
	const Finding *finding = find(rows, name);

	if (!finding)
		yes(rows, what, there);
	else
		add(rows->list, what, !is_needed, finding->text, finding->remedy);
}

/* Linux 6.12 and later mount an image file as it is. */
static bool mounts_files(void)
{
	unsigned major, minor;
	struct utsname name;

	return uname(&name) == 0 && sscanf(name.release, "%u.%u", &major, &minor) == 2 &&
		(major > 6 || (major == 6 && minor >= 12));
}

static void look_at_kernel(Rows *rows)
{
	look_at_feature(rows, "erofs", "erofs", true, "the kernel reads EROFS images");
	look_at_feature(rows, "overlay", "overlay", true, "the kernel has overlays");
	look_at_feature(rows, "loop", "loop", !mounts_files(), "loop devices are there for images");
	look_at_feature(rows, "beneath", "beneath", false,
		"the kernel can put a mount beneath another, so replacements do not stack");
}

/* Before there is a store its file system cannot be asked. */
static const char *how_verified(const Manager *manager, const Finding *dm, const Finding *fs)
{
	if (!fs && manager->store->dir >= 0)
		return "fs-verity verifies each read";
	if (!dm)
		return "dm-verity verifies each read";
	return fs ? "images are verified when they are mounted"
		  : "fs-verity verifies each read, where /" STORE_PATH " can do it";
}

/* What the base demands of images, and whether the kernel can keep it. */
static void look_at_seals(Rows *rows)
{
	SealPolicy policy;
	Reason reason = {}, text;
	const Finding *dm = find(rows, "dm-verity"), *fs = find(rows, "fs-verity");
	int r = store_read_policy(rows->manager->store, &policy, &reason);

	if (r < 0) {
		no(rows, "seals", reason.text[0] ? reason.text : strerror(-r),
			"Restore " SEAL_POLICY_PATH " from the base.");
		return;
	}
	if (policy.verity_required && dm && fs) {
		no(rows, "seals",
			"the base demands that the kernel verifies each read, and it can do "
			"neither dm-verity nor fs-verity",
			dm->remedy);
		return;
	}
	reason_set(&text, 0, "%s; %s",
		policy.required ? "the base demands the vendor's seal"
				: "the base demands no seal, digests are compared",
		how_verified(rows->manager, dm, fs));
	yes(rows, "seals", text.text);
}

static bool has_unit(const Rows *rows, const char *folder, const char *unit)
{
	for (size_t i = 0; i < ARRAY_SIZE(unit_folders); i++) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s%s", unit_folders[i], folder, unit);
		if (file_exists(rows->manager->store->root, path))
			return true;
	}
	return false;
}

/* The word behind a key of the activator's lines; false where there is none. */
static bool read_placement(const char *lines, char ret_word[static 16])
{
	const char *line = strstr(lines, "\nplacement ");

	return line && sscanf(line, "\nplacement %15s", ret_word) == 1;
}

static void look_at_activation(Rows *rows)
{
	static const char unit[] = "suture-activate.service";
	char placement[16];
	Reason text;

	if (read_placement(rows->activation, placement)) {
		reason_set(&text, 0, "this boot has grafted (%s)", placement);
		yes(rows, "activation", text.text);
	} else if (has_unit(rows, "sysinit.target.wants/", unit)) {
		yes(rows, "activation", "suture-activate.service grafts at each boot");
	} else if (has_unit(rows, "", unit)) {
		no(rows, "activation", "suture-activate.service is there, and no boot starts it",
			"Run 'systemctl enable suture-activate.service'.");
	} else {
		no(rows, "activation",
			"no boot grafts: what is installed would be gone after a restart",
			"Install suture-activate.service, or have the boot run 'suture-activate "
			"apply'; see suture-activate(8).");
	}
}

static void look_at_repository(Rows *rows)
{
	const Manager *manager = rows->manager;
	const Checked *checked = &manager->checked;
	char when[TIME_LOCAL_SIZE];
	Reason text;

	time_format_local(checked->succeeded, when);
	if (manager_need_config(manager, &text) < 0)
		no(rows, "repository", text.text, "Write it; suture.conf(5) has an example.");
	else if (manager->config.url[0] == '\0')
		no(rows, "repository", "suture.conf names no repository",
			"Set url in its section [repository].");
	else if (checked->problem)
		no(rows, "repository", checked->problem, "Run 'suture check' when that is mended.");
	else if (checked->succeeded == 0)
		no(rows, "repository", "it was never asked", "Run 'suture check'.");
	else if (checked->expires <= checked_now(checked))
		no(rows, "repository", "its last word is too old to count",
			"Run 'suture check'; if it stays so, tell the vendor.");
	else {
		reason_set(&text, 0, "%s was reached %s", manager->config.url, when);
		yes(rows, "repository", text.text);
	}
}

static void look_at_clock(Rows *rows)
{
	char now[TIME_LOCAL_SIZE];

	time_format_local(time_now(), now);
	if (time_now() < rows->manager->checked.issued)
		no(rows, "clock", "it is behind the newest time that the vendor signed",
			"Set it, and have a service keep it (NTP).");
	else
		yes(rows, "clock", now);
}

/* Of what is offered: its images, what is downloaded of them, and no less than a usual component.
 */
static uint64_t space_needed(const Manager *manager)
{
	uint64_t bytes = 0;
	Offer offer;

	if (manager_offer(manager, true, &offer, NULL) < 0 || !offer.improvement)
		return SPACE_LEAST;
	for (size_t i = 0; i < offer.improvement->images.count; i++) {
		const IndexImage *image = &offer.improvement->images.items[i];

		bytes += image->size;
		for (size_t k = 0; k < image->payloads.count; k++)
			if (image->payloads.items[k].kind == PAYLOAD_FULL)
				bytes += image->payloads.items[k].size;
	}
	return bytes > SPACE_LEAST ? bytes : SPACE_LEAST;
}

static void look_at_space(Rows *rows)
{
	const Store *store = rows->manager->store;
	_cleanup_fd_ int var = openat(store->root, "var", O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t needed = space_needed(rows->manager), there;
	char has[ROW_SIZE_TEXT_SIZE], needs[ROW_SIZE_TEXT_SIZE];
	struct statvfs st;
	Reason text;

	if (fstatvfs(store->dir >= 0 ? store->dir : var >= 0 ? var : store->root, &st) < 0)
		return;
	there = (uint64_t)st.f_bavail * st.f_frsize;
	row_size((long long)there, has);
	row_size((long long)needed, needs);
	reason_set(&text, 0, "%s are free for /" STORE_PATH ", %s are needed", has, needs);
	add(rows->list, "space", there >= needed, text.text,
		"Free some space; 'suture remove' gives back what improvements take.");
}

static void look_at_agent(Rows *rows)
{
	const Checked *checked = &rows->manager->checked;
	char when[TIME_LOCAL_SIZE];
	Reason text;

	time_format_local(checked->succeeded + rows->manager->config.interval, when);
	if (!has_unit(rows, "timers.target.wants/", "suture.timer") &&
		!has_unit(rows, "multi-user.target.wants/", "sutured.service"))
		no(rows, "agent", "no boot starts sutured, so nothing is asked by itself",
			"Run 'systemctl enable --now suture.timer', or have something else run "
			"'suture maintain' from time to time.");
	else if (checked->succeeded == 0 || checked->problem)
		yes(rows, "agent", "sutured tries again within the hour");
	else {
		reason_set(&text, 0, "sutured asks again from %s", when);
		yes(rows, "agent", text.text);
	}
}

/* All else that the doctor calls a problem. */
static void look_at_findings(Rows *rows)
{
	static const char *const told[] = {"erofs", "overlay", NULL};

	for (size_t i = 0; i < rows->doctor->finding_count; i++) {
		const Finding *finding = &rows->doctor->findings[i];

		if (finding->level == FINDING_PROBLEM && text_index(told, finding->name) < 0)
			no(rows, finding->name, finding->text, finding->remedy);
	}
}

static json_t *finish(json_t *list)
{
	bool ok = true;

	for (size_t i = 0; i < json_array_size(list); i++)
		ok = ok && json_is_true(json_object_get(json_array_get(list, i), "ok"));
	return json_pack("{s:i, s:b, s:o}", "schema", SCHEMA, "ok", ok, "ready", list);
}

json_t *readiness_describe(const Manager *manager, const char *activation)
{
	static void (*const looks[])(Rows *) = {look_at_base, look_at_trust, look_at_kernel,
		look_at_seals, look_at_activation, look_at_repository, look_at_clock, look_at_space,
		look_at_agent, look_at_findings};
	_cleanup_(doctor_done) Doctor doctor = {};
	Rows rows = {.manager = manager, .activation = activation, .doctor = &doctor};

	if (diagnosis_make(manager, &doctor) < 0)
		return NULL;
	rows.list = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		looks[i](&rows);
	return finish(rows.list);
}

json_t *readiness_of_no_base(const Reason *reason)
{
	json_t *list = json_array();

	add(list, "base", false, reason->text,
		"The base needs an os-release(5) that names it (ID and VERSION_ID).");
	return finish(list);
}

bool readiness_is_ready(const json_t *readiness)
{
	return json_is_true(json_object_get(readiness, "ok"));
}

void readiness_print(const json_t *readiness)
{
	const json_t *list = json_object_get(readiness, "ready");
	size_t open = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *row = json_array_get(list, i);
		bool ok = json_is_true(json_object_get(row, "ok"));

		printf("%s%-3s%s  ", style(ok ? STYLE_GREEN : STYLE_RED), ok ? _("yes") : _("no"),
			style(STYLE_PLAIN));
		printf("%-14s ", document_text(row, "what"));
		row_wrap(COLUMN, document_text(row, "text"));
		if (!ok) {
			printf("\n%*s", COLUMN, "");
			row_wrap(COLUMN, document_text(row, "remedy"));
		}
		printf("\n");
		open += !ok;
	}
	if (open == 0)
		printf("\n%s\n", _("This machine is ready for improvements."));
	else
		printf(_n("\nThis machine is not ready: %zu thing has to be done.\n",
			       "\nThis machine is not ready: %zu things have to be done.\n", open),
			open);
}
