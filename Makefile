# bouncemilter
#
#   make            the programs, in build/
#   make demo       the main job, shown on a private Postfix
#   make check      all tests (SAN=1: with address and undefined-behaviour
#                   sanitizers)
#   make install    to $(DESTDIR)$(prefix); make uninstall leaves the tables
#   make deps       install what is missing to build and test (Debian, as root)

VERSION = 0.1

prefix      = /usr/local
sbindir     = $(prefix)/sbin
mandir      = $(prefix)/share/man
rulesdir    = $(prefix)/share/bouncemilter/rules
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

PKGS    = lmdb libpcre2-8 libconfuse jansson libsystemd libidn2 libpsl libcrypto
# Not asked before they are needed: "make deps" must work without them.
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))

DEFINES = -D_GNU_SOURCE -DVERSION='"$(VERSION)"' \
          -DCONFIG_FILE='"$(sysconfdir)/bouncemilter/bouncemilter.conf"' \
          -DRULES_DIR='"$(rulesdir)"'
COMPILE = $(CC) -std=c17 $(DEFINES) -Imilter $(WARN) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP
LIBS    = $(PKG_LIBS) -lunistring -lmilter -lpthread

# Each layer is an archive; a program links the layers it stands on.
BASE_SRC    = $(wildcard milter/base/*.c)
PARSE_SRC   = $(wildcard milter/parse/*.c) milter/bounce.c milter/verdict.c
JUDGE_SRC   = $(wildcard milter/judge/*.c)
STORE_SRC   = $(wildcard milter/store/*.c)
WATCH_SRC   = $(wildcard milter/watch/*.c)
PROOF_SRC   = $(wildcard milter/proof/*.c)
CORE_SRC    = $(patsubst %,milter/%.c,config config_current config_postfix postfix record \
                operate startup advice)
DAEMON_SRC  = $(patsubst %,milter/%.c,pipeline housekeeping) milter/source/session.c \
              $(WATCH_SRC) $(PROOF_SRC)
MILTER_SRC  = milter/bouncemilter.c milter/source/milter.c
TOOL_SRC    = milter/tool/tool.c milter/tool/print.c

obj = $(patsubst %.c,$(B)/%.o,$(1))
LAYERS = $(call obj,$(STORE_SRC) $(JUDGE_SRC) $(PARSE_SRC) $(BASE_SRC))

PROGRAMS = $(B)/bouncemilter $(B)/bouncemilter-dump $(B)/bouncemilter-suppress

.PHONY: all deps check demo bench soak fuzz lint install uninstall clean
all: $(PROGRAMS)

$(B)/bouncemilter: $(call obj,$(MILTER_SRC) $(DAEMON_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/bouncemilter-dump: $(call obj,milter/tool/dump.c $(TOOL_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/bouncemilter-suppress: $(call obj,milter/tool/suppress.c $(TOOL_SRC) $(CORE_SRC)) $(LAYERS)
	$(CC) $(CFLAGS) $(LDHARD) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

deps:
	@t/lib/deps

clean:
	rm -rf build

-include $(shell find $(B)/milter $(B)/t -type f -name '*.d' 2>/dev/null)
