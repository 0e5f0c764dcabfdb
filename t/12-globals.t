#!/usr/bin/perl
# State that threads share is of four kinds only (a configuration that never
# changes, a session, the store, the alarm). So there are few writable globals,
# and each one is here with the reason why it may be.

use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use BM::Util qw(prog run);

my %allowed = (
    # the log, set once before the first thread
    'base/msg.o msg_program'           => 'name of the program',
    'base/msg.o msg_to_syslog'         => 'where lines go; again once in the child that goes to the background',
    'base/msg.o msg_journal'           => 'standard error goes to the journal; set with the name',
    'source/milter.o milter_closed'    => 'set once, when the process ends',
    'base/msg.o msg_debug_on'          => 'set by the options',
    'base/msg.o msg_failure_text'      => 'of one thread: the text of its last failure',
    # the configuration
    'config.o loading'                 => 'of one thread: libconfuse calls back without a context',
    'config_current.o current'         => 'the pointer that a reload swaps, guarded by the next',
    'config_current.o current_lock'    => 'its lock',
    # libmilter, which has no place for a pointer of ours
    'source/milter.o description'      => 'a table that smfi_register() wants writable; nobody writes it',
    'source/milter.o milter_pool'      => 'what all sessions share; set before smfi_main()',
    'source/milter.o milter_running'   => 'atomic: callbacks under way',
    # made once, and constant from then on
    'parse/charset.o kept'             => 'atomic: one converter of each charset, so that its module stays',
    'parse/phrase.o phrases'           => 'the index of the phrases, under phrases_once',
    'parse/phrase.o phrases_once'      => 'pthread_once',
    # said once
    'judge/regex.o said'                => 'atomic: whether it was said that PCRE2 runs slowly',
);

my $dir = prog('milter');
my @objects;
find({ no_chdir => 1, wanted => sub { push @objects, $_ if /\.o\z/ } }, $dir);
ok @objects > 40, 'there are objects' or BAIL_OUT "no objects in $dir";

# Sections that stay writable; .data.rel.ro is not, once the program is loaded.
# "sysv" columns: name, value, class, type, size, line, section.
my ($status, $out, $err) = run('nm', '-f', 'sysv', '-A', sort @objects);
is $status, 0, 'nm' or diag $err;
my %found;
for my $line (split /\n/, $out) {
    my ($where, undef, undef, $type, undef, undef, $section) = map { s/^\s+|\s+$//gr } split /\|/, $line;
    next if !defined $section || $section !~ /^(?:\.(?:data|bss|tdata|tbss)(?!\.rel\.ro)|\*COM\*)/;
    next if $type !~ /^(?:OBJECT|TLS|COMMON)$/;
    my ($object, $name) = $where =~ m{\Q$dir\E/(\S+\.o):(\S+)} or next;
    next if $name =~ /^__(?:a|t|ub)san|^__odr_asan|^\.L/;    # of a sanitizer
    $name =~ s/\.\d+\z//;                                   # static in a function
    $found{"$object $name"} = $section;
}
is_deeply [grep { !$allowed{$_} } sort keys %found], [], 'no writable global without a reason';
# The compiler may find out by itself that a table is never written.
is_deeply [grep { !$found{$_} && $_ ne 'source/milter.o description' } sort keys %allowed], [],
    'none of the list is gone';

done_testing;
