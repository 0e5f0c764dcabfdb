#!/usr/bin/perl
# The ledger cannot be written: its disk is full, or fails. Mail leaves without
# waiting, what the ledger lacks is counted, and reports about it prove nothing;
# when the disk does again, so does the ledger, without a restart.

use strict;
use warnings;
use Errno qw(EIO ENOSPC);
use Test::More;
use Time::HiRes qw(time);
use BM::Daemon;
use BM::Proof;
use BM::Util qw(prog slurp spew tempdir wait_for);

# What t/lib/faults-preload.c knows: sent.lmdb, write and sync.
use constant { SENT => 8, WRITE_SYNC => 3 };
use constant { OWN => '192.0.2.1', ELSEWHERE => '203.0.113.9' };

my $dir    = tempdir();
my $daemon = BM::Daemon->new(dir => $dir, log => 'none', conf => {
    'own-clients'    => [OWN],
    'own-domains'    => ['example.net'],
    'postfix-config' => "$dir/no-postfix",
    'ledger'         => 'milter',
});
spew("$dir/faults", pack 'L8', (0) x 8);
chmod 0666, "$dir/faults";
{
    local $ENV{LD_PRELOAD}   = prog('t/lib/faults-preload.so');
    local $ENV{BM_FAULTS}    = "$dir/faults";
    local $ENV{ASAN_OPTIONS} = 'verify_asan_link_order=0';    # with SAN=1
    $daemon->start;
}
my $proof = BM::Proof->new(dir => $dir, daemon => $daemon);

# Over the old content, which the daemon has mapped.
sub set_faults {
    my ($error, $first) = @_;
    open my $fh, '+<:raw', "$dir/faults" or die "$dir/faults: $!\n";
    print {$fh} pack 'L8', SENT, WRITE_SYNC, $error, $first, 0, 0, 0, 0;
    close $fh or die "$!\n";
    return;
}

sub lost {
    my ($n) = $daemon->dump('--counters') =~ /^ledger_lost_total +(\d+)$/m;
    return $n // 0;
}

sub reported {
    my ($m) = @_;
    my $in = $proof->connect(ELSEWHERE, 'mx.else.test');
    $proof->pass($in, '', ['app@example.net'], $proof->dsn(rcpt => $m->{rcpts}[0], headers => $m->{headers}));
    my $rcpt = $m->{rcpts}[0];
    my $find = sub { grep { $_->{recipient} eq $rcpt } $daemon->dump_json('--events'), $daemon->dump_json('--unverified') };
    wait_for(sub { $find->() }, 10);
    return join ' ', map { $_->{proof} } $find->();
}

my $out   = $proof->connect(OWN, 'app.example.net');
my $n     = 0;
my $count = 0;
sub leave { my $m = $proof->leave($out, rcpts => ['user' . ++$n . '@remote.test'], sign => 0); return $m }

for my $error (ENOSPC, EIO) {
    my $before = leave();
    ok $proof->wait_rows, 'the ledger is written';
    set_faults($error, 1);
    my @m = map { leave() } 1 .. 20;
    is join(' ', map { $_->{answer} } @m), join(' ', ('a') x 20), "mail leaves, errno $error";
    $count += 20;
    ok wait_for(sub { lost() >= $count }, 20), 'what is lost is counted' or diag lost();
    is lost(), $count, '... once';
    set_faults(0, 0);
    $proof->{left} -= 20;
    ok wait_for(sub { leave(); $proof->wait_rows && lost() == $count }, 20), 'it is written again';
    is reported($m[0]), 'none', 'a report about what is not there';
    is reported($before), 'ledger', '... about what is';
}
is $daemon->stop, 0, 'it ends in order';

done_testing;
