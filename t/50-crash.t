#!/usr/bin/perl
# The daemon is killed with SIGKILL at random moments under load. Whatever it
# had answered 250 is in the journal, and the tables follow the journal.
#
# What makes this test fail: answering before the commit (pipeline.c using
# writer_post() for proven reports), and saving the published position before
# the tables are written (publish.c).

use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use BM::Daemon;
use BM::Load;
use BM::Postfix;
use BM::Util qw(tempdir wait_for);

my $ROUNDS     = 200;
my $LOOK_EVERY = 50;

my $dir     = tempdir();
my $postfix = BM::Postfix->new(dir => $dir);    # for its postmap; it is not started
my $daemon  = BM::Daemon->new(dir => $dir, conf => BM::Load::conf($dir));
my (%answered, $first);

# What a tool of Postfix reads, and what the store says, in one form.
sub table {
    my ($name) = @_;
    my ($status, $out, $err) = $postfix->command('postmap', '-s', 'lmdb:' . $daemon->state_dir . "/$name");
    die "postmap -s $name: $err" if $status;
    return join '', sort map { s/\t/ /r . "\n" } split /\n/, $out;
}

sub standing { return join '', sort map {"$_\n"} split /\n/, $daemon->dump('--postmap') }

# After a restart: nothing that was accepted is lost, and the daemon publishes
# by itself what it had not published before it died.
sub look {
    my ($round) = @_;
    subtest "after $round kills" => sub {
        my $same = wait_for(sub { table('access') eq standing() }, 20);
        ok $same, 'the table that Postfix reads is the standing';
        ok table('transport') =~ s/ error:/ 550 /gr eq standing(), 'so is the other one';
        my %journal = map { $_ => 1 } $daemon->dump('--events', '--json') =~ /"recipient":"([^"]+)"/g;
        my @lost = grep { !$journal{ BM::Load::address($_) } } keys %answered;
        is @lost, 0, sprintf 'all of %d accepted reports are in the journal', scalar keys %answered;
        my ($status, $out) = $daemon->suppress('--verify');
        is $out, "standings: right, tables: right\n", 'journal, standing and tables agree';
        is $status, 0, 'status';
    };
    return;
}

# Numbers of a round are its own; a report that was not answered is not sent again.
$first = 1;
for my $round (1 .. $ROUNDS) {
    if ($round % 10 == 5) {
        # In the middle of starting: opening, inspecting, catching up.
        eval { $daemon->start(0.001 + rand 0.05) };
        $daemon->kill9;
        next;
    }
    $daemon->start;
    my $load = BM::Load->start($daemon, dir => $dir, k => 8 + int rand 25, f => $first, n => 100_000);
    sleep 0.05 + rand 0.3;
    $daemon->kill9;
    $load->wait;
    $answered{$_} = 1 for $load->answered('accept');
    $first += 100_000;
    next if $round % $LOOK_EVERY;
    $daemon->start;
    look($round);
    $daemon->kill9;
}
cmp_ok scalar keys %answered, '>', 5 * $ROUNDS, 'there was load';
$daemon->start;
is $daemon->stop, 0, 'it stops in order';

done_testing;
