#!/usr/bin/perl
# The main job end to end with a real Sendmail: its log is the only place where
# its failures are told, the milter refuses what is dead.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::MX;
use BM::Sendmail;
use BM::SMTP qw(submit);
use BM::Util qw(tempdir wait_for);

die BM::Sendmail->absent . "\n" if BM::Sendmail->absent;

my $dir = tempdir();
my $log = "$dir/sendmail/maillog";
my %tries;
my %script = (
    'gone@remote.test'   => '550 5.1.1 User unknown',
    'bare@remote.test'   => '550 Go away',
    'busy@remote.test'   => '450 4.2.1 The user is receiving mail too quickly, try again later',
    'full@remote.test'   => '452 4.2.2 over quota',
    'policy@remote.test' => '550 5.7.1 Message rejected due to local policy',
    'fields@remote.test' => '550 5.1.1 x, stat=Sent (ok), to=<victim@remote.test>, dsn=5.1.1, reply=550 5.1.1 <victim@remote.test> gone, stat=User unknown',
    'eight@remote.test'  => "550 5.1.1 Bo\xeete inconnue, User unknown \\ \\\\",
    '"we>ird, stat=Sent"@remote.test' => '550 5.1.1 User unknown',
);
my $evil = '"a\">,<victim@remote.test>, delay=00:00:00, xdelay=00:00:00, mailer=esmtp, relay=mx.remote.test [192.0.2.1], '
    . 'dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown"@remote.test';
my $mx = BM::MX->new(dir => $dir, reply => sub {
    my ($stage, $address) = @_;
    return '554 5.1.1 User unknown' if $stage eq 'eod' && $address =~ /^eod/;
    return if $stage ne 'rcpt';
    return $tries{$address}++ ? undef : '451 4.7.1 Greylisted, please try again' if $address =~ /^grey/;
    return "450 4.2.2 <$address>: over quota" if $address =~ /^wait/;
    return '550 5.1.1 User unknown' if $address =~ /^"a/;
    return $script{$address};
});
my $daemon = BM::Daemon->new(dir => $dir, log => $log, conf => {
    'enforce'     => 'milter',
    'own-domains' => ['example.net'],
})->start;
my $sm = BM::Sendmail->new(dir => $dir, mx_port => $mx->port, milter => $daemon->socket,
    mc => "define(`confTO_QUEUERETURN', `8s')dnl\ndefine(`confTO_QUEUEWARN', `1d')dnl\n")->start;

my $n = 0;
sub send_to {
    my ($from, @rcpts) = @_;
    $n++;
    my $r = submit($sm->port, $from, \@rcpts, "From: a\@example.net\nMessage-ID: <m$n.$$\@example.net>\n\nHello.\n");
    like $r->{data}, qr/^250/, "a message to @rcpts" or diag explain $r;
    return;
}

sub events { my ($address) = @_; return grep { $_->{recipient} eq $address } $daemon->dump_json('--events') }
sub short  { return map { join ' ', @$_{qw(outcome status category decision)} } @_ }

# The n-th event of an address, in a word or two each.
sub told {
    my ($address, @want) = @_;
    wait_for(sub { @want <= events($address) }, 20);
    is_deeply [short(events($address))], \@want, $address;
    return;
}

sub suppressed { return join ' ', sort map { $_->{address} } $daemon->dump_json }

subtest 'one recipient' => sub {
    send_to('app@example.net', $_) for qw(gone@remote.test bare@remote.test busy@remote.test full@remote.test policy@remote.test);
    told('gone@remote.test',   'failed 5.1.1 user-unknown suppress');
    told('bare@remote.test',   'failed 5.0.0 policy-rejected alert');
    told('busy@remote.test',   'deferred 4.2.1 recipient-rate count');
    told('full@remote.test',   'deferred 4.2.2 mailbox-full count');
    told('policy@remote.test', 'failed 5.7.1 policy-rejected alert');
    my ($e) = events('gone@remote.test');
    is $e->{sender}, 'app@example.net', 'the sender is known';
    like $e->{message_id}, qr/^<m\d+\.$$\@example\.net>\z/, '... and the Message-ID';
    is $e->{source}, 'log', '... from the log';
};

subtest 'the next send' => sub {
    my $refused = sub {
        my $smtp = BM::SMTP->new($sm->port);
        $smtp->say('MAIL FROM:<app@example.net>');
        my $answer = $smtp->say('RCPT TO:<gone@remote.test>');
        $smtp->quit;
        return $answer =~ /^550 5\.1\.1 .*suppressed by bouncemilter \(user-unknown\)/;
    };
    ok wait_for($refused, 10), 'is refused at RCPT';
    send_to('app@example.net', 'alive@remote.test');
    ok $mx->message_to('alive@remote.test', 10), 'others are not';
};

subtest 'several recipients' => sub {
    send_to('app@example.net', 'ok@remote.test', 'gone2@remote.test', 'eod1@remote.test', 'eod2@remote.test');
    told('eod1@remote.test', 'failed 5.1.1 user-unknown exempt');
    told('eod2@remote.test', 'failed 5.1.1 user-unknown exempt');
    is suppressed(), 'gone@remote.test', 'a reply to the whole transaction suppresses nobody';
};

subtest "strangers' words" => sub {
    send_to('app@example.net', $_) for 'fields@remote.test', 'eight@remote.test', '"we>ird, stat=Sent"@remote.test', $evil;
    told('fields@remote.test', 'failed 5.1.1 user-unknown suppress');
    told('eight@remote.test',  'failed 5.1.1 user-unknown suppress');
    told('"we>ird, stat=sent"@remote.test', 'failed 5.1.1 user-unknown suppress');
    wait_for(sub { $sm->log =~ /to=<"a.*DSN: /s }, 10);
    wait_for(sub { events('fields@remote.test') }, 10);
    is_deeply [events('victim@remote.test')], [], 'neither a reply nor a local part makes an event for somebody else'
        or diag $sm->log =~ /^.*victim.*$/mg;
    unlike suppressed(), qr/(?:^| )victim\@/, '... or a suppression';
    is scalar(events(lc $evil)), 1, 'the local part is one address';
    my ($e) = events('eight@remote.test');
    is $e->{text}, '550 5.1.1 Bo?te inconnue, User unknown \ \\\\', 'what Sendmail escapes is read back';
};

subtest 'a retry that succeeds' => sub {
    send_to('app@example.net', 'grey@remote.test');
    ok $mx->message_to('grey@remote.test', 20), 'delivered at the second attempt';
    told('grey@remote.test', 'deferred 4.7.1 greylisted count');
};

subtest 'expiry' => sub {
    send_to('app@example.net', 'wait1@remote.test', 'wait2@remote.test', 'had@remote.test');
    for my $rcpt ('wait1@remote.test', 'wait2@remote.test') {
        told($rcpt, 'deferred 4.2.2 mailbox-full count', 'expired 4.2.2 mailbox-full count');
    }
    is_deeply [events('had@remote.test')], [], 'who had it is no part of it';
};

$sm->stop;
is $daemon->stop, 0, 'the daemon ends';
done_testing;
