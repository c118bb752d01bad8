/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Terminal: asking the person before /dev/tty for a secret, with the echo off. */
#include "vendor/sign/secret.h"

/* Appends the line that was typed, with its end. The echo comes back before a signal (SIGINT,
 * SIGTSTP, …) takes effect; when the process goes on after that, it asks again. 0; 1: there is no
 * terminal; or a negative errno. */
int terminal_ask(const char *prompt, Secret *ret_line);
