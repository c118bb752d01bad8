/* SPDX-License-Identifier: Apache-2.0 */
#include <malloc.h>
#include <stdio.h>

#include "base/time.h"
#include "crypto/digest.h"
#include "test.h"
#include "wire/json/document.h"
#include "wire/json/schema.h"

static int parse(const char *text, json_t **ret, Reason *reason)
{
	return document_parse(text, strlen(text), ret, reason);
}

static void refuse_bytes(const char *text, size_t size, const char *word)
{
	json_t *json = NULL;
	Reason reason = {};
	int r = document_parse(text, size, &json, &reason);

	if (r != -EBADMSG || json)
		test_fail(__FILE__, __LINE__, "%s gave %d", text, r);
	if (!strstr(reason.text, word))
		test_fail(__FILE__, __LINE__, "%s: \"%s\" is without \"%s\"", text, reason.text,
			word);
}

static void refuse(const char *text, const char *word)
{
	refuse_bytes(text, strlen(text), word);
}

/* The canonical form of a text; the caller frees. */
static char *canonical(const char *text)
{
	_cleanup_json_ json_t *json = NULL;
	Buffer buffer = {};

	ASSERT_OK(parse(text, &json, NULL));
	ASSERT_OK(document_canonical(json, &buffer));
	return (char *)buffer.data;
}

static void check_canonical(const char *text, const char *expected)
{
	_cleanup_free_ char *got = canonical(text);
	_cleanup_free_ char *again = canonical(got);

	ASSERT_STREQ(got, expected);
	ASSERT_STREQ(again, expected);
}

TEST(only_an_object_stands_at_the_top)
{
	refuse("", "not JSON");
	refuse("[]", "not a JSON object");
	refuse("1", "not JSON");
	refuse("null", "not JSON");
	refuse("{", "not JSON");
	refuse("{\"a\":1,}", "not JSON");
	refuse("{'a':1}", "not JSON");
	refuse("{\"a\":01}", "not JSON");
	refuse("{\"a\":+1}", "not JSON");
	refuse("{\"a\":NaN}", "not JSON");
	refuse("{\"a\":1 /* one */}", "not JSON");
}

TEST(a_member_stands_there_once)
{
	refuse("{\"a\":1,\"a\":1}", "duplicate");
	refuse("{\"x\":{\"a\":1,\"b\":2,\"a\":3}}", "duplicate");
	refuse("{\"a\":1,\"\\u0061\":1}", "duplicate");
}

TEST(nothing_stands_behind_the_object)
{
	_cleanup_json_ json_t *json = NULL;

	refuse("{}{}", "end of file expected");
	refuse("{} x", "end of file expected");
	refuse("{}]", "end of file expected");
	refuse_bytes("{}\0", 3, "not JSON");
	ASSERT_OK(parse(" {} \r\n\t", &json, NULL));
}

TEST(no_nul_hides_in_a_text)
{
	refuse("{\"a\":\"x\\u0000y\"}", "\\u0000");
	refuse("{\"a\\u0000b\":1}", "\\u0000");
	refuse_bytes("{\"a\":\"x\0y\"}", 11, "not JSON");
}

TEST(surrogates_come_in_pairs)
{
	_cleanup_free_ char *pair = canonical("{\"a\":\"\\ud83e\\uddf5\"}");

	ASSERT_STREQ(pair, "{\"a\":\"\xf0\x9f\xa7\xb5\"}");
	refuse("{\"a\":\"\\ud83e\"}", "not JSON");
	refuse("{\"a\":\"\\uddf5\"}", "not JSON");
	refuse("{\"a\":\"\\uddf5\\ud83e\"}", "not JSON");
	refuse("{\"a\":\"\\ud83ex\"}", "not JSON");
	refuse("{\"\\ud83e\":1}", "not JSON");
}

TEST(text_is_utf8)
{
	refuse("{\"a\":\"\xff\"}", "unable to decode byte");
	refuse("{\"a\":\"\xc0\x80\"}", "unable to decode byte");         /* NUL in two bytes */
	refuse("{\"a\":\"\xed\xa0\x80\"}", "unable to decode byte");     /* a surrogate */
	refuse("{\"a\":\"\xf4\x90\x80\x80\"}", "unable to decode byte"); /* above U+10FFFF */
	refuse("{\"a\":\"\xe2\x82\"}", "unable to decode byte");         /* cut short */
	refuse("{\"\xff\":1}", "unable to decode byte");
}

TEST(control_characters_must_be_escaped)
{
	refuse("{\"a\":\"x\ny\"}", "unexpected newline");
	refuse("{\"a\":\"x\x01y\"}", "control character");
}

TEST(integers_have_64_bits)
{
	char text[5100] = "{\"a\":";

	check_canonical("{\"a\":9223372036854775807,\"b\":-9223372036854775808}",
		"{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
	refuse("{\"a\":9223372036854775808}", "too big");
	refuse("{\"a\":-9223372036854775809}", "too big");
	memset(text + 5, '7', 5000);
	text[5005] = '}';
	refuse(text, "too big");
}

/* Python's and others' readers take minutes for such numbers: their time grows with the square. */
TEST(long_numbers_cost_no_more_than_their_bytes)
{
	static const char *const starts[] = {"", "-", "1.", "1e", "0.", "1E-"};
	const size_t size = 500000;
	_cleanup_free_ char *text = memory_new(size + 8);
	uint64_t start = time_monotonic_us();

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		json_t *json = NULL;
		int r;

		memset(text, '9', size);
		memcpy(text, "{\"a\":", 5);
		memcpy(text + 5, starts[i], strlen(starts[i]));
		text[size] = '}';
		r = document_parse(text, size + 1, &json, NULL);
		ASSERT(r == 0 || r == -EBADMSG);
		json_decref(json);
	}
	ASSERT(time_monotonic_us() - start < 5000000);
}

TEST(long_lists_and_many_members_cost_no_more_than_their_bytes)
{
	_cleanup_json_ json_t *list = NULL, *members = NULL;
	_cleanup_buffer_ Buffer text = {}, canonical = {};
	uint64_t start = time_monotonic_us();

	ASSERT_OK(buffer_text(&text, "{\"a\":[1"));
	for (int i = 0; i < 200000; i++)
		ASSERT_OK(buffer_text(&text, ",1"));
	ASSERT_OK(buffer_text(&text, "]}"));
	ASSERT_OK(document_parse(text.data, text.size, &list, NULL));
	ASSERT_OK(document_canonical(list, &canonical));
	ASSERT_EQ(canonical.size, text.size);
	text.size = 0;
	ASSERT_OK(buffer_text(&text, "{\"a\":1"));
	for (int i = 0; i < 50000; i++)
		ASSERT_OK(buffer_printf(&text, ",\"%d\":1", i));
	ASSERT_OK(buffer_text(&text, "}"));
	ASSERT_OK(document_parse(text.data, text.size, &members, NULL));
	ASSERT_OK(document_canonical(members, &canonical));
	ASSERT(time_monotonic_us() - start < 5000000);
}

/* "{}," takes three bytes of a file, and 77 times that of memory. */
TEST(a_document_has_a_bounded_number_of_values)
{
	static const char *const values[] = {"{}", "[]", "1", "\",,\"", "[1]"};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		size_t own = strchr("[{", *values[i]) ? 1 : 0, n = DOCUMENT_VALUES_MAX - 2;
		_cleanup_json_ json_t *json = NULL;
		_cleanup_buffer_ Buffer text = {};

		ASSERT_OK(buffer_text(&text, "{\"a\":[0"));
		for (size_t j = 0; j < n / (1 + own); j++)
			ASSERT_OK(buffer_printf(&text, ",%s", values[i]));
		ASSERT_OK(buffer_text(&text, "]}"));
		ASSERT_OK(document_parse(text.data, text.size, &json, NULL));
		text.size -= 2;
		ASSERT_OK(buffer_text(&text, ",{},{}]}"));
		refuse_bytes((const char *)text.data, text.size, "more than 250000 values");
	}
}

TEST(numbers_have_one_form)
{
	check_canonical("{\"a\":-0}", "{\"a\":0}");
	refuse("{\"a\":Infinity}", "not JSON");
	refuse("{\"a\":-Infinity}", "not JSON");
	refuse("{\"a\":-}", "not JSON");
	refuse("{\"a\":-01}", "not JSON");
	refuse("{\"a\":0x10}", "not JSON");
	refuse("{\"a\":1.}", "not JSON");
	refuse("{\"a\":.5}", "not JSON");
	refuse("{\"a\":1e999}", "real number overflow");
}

static void fill_depth(char *text, size_t depth)
{
	strcpy(text, "{\"a\":");
	memset(text + 5, '[', depth - 1);
	memset(text + 4 + depth, ']', depth - 1);
	strcpy(text + 3 + 2 * depth, "}");
}

TEST(depth_is_bounded)
{
	char text[8 * DOCUMENT_DEPTH_MAX];
	_cleanup_json_ json_t *json = NULL;
	_cleanup_free_ char *deep = memory_new(200001);

	fill_depth(text, DOCUMENT_DEPTH_MAX);
	ASSERT_OK(parse(text, &json, NULL));
	fill_depth(text, DOCUMENT_DEPTH_MAX + 1);
	refuse(text, "deeper than 32 levels");
	memset(deep, '[', 200000);
	refuse(deep, "deeper");
}

TEST(brackets_in_texts_are_no_depth)
{
	_cleanup_json_ json_t *json = NULL;

	ASSERT_OK(parse(
		"{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[\"}", &json, NULL));
	refuse("{\"a\":\"\\", "not JSON");
}

TEST(canonical_json_is_olpc)
{
	check_canonical(" { \"b\" : [ 1 , true , null ] , \"a\" : { } } ",
		"{\"a\":{},\"b\":[1,true,null]}");
	check_canonical("{\"a\":\"\\\"\\\\\\/\"}", "{\"a\":\"\\\"\\\\/\"}");
	check_canonical("{\"\\\"\":\"\\\\\"}", "{\"\\\"\":\"\\\\\"}");
	check_canonical("{\"a\":[],\"b\":-0,\"c\":false}", "{\"a\":[],\"b\":0,\"c\":false}");
}

/* Raw control characters are what is signed, and no JSON: that is why the form is for digests. */
TEST(canonical_control_characters_stay_raw)
{
	_cleanup_free_ char *got = canonical("{\"a\":\"\\n\\t\\u0001\\u007f\\b\"}");

	ASSERT_STREQ(got, "{\"a\":\"\n\t\x01\x7f\b\"}");
}

/* UTF-16 order, which JCS has, would put U+1F9F5 before U+FFFD. */
TEST(canonical_members_are_sorted_by_utf8_bytes)
{
	check_canonical("{\"\\ud83e\\uddf5\":1,\"\\ufffd\":2,\"z\":3,\"Z\":4,\"\":5,\"za\":6}",
		"{\"\":5,\"Z\":4,\"z\":3,\"za\":6,\"\xef\xbf\xbd\":2,\"\xf0\x9f\xa7\xb5\":1}");
}

TEST(real_numbers_have_no_canonical_form)
{
	static const char *const texts[] = {"{\"a\":1.0}", "{\"a\":[1e2]}", "{\"a\":{\"b\":-0.0}}"};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_json_ json_t *json = NULL;
		_cleanup_buffer_ Buffer buffer = {};

		ASSERT_OK(parse(texts[i], &json, NULL));
		ASSERT_ERROR(-EBADMSG, document_canonical(json, &buffer));
	}
	refuse("{\"a\":1e999}", "overflow");
}

static int parse_and_write(const char *text)
{
	_cleanup_json_ json_t *json = NULL;
	_cleanup_buffer_ Buffer buffer = {}, file = {};
	int r = parse(text, &json, NULL);

	if (r == 0)
		r = document_canonical(json, &buffer);
	return r < 0 ? r : document_write(json, &file);
}

TEST(documents_survive_failing_allocations)
{
	TEST_EACH_ALLOCATION(
		parse_and_write("{\"a\":[{\"b\":\"text\"},-1,true,{}],\"long\":\"\\u00e4\"}"),
		(void)0);
}

typedef struct Leaf {
	char *name;
	uint64_t weight;
} Leaf;

typedef struct Tree {
	char *title;
	uint64_t count;
	bool tall;
	int colour;
	int64_t planted;
	Digest digest;
	Leaf *crown;
	SCHEMA_LIST(Leaf) leaves;
	SCHEMA_LIST(char *) tags;
	json_t *extra;
} Tree;

static bool is_lower(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static const char *const colours[] = {"green", "red", NULL};
static const SchemaField tag_item = {.kind = SCHEMA_KIND_TEXT, .max = 4, .check = is_lower};
static const SchemaField leaf_fields[] = {
	SCHEMA_FIELD(Leaf, name, TEXT, .max = 8),
	SCHEMA_FIELD(Leaf, weight, NUMBER, .min = 2, .max = 10),
	{},
};
static const SchemaField tree_fields[] = {
	SCHEMA_FIELD(Tree, title, TEXT, .max = 8, .check = is_lower),
	SCHEMA_FIELD(Tree, count, NUMBER, .max = 100, .optional = true),
	SCHEMA_FIELD(Tree, tall, FLAG, .optional = true),
	SCHEMA_FIELD(Tree, colour, WORD, .words = colours, .optional = true),
	SCHEMA_FIELD(Tree, planted, TIME, .optional = true),
	SCHEMA_FIELD(Tree, digest, DIGEST, .optional = true),
	SCHEMA_FIELD(Tree, crown, OBJECT, SCHEMA_OF(leaf_fields, Leaf), .optional = true),
	SCHEMA_FIELD(Tree, leaves, LIST, .max = 2, SCHEMA_OF(leaf_fields, Leaf), .optional = true),
	SCHEMA_FIELD(Tree, tags, LIST, .max = 3, .item = &tag_item, .size = sizeof(char *),
		.optional = true),
	SCHEMA_FIELD(Tree, extra, ANY, .optional = true),
	{},
};

static int read_tree(const char *text, Tree *ret, Reason *reason)
{
	_cleanup_json_ json_t *json = NULL;
	int r = parse(text, &json, reason);

	return r < 0 ? r : schema_read(tree_fields, json, ret, reason);
}

#define FULL_TREE                                                                                  \
	"{\"colour\":\"red\",\"count\":7,\"crown\":{\"name\":\"top\",\"weight\":2},\"digest\":"    \
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\",\"extra\":{\"a\":"   \
	"[15,null]},\"leaves\":[{\"name\":\"x\",\"weight\":10}],\"planted\":\"2026-03-01T00:00:"   \
	"00Z\",\"tags\":[\"a\",\"b\"],\"tall\":true,\"title\":\"oak\"}"

TEST(a_table_reads_and_writes)
{
	_cleanup_json_ json_t *written = NULL;
	_cleanup_buffer_ Buffer bytes = {};
	Tree tree = {};

	ASSERT_OK(read_tree(FULL_TREE, &tree, NULL));
	ASSERT_STREQ(tree.title, "oak");
	ASSERT_EQ(tree.count, 7);
	ASSERT(tree.tall);
	ASSERT_EQ(tree.colour, 1);
	ASSERT_EQ(tree.planted, 1772323200);
	ASSERT_STREQ(tree.crown->name, "top");
	ASSERT_EQ(tree.leaves.items[0].weight, 10);
	ASSERT_STREQ(tree.tags.items[1], "b");
	written = schema_write(tree_fields, &tree);
	ASSERT_OK(document_write(written, &bytes));
	ASSERT_STREQ(bytes.data, FULL_TREE "\n");
	schema_clear(tree_fields, &tree);
	ASSERT_MEMEQ(&tree, &(Tree){}, sizeof(tree));
}

TEST(a_list_that_was_read_can_grow)
{
	Tree tree = {};

	for (size_t i = 0; i <= 3; i++) {
		static const char *const lists[] = {
			"[]", "[\"a\"]", "[\"a\",\"b\"]", "[\"a\",\"b\",\"c\"]"};
		char text[64];

		snprintf(text, sizeof(text), "{\"title\":\"elm\",\"tags\":%s}", lists[i]);
		ASSERT_OK(read_tree(text, &tree, NULL));
		ASSERT_EQ(tree.tags.count, i);
		ASSERT_OK(memory_grow(&tree.tags.items, i, sizeof(*tree.tags.items)));
		ASSERT(malloc_usable_size(tree.tags.items) >= (i + 1) * sizeof(*tree.tags.items));
		schema_clear(tree_fields, &tree);
	}
}

TEST(absent_members_are_zero_and_stay_absent)
{
	_cleanup_json_ json_t *written = NULL;
	_cleanup_buffer_ Buffer bytes = {};
	Tree tree = {};

	ASSERT_OK(read_tree("{\"title\":\"elm\"}", &tree, NULL));
	ASSERT_EQ(tree.leaves.count, 0);
	ASSERT(!tree.crown && !tree.extra);
	written = schema_write(tree_fields, &tree);
	ASSERT_OK(document_write(written, &bytes));
	ASSERT_STREQ(bytes.data, "{\"title\":\"elm\"}\n");
	schema_clear(tree_fields, &tree);
}

TEST(each_refusal_names_the_member)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"{}", "title: is missing"},
		{"{\"title\":1}", "title: is not a printable text"},
		{"{\"title\":\"\"}", "title: is not of the allowed form"},
		{"{\"title\":\"Oak\"}", "title: is not of the allowed form"},
		{"{\"title\":\"abcdefghi\"}", "title: is too long"},
		{"{\"title\":\"a\\u001bb\"}", "title: is not a printable text"},
		{"{\"title\":\"a\",\"b\\u0007\":1}", "b?: is not known here"},
		{"{\"title\":\"a\",\"count\":101}", "count: is too large"},
		{"{\"title\":\"a\",\"count\":-1}", "count: is not a whole number"},
		{"{\"title\":\"a\",\"count\":1.0}", "count: is not a whole number"},
		{"{\"title\":\"a\",\"count\":\"1\"}", "count: is not a whole number"},
		{"{\"title\":\"a\",\"count\":null}", "count: is not a whole number"},
		{"{\"title\":\"a\",\"tall\":1}", "tall: is neither true nor false"},
		{"{\"title\":\"a\",\"colour\":\"blue\"}", "colour: is none of the words"},
		{"{\"title\":\"a\",\"colour\":1}", "colour: is none of the words"},
		{"{\"title\":\"a\",\"planted\":\"2026-02-30T00:00:00Z\"}",
			"planted: is not a time"},
		{"{\"title\":\"a\",\"planted\":\"1969-12-31T23:59:59Z\"}",
			"planted: is before 1970"},
		{"{\"title\":\"a\",\"digest\":\"BA78\"}", "digest: is not a SHA-256"},
		{"{\"title\":\"a\",\"extra\":[]}", "extra: is not an object"},
		{"{\"title\":\"a\",\"extra\":{\"x\":[1,2.0]}}",
			"extra: holds a number that is not"},
		{"{\"title\":\"a\",\"crown\":[]}", "crown: is not an object"},
		{"{\"title\":\"a\",\"crown\":{\"name\":\"x\"}}", "crown.weight: is missing"},
		{"{\"title\":\"a\",\"crown\":{\"name\":\"x\",\"weight\":1}}",
			"crown.weight: is too small"},
		{"{\"title\":\"a\",\"leaves\":{}}", "leaves: is not a list"},
		{"{\"title\":\"a\",\"leaves\":[1]}", "leaves[0]: is not an object"},
		{"{\"title\":\"a\",\"leaves\":[{},{},{}]}", "leaves: has too many elements"},
		{"{\"title\":\"a\",\"leaves\":[{\"name\":\"x\",\"weight\":2},{\"name\":\"y\","
		 "\"weight\":2,"
		 "\"q\":1}]}",
			"leaves[1].q: is not known here"},
		{"{\"title\":\"a\",\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "tags: has too many"},
		{"{\"title\":\"a\",\"tags\":[\"a\",\"toolong\"]}", "tags[1]: is too long"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Reason reason = {};
		Tree tree = {};

		ASSERT_ERROR(-EBADMSG, read_tree(cases[i].text, &tree, &reason));
		if (!strstr(reason.text, cases[i].reason))
			test_fail(__FILE__, __LINE__, "%s: \"%s\"", cases[i].text, reason.text);
		ASSERT_MEMEQ(&tree, &(Tree){}, sizeof(tree));
	}
}

TEST(a_long_path_is_cut_not_overrun)
{
	char text[600], name[400];
	Reason reason = {};
	Tree tree = {};

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text),
		"{\"title\":\"a\",\"crown\":{\"name\":\"x\",\"weight\":2,\"%s\":1}}", name);
	ASSERT_ERROR(-EBADMSG, read_tree(text, &tree, &reason));
	ASSERT(strstr(reason.text, "crown.nnnn"));
}

static int read_and_write(void)
{
	_cleanup_json_ json_t *written = NULL;
	Tree tree = {};
	int r = read_tree(FULL_TREE, &tree, NULL);

	if (r < 0)
		return r;
	written = schema_write(tree_fields, &tree);
	schema_clear(tree_fields, &tree);
	return written ? 0 : -ENOMEM;
}

TEST(tables_survive_failing_allocations)
{
	TEST_EACH_ALLOCATION(read_and_write(), (void)0);
}
