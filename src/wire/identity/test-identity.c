/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"
#include "test.h"
#include "wire/identity/identity.h"

static int parse(const char *text, BaseIdentity *identity)
{
	return identity_parse(text, strlen(text), "x86_64", identity, NULL);
}

static const struct {
	const char *text;
	const char *key;    /* NULL: refused */
	const char *reason; /* a part of it */
} keys[] = {
	{"ID=exampleos\nVERSION_ID=26.3.1\n", "26.3.1_x86_64", ""},
	{"ID=exampleos\nVERSION_ID=\"26.3.1\"\nVARIANT_ID='desktop'\n", "26.3.1_desktop_x86_64",
		""},
	{"ID=a\nVERSION_ID=1\nBUILD_ID=7\n", "1+7_x86_64", ""},
	{"ID=a\nVERSION_ID=1\nBUILD_ID=7\nIMAGE_VERSION=9\n", "1+9_x86_64", ""},
	{"ID=a\nVERSION_ID=1\nBUILD_ID=\"7 A\"\nIMAGE_VERSION=9\n", "1+9_x86_64", ""},
	{"ID=a\nVERSION_ID=1\nBUILD_ID=\"7 A\"\n", NULL, "BUILD_ID"},
	{"ID=a\nVERSION_ID=1\nVARIANT_ID=Desktop\n", NULL, "VARIANT_ID"},
	{"ID=a\nVERSION_ID=1~rc\n", NULL, "VERSION_ID"},
	{"ID=a\nVERSION_ID=1\nVERSION_ID=2\n", "2_x86_64", ""},
	{"# c\n\nNAME=\"x \\\" y\nID=a\nVERSION_ID=1", "1_x86_64", ""},
};

static void check_key(size_t i)
{
	char key[IDENTITY_KEY_MAX + 1];
	BaseIdentity identity;
	Reason reason = {};
	int r;

	ASSERT_OK(parse(keys[i].text, &identity));
	r = identity_base_key(&identity, key, &reason);
	ASSERT_EQ(r, keys[i].key ? 0 : -EINVAL);
	ASSERT(strstr(reason.text, keys[i].reason));
	if (keys[i].key)
		ASSERT_STREQ(key, keys[i].key);
}

TEST(keys_of_bases)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		check_key(i);
}

TEST(malformed_values_are_refused)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{"", -EINVAL},
		{"ID=a\n", -EINVAL},
		{"VERSION_ID=1\n", -EINVAL},
		{"ID=Debian\nVERSION_ID=1\n", -EINVAL},
		{"ID=\"a\nVERSION_ID=1\n", -EBADMSG},
		{"ID='a'b\nVERSION_ID=1\n", -EBADMSG},
		{"ID=a b\nVERSION_ID=1\n", -EBADMSG},
		{"ID=`id`\nVERSION_ID=1\n", -EBADMSG},
		{"ID=\"$(id)\"\nVERSION_ID=1\n", -EBADMSG},
		{"ID=a\nVERSION_ID=\x01\n", -EBADMSG},
		{"ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		 "VERSION_ID=1\n",
			-EBADMSG},
	};
	BaseIdentity identity;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ASSERT_ERROR(bad[i].error, parse(bad[i].text, &identity));
	ASSERT_ERROR(-EBADMSG, identity_parse("ID=a\0", 5, NULL, &identity, NULL));
}

TEST(a_name_is_for_people_and_no_obstacle)
{
	static const struct {
		const char *line, *name;
	} names[] = {{"", "a"}, {"NAME=\"Example OS\"\n", "Example OS"}, {"NAME='\n", "a"},
		{"NAME=\"$(id)\"\n", "a"}, {"NAME=\"a\x1b[1m\"\n", "a"}, {"NAMES=b\n", "a"},
		{"NAME=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
			"a"}};
	BaseIdentity identity;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_free_ char *text = memory_printf("ID=a\nVERSION_ID=1\n%s", names[i].line);

		ASSERT_OK(parse(text, &identity));
		ASSERT_STREQ(identity.name, names[i].name);
	}
}

TEST(the_machine_answers_when_nobody_says)
{
	const char *text = "ID=a\nVERSION_ID=1\n";
	BaseIdentity identity;

	ASSERT_OK(identity_parse(text, strlen(text), NULL, &identity, NULL));
	ASSERT(identity.architecture[0]);
	ASSERT_STREQ(identity.version_id, "1");
	TEST_EACH_ALLOCATION(parse(text, &identity), (void)0);
}

TEST(long_keys_are_refused)
{
	BaseIdentity identity = {};
	char key[IDENTITY_KEY_MAX + 1];

	memset(identity.version_id, '1', IDENTITY_VALUE_MAX);
	memset(identity.image_version, '1', IDENTITY_VALUE_MAX);
	memset(identity.architecture, '1', IDENTITY_VALUE_MAX);
	ASSERT_ERROR(-EINVAL, identity_base_key(&identity, key, NULL));
}
