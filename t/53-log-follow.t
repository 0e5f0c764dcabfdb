#!/usr/bin/perl
# The daemon reads a mail log: every outcome exactly once, whatever strangers
# wrote into it, while the log is rotated under load, and while the daemon is
# killed again and again.
#
# BM_SOAK=1: ten million lines, rotated every 50,000.
#
# What makes this test fail: a position that is not committed with what was read
# (pipeline_log.c), a renamed file that is left at once (logtail.c), addresses
# read without their quotes (logline.c).

use strict;
use warnings;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);
use BM::Daemon;
use BM::Util qw(at_end prog run slurp tempdir wait_for);

my $LINES  = $ENV{BM_SOAK} ? 10_000_000 : 100_000;
my $ROTATE = $ENV{BM_SOAK} ? 50_000     : 5_000;
my $KILLS  = 100;
my $ROOM   = 16 * 2**20;
my $PATIENCE = 60 + $LINES / 10_000;

my %OUTCOMES = (sent => 'delivered', deferred => 'deferred', bounced => 'failed');
my %LANES    = (out => 'attempts_total', hand => 'handoffs_total');

my ($log, $dir, $daemon, %want, %events, $seed);

# A daemon of its own, and a log that is empty.
sub begin {
    $daemon->stop if $daemon;
    $dir = tempdir();
    mkdir "$dir/log" or die "$dir/log: $!\n";
    $log = "$dir/log/mail.log";
    open my $fh, '>', $log or die "$log: $!\n";
    close $fh;
    $daemon = BM::Daemon->new(dir => $dir, conf =>
        qq{log { file = "$log" }\nrelays = { "127.0.0.1" }\nmax-suppressions = 0\nstore-size = "8G"\n});
    (%want, %events) = ();
    start();
    return;
}

sub start {
    # With SAN=1, which otherwise keeps 256 MiB of what was freed.
    local $ENV{ASAN_OPTIONS} = 'quarantine_size_mb=4:thread_local_quarantine_size_kb=64';
    return $daemon->start;
}

# Returns the generator's process.
sub generate {
    my (%option) = @_;
    my $expect = sprintf '%s/expect%d', $dir, ++$seed;
    my @command = (prog('t/lib/generate_log'), '--file', $log, '--expect', $expect, '--seed', $seed,
        '--rotate', $ROTATE, '--hostile', 10, '--failures', $ENV{BM_SOAK} ? 3 : 10,
        '--start', int(time) - int($option{lines} / 1000) - 60, map { ("--$_", $option{$_}) } sort keys %option);
    $want{lines} += $option{lines};
    push @{ $want{files} }, $expect;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    { no warnings 'exec'; exec { $command[0] } @command; }
    POSIX::_exit(127);
}

sub finish {
    my ($pid) = @_;
    waitpid $pid, 0;
    is $?, 0, 'the log is written';
    return;
}

sub counters {
    return map { /^(\S+)\s+(\d+)$/ ? ($1 => $2) : () } split /\n/, $daemon->dump('--counters');
}

sub memory {
    my ($kib) = slurp('/proc/' . $daemon->pid . '/status') =~ /^RssAnon:\s+(\d+)/m or die "no figure\n";
    return $kib * 1024;
}

# What the generator says that has to come out: numbers, and the failures.
sub expectation {
    my (%numbers, %failures);
    for my $file (@{ $want{files} }) {
        open my $fh, '<:raw', $file or die "$file: $!\n";
        while (<$fh>) {
            chomp;
            my ($recipient, $word, $status, $lane) = split /\t/;
            if (my $outcome = $OUTCOMES{$word}) { $numbers{qq($LANES{$lane}\{outcome="$outcome"\})}++ }
            elsif ($word ne 'expired')          { $numbers{qq(log_notices_total\{kind="$word"\})}++ }
            next if $word eq 'sent' || $word eq 'suspended' || $word eq 'probe';
            # A message that is deferred again for the same reason is no new event.
            $numbers{retries_total}++ if $failures{"$recipient " . ($OUTCOMES{$word} // $word) . " $status"}++;
        }
    }
    $numbers{'log_notices_total{kind="lines"}'} = $want{lines};
    return (\%numbers, \%failures);
}

# The failures that are in the journal; deliveries that reset something are left out.
sub journal {
    my %found;
    open my $fh, '-|', prog('bouncemilter-dump'), '-c', $daemon->conf_file, '--events', '--json' or die "$!\n";
    while (<$fh>) {
        my ($source, $recipient, $outcome, $status) =
            /"source":"(\w+)","recipient":"((?:[^"\\]|\\.)*)","outcome":"(\w*)".*?"status":"([\d.]*)"/ or die "$_\n";
        $found{ ($recipient =~ s/\\(.)/$1/gr) . " $outcome $status" }++
            if $source eq 'log' && $outcome ne 'delivered';
    }
    close $fh or die "bouncemilter-dump: $?\n";
    return \%found;
}

sub is_exact {
    my ($name) = @_;
    subtest $name => sub {
        my ($numbers, $failures) = expectation();
        my %have;
        my $key = 'log_notices_total{kind="lines"}';
        wait_for(sub { %have = counters(); ($have{$key} // 0) >= $want{lines} }, $PATIENCE);
        is $have{$_} // 0, $numbers->{$_}, $_ for sort keys %$numbers;
        my @more = grep { !exists $numbers->{$_} && /^(?:attempts|handoffs|log_notices|log_gaps|log_overlong|repeated)/ }
            sort keys %have;
        is_deeply \@more, [], 'nothing else is counted' or diag map {"$_ $have{$_}\n"} @more;
        my $found = journal();
        my @lost  = grep { !$found->{$_} } sort keys %$failures;
        my @extra = grep { !$failures->{$_} } sort keys %$found;
        my @twice = grep { $found->{$_} > 1 } sort keys %$found;
        is scalar @lost,  0, sprintf('all of %d failures are there', scalar keys %$failures) or diag "lost: $lost[0]";
        is scalar @extra, 0, 'and no other ones'    or diag "extra: $extra[0]";
        is scalar @twice, 0, 'and none of them twice' or diag "twice: $twice[0]";
    };
    return;
}

begin();
finish(generate(lines => $LINES / 2));
is_exact('rotated under load');
my $warm = memory();
finish(generate(lines => $LINES / 2));
is_exact('twice as much');
cmp_ok memory() - $warm, '<', $ROOM, sprintf 'memory is flat: %+d KiB', (memory() - $warm) / 1024;
my ($status, $out) = $daemon->suppress('--verify');
is $out, "standings: right, tables: right\n", 'verified';

# Killed while it reads, wherever it is, and started at once.
begin();
my $writer = generate(lines => $ENV{BM_SOAK} ? $LINES / 10 : 60_000, rate => $ENV{BM_SOAK} ? 20_000 : 4000);
for my $kill (1 .. $KILLS) {
    sleep 0.02 + rand 0.2;
    $daemon->kill9;
    start();
}
finish($writer);
is_exact("killed $KILLS times");
is $daemon->stop, 0, 'it stops in order';

done_testing;
