/* SPDX-License-Identifier: Apache-2.0 */
#include "vendor/make/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/time.h"

#define SHOW_AFTER_US ((uint64_t)1000000)
#define LOOK_EVERY_NS 200000000

/* What all threads of one run share; everything behind `lock` is guarded by it. */
typedef struct Pool {
	size_t count;
	JobRun run;
	void *context;
	pthread_mutex_t lock;
	pthread_cond_t ended; /* one more job has */
	size_t next, done;
	int error;
	size_t failed; /* the first in order that failed, where error is set */
	Reason reason;
} Pool;

unsigned jobs_default(void)
{
	cpu_set_t set;
	int count = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;

	return count > JOBS_MAX ? JOBS_MAX : (unsigned)count;
}

static void take_result(Pool *pool, size_t number, int r, const Reason *reason)
{
	pool->done++;
	if (r < 0 && (pool->error == 0 || number < pool->failed)) {
		pool->error = r;
		pool->failed = number;
		pool->reason = *reason;
	}
	pthread_cond_signal(&pool->ended);
}

static void *work(void *argument)
{
	Pool *pool = argument;

	pthread_mutex_lock(&pool->lock);
	while (pool->next < pool->count && pool->error == 0) {
		size_t number = pool->next++;
		Reason reason = {};
		int r;

		pthread_mutex_unlock(&pool->lock);
		r = pool->run(pool->context, number, &reason);
		pthread_mutex_lock(&pool->lock);
		take_result(pool, number, r, &reason);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static bool is_over(const Pool *pool)
{
	return pool->error == 0 ? pool->done == pool->count : pool->done == pool->next;
}

static void show(const Pool *pool, const char *what, uint64_t start_us)
{
	uint64_t passed = time_monotonic_us() - start_us;

	if (passed < SHOW_AFTER_US || !isatty(STDERR_FILENO))
		return;
	if (is_over(pool))
		fprintf(stderr, "\r\033[K");
	else
		fprintf(stderr, "\r%s: %zu of %zu, %llu seconds ", what, pool->done, pool->count,
			(unsigned long long)(passed / 1000000));
	fflush(stderr);
}

static void wait_for_end(Pool *pool, const char *what)
{
	uint64_t start = time_monotonic_us();

	pthread_mutex_lock(&pool->lock);
	while (!is_over(pool)) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_EVERY_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
		show(pool, what, start);
	}
	show(pool, what, start);
	pthread_mutex_unlock(&pool->lock);
}

int jobs_run(size_t count, unsigned limit, const char *what, JobRun run, void *context,
	Reason *reterr_reason)
{
	Pool pool = {.count = count,
		.run = run,
		.context = context,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER};
	pthread_t threads[JOBS_MAX];
	size_t started = 0;
	int r = 0;

	limit = limit > JOBS_MAX ? JOBS_MAX : limit;
	while (started < limit && started < count && r == 0) {
		r = pthread_create(&threads[started], NULL, work, &pool);
		started += r == 0;
	}
	if (started > 0)
		wait_for_end(&pool, what);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (started == 0 && count > 0) /* else those that could be started do all of it */
		return reason_errno(reterr_reason, -r, "cannot start a thread");
	if (pool.error < 0 && reterr_reason)
		*reterr_reason = pool.reason;
	return pool.error;
}
