#!/usr/bin/perl
# The picture of the layers is true: who includes whom, which file knows which
# foreign library, and that no file grew too long to be read.

use strict;
use warnings;
use File::Find qw(find);
use Test::More;
use BM::Util qw(slurp top);

use constant LINES_MOST => 500;

my $top = top() . '/milter';
my %text;    # file below milter/ => content
find({ no_chdir => 1, wanted => sub {
    $text{ substr $_, length($top) + 1 } = slurp($_) if /\.[ch]\z/;
} }, $top);

# Whom a layer may include, besides libc and itself. Headers at the top are
# named one by one.
#
# source/ hands bytes to the pipeline and never parses them; that it reads the
# limits, and asks report_is_candidate() whether a body is worth reading, is
# all it knows of parse/.
my @nouns = qw(bounce.h verdict.h);
my %may   = (
    base   => [],
    parse  => [qw(base/), @nouns],
    judge  => [qw(base/), @nouns],
    proof  => [qw(base/ parse/ judge/), @nouns, 'config.h'],
    store  => [qw(base/ parse/ judge/), @nouns, 'config.h'],
    watch  => [qw(base/ parse/ judge/), @nouns, 'config.h'],
    source => [qw(base/ outgoing.h pipeline.h parse/limits.h parse/report.h)],
    tool   => [qw(base/ parse/ judge/ proof/ store/ watch/), @nouns,
        qw(config.h metrics.h operate.h record.h startup.h)],
);

# A foreign header lives in the file that wraps the library. What is not here
# is libc.
my %foreign = (
    'lmdb.h'             => [qw(store/store.c store/table_lmdb.c)],
    'cdb.h'              => [qw(store/table_cdb.c)],
    'pcre2.h'            => [qw(judge/regex.c)],
    'confuse.h'          => [qw(config.c)],
    'spf2/spf.h'         => [qw(proof/spf.c proof/spf_guard.c)],
    'opendkim/dkim.h'    => [qw(proof/dkim.c)],
    'opendmarc/dmarc.h'  => [qw(proof/dmarc.c)],
    'microhttpd.h'       => [qw(tool/web.c)],
    'libmilter/mfapi.h'  => [qw(source/milter.c)],
    'libpsl.h'           => [qw(parse/domain.c)],
    'idn2.h'             => [qw(parse/address.c)],
    'unicase.h'          => [qw(parse/address.c)],
    'unistr.h'           => [qw(parse/charset.c parse/decode.c parse/html.c)],
    'openssl/evp.h'      => [qw(base/hmac.c)],
    'openssl/crypto.h'   => [qw(base/hmac.c)],
    'openssl/core_names.h' => [qw(base/hmac.c)],
    'openssl/params.h'   => [qw(base/hmac.c)],
    'systemd/sd-daemon.h' => [qw(bouncemilter.c)],
    'systemd/sd-journal.h' => [qw(source/journal_reader.c)],
    'jansson.h'          => [qw(tool/print.c tool/ratios.c tool/unknown.c)],
    # libc too, and yet of one file only
    'iconv.h'            => [qw(parse/charset.c)],
    'syslog.h'           => [qw(base/msg.c)],
);
my %libc = map { $_ => 1 } qw(
    arpa/inet.h arpa/nameser.h dirent.h errno.h fcntl.h getopt.h glob.h grp.h inttypes.h libgen.h limits.h math.h netdb.h netinet/in.h
    poll.h pthread.h pwd.h resolv.h sched.h search.h signal.h spawn.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h
    stdint.h stdio.h stdlib.h string.h strings.h sys/eventfd.h sys/inotify.h sys/mman.h sys/random.h sys/socket.h sys/resource.h sys/stat.h sys/types.h
    sys/wait.h sysexits.h time.h unistd.h);

sub includes { return map { [$_->[0], $_->[1]] } pairs($_[0] =~ /^\s*#\s*include\s+([<"])([^>"]+)/mg) }
sub pairs    { my @p; push @p, [splice @_, 0, 2] while @_; return @p }

ok keys %text > 50, 'there are files';

my (@wrong, %seen);
for my $file (sort keys %text) {
    my ($layer) = $file =~ m{^(\w+)/};
    for (includes($text{$file})) {
        my ($how, $name) = @$_;
        if ($how eq '<') {
            push @{ $seen{$name} }, $file;
            push @wrong, "$file: <$name> is not known to this test" if !$foreign{$name} && !$libc{$name};
            next;
        }
        push @wrong, "$file: \"$name\" does not exist" if !exists $text{$name};
        next if !defined $layer || $name =~ m{^\Q$layer\E/};
        push @wrong, "$file: \"$name\" is not for this layer"
            if !grep { m{/\z} ? index($name, $_) == 0 : $_ eq $name } @{ $may{$layer} || [] };
    }
}
is_deeply \@wrong, [], 'who includes whom' or diag join "\n", @wrong;

is_deeply [sort @{ $seen{$_} || [] }], $foreign{$_}, "<$_> is in @{ $foreign{$_} }" for sort keys %foreign;

# Nobody but msg.c talks to syslog, and the nouns need nothing but base.
my @talks = grep { /\.c\z/ && $text{$_} =~ /\b(?:v?syslog|openlog)\s*\(/ } sort keys %text;
is_deeply \@talks, ['base/msg.c'], 'syslog() is called in one file';
for my $noun (@nouns) {
    my @own = grep { $_ !~ m{^base/} && $_ ne 'verdict.h' } map { $_->[1] } grep { $_->[0] eq '"' } includes($text{$noun});
    is_deeply \@own, [], "$noun stands on base alone";
}

# A module is a pair, and its name is unique in the tree.
my %module;
push @{ $module{ s{.*/}{}r } }, $_ for grep { /\.c\z/ } keys %text;
my @twice = grep { @{ $module{$_} } > 1 } sort keys %module;
is_deeply \@twice, [], 'no two modules have one name';

my @long = grep { ($text{$_} =~ tr/\n//) > LINES_MOST } sort keys %text;
is_deeply \@long, [], 'no file is longer than ' . LINES_MOST . ' lines';

done_testing;
