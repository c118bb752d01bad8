/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The verbs of suture-publish, each in a file with what it alone needs; main.c has their table. */

int verb_init(int count, char **operands);   /* verb-setup.c */
int verb_base(int count, char **operands);   /* verb-base.c */
int verb_create(int count, char **operands); /* verb-create.c */
int verb_lint(int count, char **operands);
int verb_publish(int count, char **operands); /* verb-publish.c */
int verb_resign(int count, char **operands);
int verb_check(int count, char **operands);     /* verb-check.c */
int verb_prune(int count, char **operands);     /* verb-prune.c */
int verb_mirror(int count, char **operands);    /* verb-mirror.c */
int verb_keys(int count, char **operands);      /* verb-keys.c */
int verb_keys_show(int count, char **operands); /* verb-keys-show.c */
int verb_renew(int count, char **operands);
int verb_pending(int count, char **operands); /* verb-sign.c */
int verb_show(int count, char **operands);
int verb_sign(int count, char **operands);
int verb_accept(int count, char **operands);
int verb_abandon(int count, char **operands);
int verb_bundle(int count, char **operands); /* verb-bundle.c */

int verb_advisories(int count, char **operands); /* verb-advisories.c */
int verb_hold(int count, char **operands);       /* verb-rollout.c */
int verb_resume(int count, char **operands);
int verb_complete(int count, char **operands);
int verb_withdraw(int count, char **operands); /* verb-withdraw.c */
int verb_promote(int count, char **operands);  /* verb-promote.c */
