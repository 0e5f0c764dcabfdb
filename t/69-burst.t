#!/usr/bin/perl
# Reports that take time to prove come in a burst: ordinary mail does not stand
# behind them, nothing of them is lost, and one of them that is genuine acts when
# the ledger has its message.
#
# What makes this test fail: callbacks that wait for ledger or DNS one after the
# other, without an end that they share (base/patience.h); a report that is not
# judged again when there was no time for it.

use strict;
use warnings;
use Test::More;
use POSIX ();
use Time::HiRes qw(time);
use BM::Daemon;
use BM::Milter;
use BM::Proof;
use BM::Util qw(tempdir wait_for);

use constant { OWN => '192.0.2.1', STRANGER => '198.51.100.7', REPORTS => 40, ORDINARY => 10 };

my $dir   = tempdir();
my $proof = BM::Proof->new(dir => $dir);
my $zone  = $proof->zone('silent.test SILENT', 'mx.silent.test SILENT');
my %conf   = (
    'own-clients'    => [OWN],
    'own-domains'    => ['example.net'],
    'postfix-config' => "$dir/no-postfix",
    'ledger'         => 'milter',
    'dns-zone'       => $zone,
    'accept'         => ['ledger', 'aligned'],
);
my $daemon = $proof->{daemon} = BM::Daemon->new(dir => $dir, log => 'none', conf => \%conf)->start;

my $now = POSIX::strftime('%a, %d %b %Y %H:%M:%S +0000', gmtime);

# A report of a message that left a moment ago, as it says.
sub report {
    my ($number) = @_;
    my $headers = "From: App <app\@example.net>\nTo: r$number\@silent.test\nSubject: $number\n"
        . "Message-ID: <burst$number.$$\@example.net>\nDate: $now";
    return $proof->dsn(rcpt => "r$number\@silent.test", headers => $headers);
}

# All of a message but its end.
sub begin {
    my ($text) = @_;
    my $milter = $proof->connect(STRANGER, 'mx.silent.test');
    my ($headers, $body) = split /\n\n/, $text, 2;
    $milter->say('M', "<>\0");
    $milter->say('R', "<app\@example.net>\0");
    $milter->say('L', join "\0", (split /: /, $_, 2), '') for split /\n(?![ \t])/, $headers;
    $milter->say('N');
    $milter->say('B', $body =~ s/\n/\r\n/gr);
    return $milter;
}

my @reports  = map { begin(report($_)) } 1 .. REPORTS;
my @ordinary = map { $proof->connect('192.0.2.77', "mx$_.sender.test") } 1 .. ORDINARY;
sleep 3;    # libmilter lets threads go that have nothing to do
my $began = time;
for my $i (0 .. $#reports) {
    $reports[$i]->send('E');
    $ordinary[$i / 4]->send('M', "<a\@b.test>\0") if $i % 4 == 3;
}
# Without a common end the last one waits for a minute and more.
is_deeply [map { ($_->answer(60))[0] } @ordinary], [('c') x ORDINARY], 'ordinary mail is answered';
cmp_ok time - $began, '<', 30, '... while reports are judged';
is_deeply [map { ($_->answer(60))[0] } @reports], [('a') x REPORTS], 'the reports too';

# The last of them is genuine: its message comes into the ledger just now.
my $out = $proof->connect(OWN, 'app.example.net');
my $number = REPORTS;
is $proof->leave($out, id => "<burst$number.$$\@example.net>", rcpts => ["r$number\@silent.test"], sign => 0)->{answer},
    'a', 'its message has left';
ok wait_for(sub { grep { $_->{recipient} eq "r$number\@silent.test" } $daemon->dump_json('--events') }, 60),
    'it is an event, when the ledger has had its time';
my @events = $daemon->dump_json('--events');
is scalar @events, 1, '... the only one';
is $events[0]{proof}, 'ledger', '... proven';

# A stop judges what is left, as well as that goes without time.
my @more = map { begin(report($_)) } REPORTS + 1 .. REPORTS + 10;
is $_->say('E'), 'a', 'another one' for @more;
$daemon->stop;
is $daemon->status, 0, 'the daemon ends';
my %seen = map { $_->{recipient} => 1 } $daemon->dump_json('--unverified');
is_deeply [grep { !$seen{"r$_\@silent.test"} } 1 .. REPORTS - 1, REPORTS + 1 .. REPORTS + 10], [],
    'every other report is there, unverified';
is scalar($daemon->dump_json), 0 + grep({ $_->{decision} eq 'suppress' } @events), 'nobody is suppressed but by the event';

# Who is to be refused is never judged later: the client tries again.
$daemon = $proof->{daemon} = BM::Daemon->new(dir => tempdir(), log => 'none',
    conf => { %conf, 'reject-unverified' => 'yes' })->start;
my $strict = begin(report(1000));
my ($answer, $reply) = $strict->send('E')->answer(60);
is $answer, 'y', 'with reject-unverified it is answered';
like $reply, qr/^451 4\.3\.0 /, '... come again';
$daemon->stop;

done_testing;
