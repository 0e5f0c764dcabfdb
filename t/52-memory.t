#!/usr/bin/perl
# A flood of reports, forged and real: the daemon's memory stays flat, the store
# stays bounded, and strangers do not make it wait for the disk.
#
# BM_SOAK=1 sends a million; normally 20,000 of each.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::Load;
use BM::Util qw(prog slurp spew tempdir wait_for);

my $COUNT = $ENV{BM_SOAK} ? 500_000 : 20_000;    # of each kind
my $ROOM  = 32 * 2**20;                          # less than 600 bytes for each report
my $FIELDS = 8;                                  # of faults-preload.c; the last counts syncs

my $dir    = tempdir();
my $daemon = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir));
my $next   = 1;

spew("$dir/faults", pack "L$FIELDS", (0) x $FIELDS);
{
    local $ENV{LD_PRELOAD} = prog('t/lib/faults-preload.so');
    local $ENV{BM_FAULTS}  = "$dir/faults";
    # With SAN=1, which otherwise keeps 256 MiB of what was freed.
    local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0:quarantine_size_mb=4:thread_local_quarantine_size_kb=64';
    $daemon->start;
}

sub syncs { return (unpack "L$FIELDS", slurp("$dir/faults"))[7] }

# What is not a page of a mapped file.
sub memory {
    my ($kib) = slurp('/proc/' . $daemon->pid . '/status') =~ /^RssAnon:\s+(\d+)/m or die "no figure\n";
    return $kib * 1024;
}

sub stored { return (stat $daemon->state_dir . '/state.lmdb')[12] * 512 }

# Client 192.0.2.9 is a trusted reporter, any other a stranger.
sub flood {
    my ($client, $count) = @_;
    my $load = BM::Load->run($daemon, dir => $dir, c => $client, k => 32, n => $count, f => $next);
    $next += $count;
    my @accepted = $load->answered('accept');
    is scalar @accepted, $count, "$count reports from $client are accepted";
    return;
}

sub is_flat {
    my ($warm, $when) = @_;
    # What waits for its commit is memory, too.
    wait_for(sub { memory() - $warm < $ROOM }, 10);
    cmp_ok memory() - $warm, '<', $ROOM, sprintf 'memory %s: %+d KiB', $when, (memory() - $warm) / 1024;
    return;
}

# Warm: threads, their arenas, a full queue.
flood('192.0.2.9',    4000);
flood('198.51.100.7', 8000);
sleep 2;
my $warm = memory();

# One commit a second of what has gathered, or one for each thousand; each is one
# fdatasync().
my ($syncs, $began) = (syncs(), time);
flood('198.51.100.7', $COUNT);
my $seconds = time - $began + 2;
$syncs = syncs() - $syncs;
cmp_ok $syncs, '<=', $COUNT / 1000 + $seconds + 5, "strangers: $syncs syncs in $seconds s";
is_flat($warm, 'after strangers');

my $stored = stored();
flood('192.0.2.9', $COUNT);
is_flat($warm, 'after trusted ones');
cmp_ok((stored() - $stored) / $COUNT, '<', 8192, sprintf 'the store grows by %d bytes an event', (stored() - $stored) / $COUNT);

flood('198.51.100.7', $COUNT);
is_flat($warm, 'at the end');
my $kept = () = $daemon->dump('--unverified', '--json') =~ /\n/g;
cmp_ok $kept, '>=', 1000,    "$kept forged reports are kept";
cmp_ok $kept, '<=', 200_000, 'no more than the ring holds';
my ($status, $out) = $daemon->suppress('--verify');
is $out, "standings: right, tables: right\n", 'verified';
is $daemon->stop, 0, 'it stops in order';

done_testing;
