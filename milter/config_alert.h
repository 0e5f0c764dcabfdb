/*
 * config_alert: the "alert" sections of the configuration: one for each rule of
 * watch/thresholds.h, with those of its thresholds that the rule has.
 */
#ifndef CONFIG_ALERT_H
#define CONFIG_ALERT_H

#include "config_settings.h"

#define ALERT_SETTING_COUNT 17

/* Of struct watch_rule; without one, the defaults of watch_rules_init() hold. */
extern const struct setting alert_settings[ALERT_SETTING_COUNT];

/* Does this rule have this setting? */
bool alert_has(enum watch_rule_id rule, const struct setting *setting);

/* What is wrong with the title of a section, or with this setting in it (NULL:
   none is meant). Returns NULL, or a sentence with the remedy, in the arena. */
const char *alert_check_name(const char *title, const struct setting *setting,
    struct arena *arena);

/* What is wrong with a section as a whole, now that all of it is read: a
   threshold that can never be reached, a window that is longer than what is
   counted. Returns NULL, or a sentence with the remedy, in the arena. */
const char *alert_check(enum watch_rule_id rule, const struct watch_rule *values,
    struct arena *arena);

/* For people: which rules work while no log is read, and which are off for the
   lack of it, one line, in the arena; NULL if there is a log, or if no rule that
   is enabled needs one. */
const char *alert_without_log(const struct config *config, struct arena *arena);

#endif
