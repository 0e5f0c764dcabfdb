#!/usr/bin/perl
# The threaded parts under ThreadSanitizer: the unit tests of what runs on
# threads, and the daemon itself under load, with reloads. t/lib/tsan.supp has
# what is suppressed, and why.

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use BM::Daemon;
use BM::Load;
use BM::Util qw(run tempdir top);

my @UNITS = qw(core-threads core-session store-writer proof-dns proof-spf proof-dkim
    core-alerts core-command core-watch core-campaigns);

my $build = top() . '/build/tsan';
my $dir   = tempdir();
delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES)};    # settings of the outer make
$ENV{TSAN_OPTIONS} = 'exitcode=66 suppressions=' . top() . '/t/lib/tsan.supp';

my @targets = ('build/tsan/bouncemilter', map {"build/tsan/t/unit/$_.t"} @UNITS);
my ($status, undef, $err) = run({ timeout => 300 }, 'make', '-s', '-C', top(), 'TSAN=1', @targets);
is $status, 0, 'built' or BAIL_OUT($err);

$ENV{BM_RULES} = top() . '/rules';
for my $unit (@UNITS) {
    my ($ended, $out, $said) = run({ timeout => 300 }, "$build/t/unit/$unit.t");
    is $ended, 0, $unit or diag $out;
    unlike $said, qr/ThreadSanitizer/, 'no data race' or diag $said;
}

my $daemon = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir));
{
    local $ENV{BM_BUILD} = $build;
    $daemon->start;
}
my @loads = (
    BM::Load->start($daemon, dir => $dir, k => 8, n => 3000),
    BM::Load->start($daemon, dir => $dir, k => 4, n => 1000, c => '198.51.100.7'),
    BM::Load->start($daemon, dir => $dir, k => 2, n => 500, f => 100_000, m => 'local'),
    BM::Load->start($daemon, dir => $dir, k => 2, n => 500, m => 'mail'),
);
for (1 .. 8) { sleep 0.2; $daemon->reload }
$_->wait(240) for @loads;
is scalar(my @accepted = $loads[0]->answered('accept')), 3000, 'the daemon under load';
like $daemon->log, qr/configuration read again/, 'with reloads';
is $daemon->stop, 0, 'it stops in order';
unlike $daemon->log, qr/ThreadSanitizer/, 'no data race' or diag $daemon->log;

done_testing;
