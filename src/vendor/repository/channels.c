/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/repository/channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "wire/improvement/index-schema.h"
#include "wire/json/document.h"

#define INDEX_NAME "/index.json" /* the last part of an index's target path */

void channels_done(Channels *channels)
{
	for (size_t i = 0; i < channels->list.count; i++)
		index_clear(&channels->list.items[i].index);
	free(channels->list.items);
	*channels = (Channels){};
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const Channel *)a)->index.channel, ((const Channel *)b)->index.channel);
}

static int load_one(Channels *channels, const char *name, Reason *reason)
{
	int r = memory_grow(&channels->list.items, channels->list.count, sizeof(Channel));

	if (r == 0)
		r = repository_read_index(channels->repository, channels->base, name,
			&channels->list.items[channels->list.count].index, reason);
	channels->list.count += r == 0;
	return r;
}

/* "<product>/<base>/<channel>/index.json" → the channel's name; NULL for any other target. */
static char *channel_of(const Base *base, const char *path)
{
	size_t product = strlen(base->product), key = strlen(base->key);
	const char *name;

	if (!text_ends_with(path, INDEX_NAME) || strncmp(path, base->product, product) != 0 ||
		path[product] != '/' || strncmp(path + product + 1, base->key, key) != 0 ||
		path[product + 1 + key] != '/')
		return NULL;
	name = path + product + key + 2;
	return memory_string_n(name, strlen(name) - strlen(INDEX_NAME));
}

int channels_load(
	Repository *repository, const Base *base, Channels *ret_channels, Reason *reterr_reason)
{
	_cleanup_channels_ Channels channels = {.repository = repository, .base = base};
	_cleanup_free_ char *role = workspace_role(base);
	int r = role ? repository_load_role(repository, base, reterr_reason) : -ENOMEM;
	json_t *targets, *file;
	const char *path;

	if (r < 0)
		return r;
	targets = json_object_get(repository_published(repository, role), "targets");
	json_object_foreach(targets, path, file)
	{
		_cleanup_free_ char *name = channel_of(base, path);

		r = name ? load_one(&channels, name, reterr_reason) : 0;
		if (r < 0)
			return r;
	}
	if (channels.list.count > 0)
		qsort(channels.list.items, channels.list.count, sizeof(Channel), by_name);
	*ret_channels = channels;
	channels = (Channels){};
	return 0;
}

Channel *channels_find(const Channels *channels, const char *name)
{
	for (size_t i = 0; i < channels->list.count; i++)
		if (strcmp(channels->list.items[i].index.channel, name) == 0)
			return &channels->list.items[i];
	return NULL;
}

static int copy_without_improvements(const Index *from, const char *name, Index *ret_index)
{
	_cleanup_json_ json_t *json = schema_write(index_fields, from);

	if (!json || json_object_set_new(json, "channel", json_string(name)) < 0 ||
		json_object_set_new(json, "improvements", json_array()) < 0)
		return -ENOMEM;
	return schema_read(index_fields, json, ret_index, NULL);
}

int channels_open(
	Channels *channels, const char *name, Channel **ret_channel, Reason *reterr_reason)
{
	const Channel *other = channels_find(channels, CHANNEL_PUBLIC);
	Channel *channel = channels_find(channels, name), new = {};
	int r = 0;

	if (!other && channels->list.count > 0)
		other = &channels->list.items[0];
	if (!channel) {
		r = other ? copy_without_improvements(&other->index, name, &new.index)
			  : repository_read_index(channels->repository, channels->base, name,
				    &new.index, reterr_reason);
		if (r == 0)
			r = memory_grow(&channels->list.items, channels->list.count, sizeof(new));
		if (r < 0) {
			index_clear(&new.index);
			return r;
		}
		channel = &channels->list.items[channels->list.count++];
		*channel = new;
	}
	*ret_channel = channel;
	return 0;
}

uint64_t channels_newest(const Channels *channels)
{
	uint64_t newest = 0;

	for (size_t i = 0; i < channels->list.count; i++) {
		uint64_t sequence = index_newest_sequence(&channels->list.items[i].index);

		newest = sequence > newest ? sequence : newest;
	}
	return newest;
}

const Improvement *channels_listed(const Channels *channels, uint64_t sequence)
{
	const Improvement *found = NULL;

	for (size_t i = 0; !found && i < channels->list.count; i++)
		found = index_find(&channels->list.items[i].index, sequence);
	return found;
}

const Withdrawal *channels_withdrawal(const Channels *channels, uint64_t sequence)
{
	const Withdrawal *found = NULL;

	for (size_t i = 0; !found && i < channels->list.count; i++)
		found = index_withdrawal(&channels->list.items[i].index, sequence);
	return found;
}

static const Improvement *newest_good(const Channel *channel)
{
	for (size_t i = 0; channel && i < channel->index.improvements.count; i++)
		if (!index_withdrawal(
			    &channel->index, channel->index.improvements.items[i].sequence))
			return &channel->index.improvements.items[i];
	return NULL;
}

const Improvement *channels_predecessor(const Channels *channels, const char *name)
{
	const Improvement *own = newest_good(channels_find(channels, name));
	const Improvement *public = newest_good(channels_find(channels, CHANNEL_PUBLIC));

	if (!own || !public)
		return own ? own : public;
	return own->sequence >= public->sequence ? own : public;
}

void channel_forgive(Channel *channel, const Digest *image)
{
	char text[DIGEST_TEXT_SIZE];

	digest_to_text(image, text);
	for (size_t i = 0; i < channel->index.withdrawals.count; i++) {
		Withdrawal *withdrawal = &channel->index.withdrawals.items[i];
		size_t kept = 0;

		for (size_t j = 0; j < withdrawal->images.count; j++)
			if (strcmp(withdrawal->images.items[j], text) == 0)
				free(withdrawal->images.items[j]);
			else
				withdrawal->images.items[kept++] = withdrawal->images.items[j];
		withdrawal->images.count = kept;
	}
}

int channels_write(Channels *channels, Reason *reterr_reason)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < channels->list.count; i++) {
		Channel *channel = &channels->list.items[i];

		if (!channel->changed)
			continue;
		channel->index.issued = channels->repository->now;
		r = repository_write_index(
			channels->repository, channels->base, &channel->index, reterr_reason);
	}
	return r;
}
