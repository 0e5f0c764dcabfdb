#include "judge/literal.h"

#include <string.h>

#define DEPTH_MOST 16 /* groups in groups */
#define BYTES_LEAST 2 /* one letter occurs almost everywhere */

/*
 * What stands outside of classes and choices makes runs of letters; a group
 * makes a set, a literal for each of its choices. The best are kept: the sets
 * whose shortest literal is longest. When in doubt a run ends.
 */
struct reading {
	const char *p;
	char *start, *to; /* the run that is being read */
	unsigned depth;
	bool lost;        /* met what is not understood: nothing can be said */
};

static size_t
shortest(const struct literals *set)
{
	size_t least = set->count == 0 ? 0 : set->texts[0].len;

	for (unsigned i = 1; i < set->count; i++) {
		if (set->texts[i].len < least)
			least = set->texts[i].len;
	}
	return least;
}

/* The best set first. */
static void
keep_better(const struct literals *other, struct literals sets[LITERAL_SETS])
{
	if (shortest(other) > shortest(&sets[0])) {
		sets[1] = sets[0];
		sets[0] = *other;
	} else if (shortest(other) > shortest(&sets[1])) {
		sets[1] = *other;
	}
}

static void
end_run(struct reading *reading, struct literals sets[LITERAL_SETS])
{
	size_t length = (size_t)(reading->to - reading->start);
	struct literals run;

	if (length >= BYTES_LEAST) {
		run.texts[0] = (struct str){ reading->start, length };
		run.count = 1;
		keep_better(&run, sets);
	}
	reading->start = reading->to;
}

/* A letter of Greek or Cyrillic has one of these lead bytes, in either case; that is
   little, but spares all text that is in neither. */
static void
read_script(const struct reading *reading, struct literals sets[LITERAL_SETS])
{
	static const char *const leads[] = { "\xce\xcf", "\xd0\xd1" };
	struct literals script = { .count = 2 };

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (strchr(leads[i], *reading->p) == NULL || reading->p[1] == '\0' ||
		    (reading->p[2] != '\0' && strchr("*?{", reading->p[2]) != NULL))
			continue;
		script.texts[0] = (struct str){ leads[i], 1 };
		script.texts[1] = (struct str){ leads[i] + 1, 1 };
		keep_better(&script, sets);
	}
}

/* A letter of one, two or three bytes. Of those beyond ASCII only scripts
   without case are letters for us; of all others the run ends. */
static void
read_letter(struct reading *reading, struct literals sets[LITERAL_SETS])
{
	unsigned char lead = (unsigned char)*reading->p;

	if (lead < 0x80) {
		*reading->to++ = *reading->p;
	} else if (((lead >= 0xe3 && lead <= 0xe9) || (lead >= 0xeb && lead <= 0xed)) &&
	    reading->p[1] != '\0' && reading->p[2] != '\0') {
		memcpy(reading->to, reading->p, 3);
		reading->to += 3;
		reading->p += 2;
	} else {
		end_run(reading, sets);
		read_script(reading, sets);
	}
}

/* What stands before "*", "?" or "{" need not occur. */
static void
drop_letter(struct reading *reading, struct literals sets[LITERAL_SETS])
{
	while (reading->to > reading->start && (*--reading->to & 0xc0) == 0x80)
		;
	end_run(reading, sets);
	if (*reading->p == '{') {
		while (*reading->p != '\0' && *reading->p != '}')
			reading->p++;
		if (*reading->p == '\0')
			reading->lost = true;
	}
}

static void
read_escape(struct reading *reading, struct literals sets[LITERAL_SETS])
{
	reading->p++;
	if (*reading->p == '\0') {
		reading->lost = true;
	} else if (!str_is_alnum(*reading->p)) {
		read_letter(reading, sets);
	} else {
		/* Of "\x41" the 41 would look like letters. */
		reading->lost = strchr("bBdDsSwW", *reading->p) == NULL;
		end_run(reading, sets);
	}
}

static void
skip_class(struct reading *reading)
{
	const char *p = reading->p + 1;

	p += *p == '^';
	p += *p == ']';
	while (*p != '\0' && *p != ']' && *p != '[')
		p += *p == '\\' && p[1] != '\0' ? 2 : 1;
	/* "[[:digit:]]" does not end at its first "]". */
	reading->lost = *p != ']';
	reading->p = p;
}

/* Groups stand in groups; DEPTH_MOST bounds it. NOLINTBEGIN(misc-no-recursion) */
static void read_choices(struct reading *reading, struct literals sets_r[LITERAL_SETS]);

/* A group; what must not or need not occur gives nothing. */
static void
read_group(struct reading *reading, struct literals sets[LITERAL_SETS])
{
	bool looks = strncmp(reading->p, "(?=", 3) == 0 || strncmp(reading->p, "(?!", 3) == 0 ||
	    strncmp(reading->p, "(?<", 3) == 0;
	struct literals set[LITERAL_SETS];

	if (strncmp(reading->p, "(?:", 3) == 0 || (looks && reading->p[2] != '<'))
		reading->p += 3;
	else if (strncmp(reading->p, "(?<=", 4) == 0 || strncmp(reading->p, "(?<!", 4) == 0)
		reading->p += 4;
	else if (reading->p[1] == '?' || reading->p[1] == '*')
		reading->lost = true; /* options, names, verbs */
	else
		reading->p++;
	if (reading->lost || ++reading->depth > DEPTH_MOST) {
		reading->lost = true;
		return;
	}
	read_choices(reading, set);
	reading->depth--;
	if (*reading->p != ')')
		reading->lost = true;
	else if (!looks && (reading->p[1] == '\0' || strchr("*?{", reading->p[1]) == NULL))
		keep_better(&set[0], sets);
}

/* Up to "|", ")" or the end. */
static void
read_sequence(struct reading *reading, struct literals sets_r[LITERAL_SETS])
{
	sets_r[0].count = sets_r[1].count = 0;
	for (; !reading->lost && *reading->p != '\0' && *reading->p != '|' &&
	    *reading->p != ')'; reading->p++) {
		switch (*reading->p) {
		case '\\':
			read_escape(reading, sets_r);
			break;
		case '[':
			end_run(reading, sets_r);
			skip_class(reading);
			break;
		case '(':
			end_run(reading, sets_r);
			read_group(reading, sets_r);
			break;
		case '*': case '?': case '{':
			drop_letter(reading, sets_r);
			break;
		case '.': case '^': case '$': case '+':
			end_run(reading, sets_r);
			break;
		default:
			read_letter(reading, sets_r);
		}
		if (reading->lost)
			return;
	}
	end_run(reading, sets_r);
}

/* Another choice: what it needs is added to the first set, if that knows
   something of all choices before it. */
static void
add_choice(const struct literals *one, struct literals *set)
{
	if (set->count == 0 || one->count == 0 || set->count + one->count > LITERAL_MOST) {
		set->count = 0;
		return;
	}
	memcpy(set->texts + set->count, one->texts, one->count * sizeof(one->texts[0]));
	set->count += one->count;
}

/* All choices, up to ")" or the end. */
static void
read_choices(struct reading *reading, struct literals sets_r[LITERAL_SETS])
{
	struct literals more[LITERAL_SETS];

	read_sequence(reading, sets_r);
	while (!reading->lost && *reading->p == '|') {
		reading->p++;
		read_sequence(reading, more);
		add_choice(&more[0], &sets_r[0]);
		sets_r[1].count = 0;
	}
}

/* NOLINTEND(misc-no-recursion) */

void
literal_required(const char *regex, struct arena *arena, struct literals sets_r[LITERAL_SETS])
{
	char *letters = arena_alloc(arena, strlen(regex) + 1);
	struct reading reading = { .p = regex, .start = letters, .to = letters };

	read_choices(&reading, sets_r);
	/* A ")" too many is PCRE2's to report. */
	if (reading.lost || *reading.p != '\0')
		sets_r[0].count = sets_r[1].count = 0;
}
