#!/usr/bin/perl
# Bounces that have no delivery status, through a real Postfix: what a trusted
# reporter brings acts, and a stranger's words in it name nobody but whom the
# reporter names. Ordinary mail that looks like one passes, and comes to nothing.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::Site;
use BM::Util qw(wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $site = BM::Site->new(
    main => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net' },
    conf => { 'trusted-reporters' => ['127.0.0.2'] },
);
my ($pf, $daemon) = ($site->pf, $site->daemon);

sub notice {
    my (%n) = @_;
    return <<"EOT" . ($n{returned} // "--- Below this line is a copy of the message.\n\nReturn-Path: <app\@example.net>\nMessage-ID: <1\@example.net>\nFrom: app\@example.net\nTo: <$n{to}>\n\nbody\n");
From: @{[$n{from} // 'MAILER-DAEMON@relay.test']}
To: app\@example.net
Subject: @{[$n{subject} // 'failure notice']}
Message-ID: <notice-@{[++our $number]}\@relay.test>
@{[$n{fields} // '']}
Hi. This is the qmail-send program at relay.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

$n{text}
EOT
}

# By the trusted reporter, if nobody else is named.
sub bring {
    my ($text, %how) = @_;
    return $site->submit($how{sender} // '', ['app@example.net'], $text, source => $how{source} // '127.0.0.2')->{data};
}

subtest 'a trusted reporter without delivery status' => sub {
    like bring(notice(to => 'gone@remote.test', text => "<gone\@remote.test>:\n"
        . "192.0.2.25 does not like recipient.\nRemote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.25.\n\n")),
        qr/^250/, 'taken';
    my $e = $site->event('gone@remote.test');
    is "$e->{source} $e->{outcome} $e->{stage} $e->{code} $e->{status} $e->{category} $e->{decision}",
        'net failed rcpt 550 5.1.1 user-unknown suppress', 'understood';
    is $e->{message_id}, '<1@example.net>', 'the message it is about';
    is $e->{text}, '550 5.1.1 User unknown', 'the words';
    ok $site->wait_published('gone@remote.test'), 'published';
    like bring(notice(from => 'postmaster@relay.test', sender => 'x', to => 'gone2@remote.test',
        text => "<gone2\@remote.test>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"), sender => 'postmaster@relay.test'),
        qr/^250/, 'one with a sender';
    is $site->event('gone2@remote.test')->{decision}, 'suppress', 'counts as well';
};

subtest 'several recipients, several reasons' => sub {
    bring(notice(to => 'x', text => "<two1\@remote.test>:\nRemote host said: 550 5.1.1 User unknown\n\n"
        . "<two2\@remote.test>:\nRemote host said: 552 5.2.2 Mailbox full\n\n"
        . "<two3\@remote.test>:\nRemote host said: 550 5.7.1 [192.0.2.9] is listed at zen.spamhaus.org\n\n"));
    is_deeply { map { my $e = $site->event("$_\@remote.test"); $_ => "$e->{category} $e->{decision}" } qw(two1 two2 two3) },
        { two1 => 'user-unknown suppress', two2 => 'mailbox-full count', two3 => 'ip-blocklisted alert' }, 'each its own';
};

subtest 'a remote server that names a victim in its reply' => sub {
    my @tricks = (
        "<t1\@remote.test>:\nRemote host said: 550-5.1.1 one\n550-<victim\@remote.test>: User unknown\n550 5.1.1 <victim\@remote.test>:\n\n",
        "<t2\@remote.test>: host mx.test[192.0.2.1] said: 550 5.1.1 no\n    <victim\@remote.test>: 550 5.1.1 User unknown\n\n",
        "  t3\@remote.test\n    host mx.test [192.0.2.1]: 550 5.1.1 no\n    victim\@remote.test\n      550 5.1.1 User unknown\n\n",
        "<t4\@remote.test>: 550 5.1.1 User unknown: victim\@remote.test, <victim\@remote.test>; To: victim\@remote.test\n\n",
    );
    bring(notice(to => 'x', text => $_)) for @tricks;
    for my $n (1 .. 4) {
        my $e = $site->event("t$n\@remote.test");
        is $e->{status}, '5.1.1', "t$n is recorded";
    }
    is_deeply [$site->events('victim@remote.test')], [], 'nobody else';
    ok !$site->is_suppressed('victim@remote.test'), '... is suppressed';
};

subtest 'a recipient that stands in the returned message alone' => sub {
    bring(notice(to => 'hidden@remote.test', text => "Remote host said: 550 5.1.1 User unknown\n\n"));
    my $e = $site->event('hidden@remote.test');
    is "$e->{category} $e->{decision}", 'user-unknown exempt', 'is recorded, and never acted upon';
    like $e->{reason}, qr/not named/, 'and why';
};

subtest 'a stranger' => sub {
    like bring(notice(to => 'forged@remote.test', text => "<forged\@remote.test>:\n550 5.1.1 User unknown\n\n"),
        source => '127.0.0.66'), qr/^250/, 'taken';
    ok wait_for(sub { 1 == $site->unverified('--address', 'forged@remote.test') }, 10), 'unverified';
    ok !$site->is_suppressed('forged@remote.test'), 'not suppressed';
};

subtest 'what is no bounce' => sub {
    my %mail = (
        'an answer to a bounce' => "From: ann\@relay.test\nSubject: Re: failure notice\n\n> <no1\@remote.test>:\n> 550 5.1.1 User unknown\n",
        'an answering machine'  => "From: ann\@relay.test\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nAsk\nno1\@remote.test\n",
        'a receipt' => "From: ann\@relay.test\nSubject: Read: hello\nContent-Type: multipart/report; boundary=b;\n report-type=disposition-notification\n\n--b\n\nYour message was deleted\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;no1\@remote.test\nDisposition: manual-action; deleted\n--b--\n",
        'a newsletter' => "From: news\@relay.test\nSubject: Delivery failed? Not with us\n\nno1\@remote.test could not be delivered: user unknown.\n",
    );
    for my $name (sort keys %mail) {
        like bring($mail{$name}, sender => $name =~ /newsletter|answer to/ ? 'ann@relay.test' : ''), qr/^250/, "$name passes";
    }
    is_deeply [$site->events('no1@remote.test')], [], 'no event';
    ok !$site->unverified('--address', 'no1@remote.test'), '... of any kind';
};

is $daemon->stop, 0, 'a clean end' or diag $daemon->log;
done_testing;
