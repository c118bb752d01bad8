/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Log: how programs speak to people. One line per message on standard error, `program: text`.
 * Libraries do not call this (base/reason.h); a program logs a failure once, where the object is
 * known. log_open() comes first and keeps the pointer.
 */
#include "base/reason.h"

void log_open(const char *program);
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The reason's text, or strerror() where a library left it empty. Returns `error`. */
int log_reason(int error, const Reason *reason);
