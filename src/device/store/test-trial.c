/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "device/store/trial.h"
#include "test.h"

#define BOOT "0a1b2c3d-0123-4567-89ab-0123456789ab"
#define HEAD "suture-trial 1\ngeneration 5\nbefore 3\ntries 1\nwindow 60\nboot-window 180\n"

static const struct {
	const char *name, *text;
	int error;
	const char *reason; /* a part of it */
} vectors[] = {
	{"good not booted", HEAD "boot - 0\n", 0, ""},
	{"good", HEAD "boot " BOOT " 77\nunit a.service\nunit b@x\\x2dy.service\n", 0, ""},
	{"empty", "", -EBADMSG, "no record"},
	{"other file", "suture-removed 1\n", -EBADMSG, "no record"},
	{"version 0", "suture-trial 0\n", -EBADMSG, "no record"},
	{"from the future", "suture-trial 2\nanything\n", -EOPNOTSUPP, "newer Suture"},
	{"generation 0", "suture-trial 1\ngeneration 0\nbefore 3\n", -EBADMSG, "number"},
	{"order", "suture-trial 1\nbefore 3\ngeneration 5\n", -EBADMSG, "'generation'"},
	{"too many tries", "suture-trial 1\ngeneration 5\nbefore 3\ntries 10\n", -EBADMSG,
		"number"},
	{"no window", "suture-trial 1\ngeneration 5\nbefore 3\ntries 1\nwindow 0\n", -EBADMSG,
		"number"},
	{"short boot", HEAD "boot 0a1b 77\n", -EBADMSG, "boot ID SECONDS"},
	{"no seconds", HEAD "boot -\n", -EBADMSG, "boot ID SECONDS"},
	{"negative seconds", HEAD "boot " BOOT " -1\n", -EBADMSG, "boot ID SECONDS"},
	{"blank in unit", HEAD "boot - 0\nunit a b.service\n", -EBADMSG, "not a unit"},
	{"unit twice", HEAD "boot - 0\nunit a.service\nunit a.service\n", -EBADMSG, "twice"},
	{"units unsorted", HEAD "boot - 0\nunit b.service\nunit a.service\n", -EBADMSG, "order"},
	{"leftover", HEAD "boot - 0\nmore\n", -EBADMSG, "nothing is expected"},
	{"cut", HEAD "boot - 0", -EBADMSG, ""},
};

TEST(every_record_of_a_trial_is_read_or_refused_for_its_reason)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		_cleanup_(trial_freep) Trial *trial = NULL;
		_cleanup_buffer_ Buffer again = {};
		Reason reason = {};
		size_t size = strlen(vectors[i].text);

		if (trial_parse(vectors[i].text, size, &trial, &reason) != vectors[i].error ||
			!strstr(reason.text, vectors[i].reason))
			test_fail(vectors[i].name, 0, "'%s'", reason.text);
		if (vectors[i].error < 0)
			continue;
		ASSERT_OK(trial_write(trial, &again, &reason));
		ASSERT_EQ(again.size, size);
		ASSERT_MEMEQ(again.data, vectors[i].text, size);
	}
}

TEST(a_record_of_a_trial_with_a_nul_is_refused)
{
	_cleanup_(trial_freep) Trial *trial = NULL;

	ASSERT_ERROR(-EBADMSG,
		trial_parse(HEAD "boot - 0\n\0", sizeof(HEAD "boot - 0\n"), &trial, NULL));
}

TEST(units_of_a_trial_are_sorted_and_counted_once)
{
	_cleanup_(trial_freep) Trial *trial = memory_new(sizeof(*trial));

	ASSERT_OK(trial_add_unit(trial, "nginx.service"));
	ASSERT_OK(trial_add_unit(trial, "a.service"));
	ASSERT_OK(trial_add_unit(trial, "nginx.service"));
	ASSERT_OK(trial_add_unit(trial, "m.service"));
	ASSERT_EQ(trial->unit_count, 3);
	ASSERT_STREQ(trial->units[0], "a.service");
	ASSERT_STREQ(trial->units[1], "m.service");
	ASSERT_STREQ(trial->units[2], "nginx.service");
	ASSERT_ERROR(-EINVAL, trial_add_unit(trial, "a b.service"));
	ASSERT_ERROR(-EINVAL, trial_add_unit(trial, ""));
}

TEST(a_trial_watches_a_bounded_number_of_units)
{
	_cleanup_(trial_freep) Trial *trial = memory_new(sizeof(*trial));

	for (int i = 0; i < TRIAL_UNITS_MAX; i++) {
		_cleanup_free_ char *unit = memory_printf("u%d.service", i);

		ASSERT_OK(trial_add_unit(trial, unit));
	}
	ASSERT_ERROR(-E2BIG, trial_add_unit(trial, "one-more.service"));
	ASSERT_OK(trial_add_unit(trial, "u0.service"));
}

static int parse_good(void)
{
	_cleanup_(trial_freep) Trial *trial = NULL;

	return trial_parse(vectors[1].text, strlen(vectors[1].text), &trial, NULL);
}

TEST(reading_a_trial_copes_with_short_memory)
{
	TEST_EACH_ALLOCATION(parse_good(), (void)0);
}

TEST(a_trial_is_kept_and_cleared)
{
	_cleanup_(store_freep) Store *store = NULL;
	_cleanup_(trial_freep) Trial *trial = NULL, *again = NULL, *none = NULL;

	ASSERT_OK(store_open(test_folder(), &store, NULL));
	ASSERT_EQ(trial_load(store, &none, NULL), 1);
	ASSERT_OK(trial_clear(store, NULL));
	ASSERT_OK(trial_parse(vectors[1].text, strlen(vectors[1].text), &trial, NULL));
	ASSERT_OK(trial_store(store, trial, NULL));
	ASSERT_OK(trial_load(store, &again, NULL));
	ASSERT_EQ(again->before, 3);
	ASSERT_STREQ(again->boot, BOOT);
	ASSERT_OK(trial_clear(store, NULL));
	ASSERT_EQ(trial_load(store, &none, NULL), 1);
}
