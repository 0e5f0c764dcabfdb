/*
 * returnpath: the envelope sender that a message left with, as it comes back as
 * the recipient of a report. Three schemes write something into it:
 *
 *   VERP   list-owner+user=example.com@ours   whom this copy was sent to
 *   BATV   prvs=0123456789=user@ours          a tag against forgery (draft
 *          btv1==xyz==user@ours               levine-smtp-batv, Barracuda's own)
 *   SRS    SRS0=hash=tt=domain=user@relay     whom a forwarder has replaced,
 *          SRS1=hash=relay==hash=tt=...@relay ... twice
 *
 * None of them can be checked here, and all of them can be imitated: they say
 * for whom something is counted, they prove nothing.
 */
#ifndef PARSE_RETURNPATH_H
#define PARSE_RETURNPATH_H

#include "base/arena.h"

/* The sender behind BATV and SRS, else the address itself; in the arena. */
const char *returnpath_sender(const char *address, struct arena *arena);

/* The recipient that a VERP address was made for, in normal form, in the arena;
   "" if it is none. What stands before it may be ambiguous: "a-b-user=x" is
   taken to be for "user@x", "a+b-user=x" for "b-user@x". */
const char *returnpath_recipient(const char *address, struct arena *arena);

/* What another recipient of the same mailing could not guess of this return path:
   how many bytes of it remain, at most, when what it shares with the path of
   that other one, and either recipient, is taken away. 0 if it can be made from
   the other one. */
size_t returnpath_secret_bytes(const char *address, const char *recipient, const char *other,
    const char *other_recipient, struct arena *arena);

#endif
