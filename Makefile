# bouncemilter
#
#   make            the programs, in build/
#   make demo       the main job, shown on a private Postfix
#   make demo-sendmail   the same on a private Sendmail
#   make check      all tests (SAN=1: with address and undefined-behaviour
#                   sanitizers)
#   make install    to $(DESTDIR)$(prefix); make uninstall leaves the tables
#   make score      how right the verdicts are, against a labelled corpus that
#                   lies beside the tree or at BM_CORPUS=DIR
#   make bench      how fast, beside other programs; make soak, make fuzz: longer
#   make bench-ledger   the ledger of sent mail: rows, bytes, look-ups, pruning
#   make deps       install what is missing to build and test (Debian, as root)

VERSION = 0.1

prefix      = /usr/local
bindir      = $(prefix)/bin
sbindir     = $(prefix)/sbin
mandir      = $(prefix)/share/man
rulesdir    = $(prefix)/share/bouncemilter/rules
datadir     = $(prefix)/share/bouncemilter
sysconfdir  = /etc
unitdir     = /lib/systemd/system
tmpfilesdir = /usr/lib/tmpfiles.d
sysusersdir = /usr/lib/sysusers.d

B       = build
CC      = gcc
CFLAGS  = -O2 -g
WARN    = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
HARDEN  = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
LDHARD  = -pie -Wl,-z,relro,-z,now

ifdef SAN
B       := build/san
CFLAGS  = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
HARDEN  =
LDHARD  =
endif
ifdef TSAN
B       := build/tsan
CFLAGS  = -O1 -g -fsanitize=thread
HARDEN  =
LDHARD  =
endif

PKGS    = lmdb libcdb libpcre2-8 libconfuse jansson libsystemd libidn2 libpsl libcrypto opendkim
# Not asked before they are needed: "make deps" must work without them.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))

DEFINES = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
          -DCONFIG_FILE='"$(sysconfdir)/bouncemilter/bouncemilter.conf"' \
          -DRULES_DIR='"$(rulesdir)"' \
          -DLOCAL_RULES_DIR='"$(sysconfdir)/bouncemilter/rules.d"'
COMPILE = $(CC) -std=c17 $(DEFINES) -Imilter $(WARN) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP
LIBS    = $(PKG_LIBS) -lspf2 -lopendmarc -lresolv -lunistring -lmilter -lm -lpthread

# Each layer is an archive; a program links the layers it stands on.
BASE_SRC    = $(wildcard milter/base/*.c)
PARSE_SRC   = $(wildcard milter/parse/*.c) milter/bounce.c milter/verdict.c
JUDGE_SRC   = $(wildcard milter/judge/*.c)
STORE_SRC   = $(wildcard milter/store/*.c)
WATCH_SRC   = $(wildcard milter/watch/*.c)
PROOF_SRC   = $(wildcard milter/proof/*.c)
CORE_SRC    = $(patsubst %,milter/%.c,config config_alert config_braces config_current config_postfix \
                config_proof config_settings postfix record operate startup advice proof/tag \
                watch/provider watch/thresholds)
DAEMON_SRC  = $(patsubst %,milter/%.c,pipeline pipeline_report pipeline_proof pipeline_expect pipeline_later pipeline_sent \
                pipeline_lost pipeline_log pipeline_watch pipeline_incident pipeline_recall foreign campaigns outgoing proofs tally housekeeping alerts command \
                metrics metrics_names metrics_text) milter/source/session.c $(filter-out %/tag.c,$(PROOF_SRC)) \
              $(filter-out %/provider.c %/thresholds.c,$(WATCH_SRC))
SOURCE_SRC  = $(filter-out %/milter.c %/session.c,$(wildcard milter/source/*.c))
MILTER_SRC  = milter/bouncemilter.c milter/source/milter.c $(SOURCE_SRC)
TOOL_SRC    = milter/tool/tool.c milter/tool/print.c
CLASSIFY_SRC = $(patsubst %,milter/tool/%.c,classifier labour answer explain difference totals \
                progress crew batch intake stream mbox walk names diagnosis)

obj = $(patsubst %.c,$(B)/%.o,$(1))
LAYERS = $(call obj,$(STORE_SRC) $(JUDGE_SRC) $(PARSE_SRC) $(BASE_SRC))

PROGRAMS = $(B)/bouncemilter $(B)/bouncemilter-dump $(B)/bouncemilter-suppress \
           $(B)/bouncemilter-classify $(B)/bouncemilter-web

.PHONY: all deps tests check demo demo-sendmail score bench bench-ledger soak fuzz fuzz-short lint install uninstall clean
all: $(PROGRAMS)

$(B)/bouncemilter: $(call obj,$(MILTER_SRC) $(DAEMON_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/bouncemilter-dump: $(call obj,milter/tool/dump.c milter/tool/ratios.c milter/tool/statusfilter.c milter/tool/unknown.c milter/tool/incident_list.c milter/watch/incident.c milter/watch/telling.c milter/watch/telling_text.c $(TOOL_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/bouncemilter-classify: $(call obj,$(CLASSIFY_SRC) $(TOOL_SRC) $(CORE_SRC) $(filter-out %/tag.c,$(PROOF_SRC))) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/bouncemilter-suppress: $(call obj,milter/tool/suppress.c $(TOOL_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/bouncemilter-web: $(call obj,milter/tool/web.c milter/metrics.c milter/metrics_names.c milter/metrics_text.c milter/watch/incident.c $(TOOL_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS) -lmicrohttpd

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

deps:
	@t/lib/deps

# --- tests ---------------------------------------------------------------
#
# t/unit/LAYER-NAME.c is a program of its own that prints TAP; it links its
# layer and those below, nothing else: the link line proves that the layer
# stands alone.

UNIT_SRC  = $(wildcard t/unit/*.c)
UNIT      = $(patsubst %.c,$(B)/%.t,$(UNIT_SRC))
HELP_SRC  = $(wildcard t/lib/*.c)
HELP      = $(patsubst t/lib/%.c,$(B)/t/lib/%,$(filter-out %-preload.c,$(HELP_SRC))) \
            $(patsubst t/lib/%.c,$(B)/t/lib/%.so,$(filter %-preload.c,$(HELP_SRC)))
JOBS      = 2
PROVE     = CMOCKA_MESSAGE_OUTPUT=TAP BM_BUILD=$(B) prove -It/lib -j$(JOBS) --timer

BASE_OBJ  = $(call obj,$(BASE_SRC))
PARSE_OBJ = $(call obj,$(PARSE_SRC)) $(BASE_OBJ)
JUDGE_OBJ = $(call obj,$(JUDGE_SRC)) $(PARSE_OBJ)
PROOF_OBJ = $(call obj,$(PROOF_SRC)) $(JUDGE_OBJ)
WATCH_OBJ = $(call obj,$(WATCH_SRC)) $(JUDGE_OBJ)
STORE_OBJ = $(call obj,$(STORE_SRC)) $(JUDGE_OBJ)
CORE_OBJ  = $(call obj,$(SOURCE_SRC) $(DAEMON_SRC) $(CORE_SRC)) $(STORE_OBJ)
TOOL_OBJ  = $(call obj,$(filter-out %/classifier.c,$(CLASSIFY_SRC)) $(TOOL_SRC) $(CORE_SRC) $(filter-out %/tag.c,$(PROOF_SRC))) $(STORE_OBJ)

$(B)/t/unit/base-%.t: $(B)/t/unit/base-%.o $(BASE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/parse-%.t: $(B)/t/unit/parse-%.o $(PARSE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/judge-%.t: $(B)/t/unit/judge-%.o $(JUDGE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/proof-%.t: $(B)/t/unit/proof-%.o $(PROOF_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/watch-%.t: $(B)/t/unit/watch-%.o $(WATCH_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/store-%.t: $(B)/t/unit/store-%.o $(STORE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/core-%.t: $(B)/t/unit/core-%.o $(CORE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/unit/tool-%.t: $(B)/t/unit/tool-%.o $(TOOL_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
$(B)/t/lib/%.so: t/lib/%.c
	@mkdir -p $(@D)
	$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -O2 -shared -fPIC -o $@ $< -ldl
$(B)/t/lib/%: $(B)/t/lib/%.o $(CORE_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# Only a test program knows GMime.
$(B)/t/lib/gmime_oracle.o: PKG_CFLAGS += $(shell pkg-config --cflags gmime-3.0)
$(B)/t/lib/gmime_oracle: LIBS += $(shell pkg-config --libs gmime-3.0)

tests: all $(UNIT) $(HELP)

# The settings are passed on to a second make, because what pkg-config knows
# changes when deps has run.
check: deps
	$(MAKE) -j$(JOBS) tests lint $(FUZZ)
	$(MAKE) fuzz-short
	$(PROVE) -r t $(B)/t/unit

demo: deps
	$(MAKE) all $(patsubst %,$(B)/t/lib/%,clock-preload.so names-preload.so sign_message)
	t/demo
demo-sendmail: deps
	$(MAKE) all $(B)/t/lib/sendmail-preload.so
	t/demo-sendmail

# Every parser, under clang's libFuzzer with sanitizers, seeded by t/corpus and
# by the development corpus if it lies beside the tree.
FUZZ_SRC = $(wildcard t/fuzz/*.c)
FUZZ     = $(patsubst t/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC))
SECONDS  = 60
FUZZ_OBJ = $(patsubst %.c,build/fuzz/%.o,$(PROOF_SRC) $(WATCH_SRC) $(JUDGE_SRC) $(PARSE_SRC) $(BASE_SRC))
FUZZ_CC  = clang -std=c17 $(DEFINES) -Imilter -O1 -g -fno-sanitize-recover=all $(PKG_CFLAGS)
build/fuzz/%.o: %.c $(wildcard milter/*.h milter/*/*.h)
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -c -o $@ $<
build/fuzz/%: t/fuzz/%.c $(FUZZ_OBJ) $(wildcard t/fuzz/*.h)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $(filter-out %.h,$^) $(LIBS)
fuzz: $(FUZZ)
	t/fuzz/run $(SECONDS) $(FUZZ)
# The short run begins with the same random numbers everywhere.
fuzz-short: $(FUZZ)
	FUZZ_FLAGS=-seed=1 t/fuzz/run 5 $(FUZZ)

# Warnings are errors, with both compilers and both checkers. What is left out
# and why: t/lib/cppcheck.cfg, t/lib/cppcheck.txt, .clang-tidy.
LINT_SRC   = $(wildcard milter/*.c milter/*/*.c)
LINT_HDR   = $(wildcard milter/*.h milter/*/*.h)
LINT_FLAGS = -std=c17 $(DEFINES) -Imilter $(PKG_CFLAGS)
TIDY       = $(LINT_SRC:%.c=build/lint/%.ok)
lint: build/lint/all.ok
	@$(MAKE) --no-print-directory -j$(JOBS) $(TIDY)
build/lint/all.ok: $(LINT_SRC) $(LINT_HDR) t/lib/cppcheck.cfg t/lib/cppcheck.txt
	@mkdir -p $(@D)
	clang $(LINT_FLAGS) $(WARN) -fsyntax-only $(LINT_SRC)
	cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
	  --library=t/lib/cppcheck.cfg --suppressions-list=t/lib/cppcheck.txt -Imilter $(DEFINES) milter
	@touch $@
build/lint/%.ok: %.c $(LINT_HDR) .clang-tidy
	@mkdir -p $(@D)
	@echo clang-tidy $<
	@clang-tidy --quiet $< -- $(LINT_FLAGS) 2>$(@:.ok=.log)
	@touch $@

score: $(B)/bouncemilter-classify
	BM_BUILD=$(B) t/score

bench:
	t/lib/deps bench
	$(MAKE) tests
	BM_BUILD=$(B) t/bench/run
bench-ledger: deps
	$(MAKE) $(B)/t/lib/bench_ledger
	BM_BUILD=$(B) t/bench/ledger
soak: deps
	$(MAKE) tests
	BM_SOAK=1 $(PROVE) -r t $(B)/t/unit
	BM_SOAK=1 BM_BUILD=$(B) t/bench/classify mbox

# --- installation --------------------------------------------------------

# What needs no store is for everybody.
BIN  = $(B)/bouncemilter-classify
SBIN = $(filter-out $(BIN),$(PROGRAMS))
MAN1 = man/bouncemilter-classify.1
MAN8 = man/bouncemilter.8 man/bouncemilter-dump.8 man/bouncemilter-suppress.8 man/bouncemilter-web.8
MAN5 = man/bouncemilter.conf.5 man/bouncemilter-rules.5
MAN7 = man/bouncemilter-alerts.7

# For a monitoring system that the site has already.
DATA = contrib/prometheus-alerts.yml contrib/grafana-dashboard.json

# Manuals, configuration and units name the places of this installation.
PLACES = sed 's,@sbindir@,$(sbindir),; s,/usr/local/share/bouncemilter/rules,$(rulesdir),; \
  s,/usr/local/share/bouncemilter/\(prometheus\|grafana\)-,$(datadir)/\1-,; \
  s,/etc/bouncemilter/,$(sysconfdir)/bouncemilter/,g'

install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(rulesdir) $(DESTDIR)$(datadir) \
	  $(addprefix $(DESTDIR)$(mandir)/man,1 5 7 8) \
	  $(DESTDIR)$(sysconfdir)/bouncemilter/rules.d $(DESTDIR)$(unitdir) $(DESTDIR)$(tmpfilesdir) $(DESTDIR)$(sysusersdir)
	install -m 755 $(BIN) $(DESTDIR)$(bindir)
	install -m 755 $(SBIN) $(DESTDIR)$(sbindir)
	install -m 644 rules/*.rules rules/providers.list $(DESTDIR)$(rulesdir)
	for page in $(MAN1) $(MAN5) $(MAN7) $(MAN8); do \
	  $(PLACES) $$page | install -m 644 /dev/stdin $(DESTDIR)$(mandir)/man$${page##*.}/$${page##*/} \
	    || exit 1; done
	install -m 644 $(DATA) $(DESTDIR)$(datadir)
	for unit in bouncemilter.service bouncemilter-web.service; do \
	  $(PLACES) contrib/$$unit | install -m 644 /dev/stdin $(DESTDIR)$(unitdir)/$$unit || exit 1; done
	install -m 644 contrib/tmpfiles.conf $(DESTDIR)$(tmpfilesdir)/bouncemilter.conf
	install -m 644 contrib/sysusers.conf $(DESTDIR)$(sysusersdir)/bouncemilter.conf
	test -e $(DESTDIR)$(sysconfdir)/bouncemilter/bouncemilter.conf || \
	  $(PLACES) contrib/bouncemilter.conf | \
	  install -m 644 /dev/stdin $(DESTDIR)$(sysconfdir)/bouncemilter/bouncemilter.conf

uninstall:
	rm -f $(addprefix $(DESTDIR)$(bindir)/,$(notdir $(BIN))) \
	  $(addprefix $(DESTDIR)$(sbindir)/,$(notdir $(SBIN))) \
	  $(addprefix $(DESTDIR)$(mandir)/man1/,$(notdir $(MAN1))) \
	  $(addprefix $(DESTDIR)$(mandir)/man8/,$(notdir $(MAN8))) \
	  $(addprefix $(DESTDIR)$(mandir)/man5/,$(notdir $(MAN5))) \
	  $(addprefix $(DESTDIR)$(mandir)/man7/,$(notdir $(MAN7))) \
	  $(addprefix $(DESTDIR)$(rulesdir)/,$(notdir $(wildcard rules/*.rules)) providers.list) \
	  $(addprefix $(DESTDIR)$(datadir)/,$(notdir $(DATA))) \
	  $(DESTDIR)$(unitdir)/bouncemilter.service $(DESTDIR)$(unitdir)/bouncemilter-web.service \
	  $(DESTDIR)$(tmpfilesdir)/bouncemilter.conf $(DESTDIR)$(sysusersdir)/bouncemilter.conf
	@rmdir $(DESTDIR)$(rulesdir) $(DESTDIR)$(dir $(rulesdir)) $(DESTDIR)$(datadir) 2>/dev/null || :
	@contrib/uninstall-notes $(DESTDIR)$(sysconfdir)

clean:
	rm -rf build

# Objects of tests are kept for the next run.
.SECONDARY:

-include $(shell find $(B)/milter $(B)/t -type f -name '*.d' 2>/dev/null)
