#!/usr/bin/perl
# Who is believed. A report from the network acts only if a trusted reporter
# brings it; a report of our own Postfix acts, one by sendmail(1) does not.

use strict;
use warnings;
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::SMTP;
use BM::Site;
use BM::Util qw(wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

my $forgeries = $ENV{BM_SOAK} ? 10_000 : 1_000;
my $site = BM::Site->new(
    main => {
        mynetworks    => '127.0.0.1/32',
        relay_domains => 'example.net',
    },
    conf => { 'trusted-reporters' => ['127.0.0.2'] },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);

# A report of every shape that a stranger might try.
sub forgery {
    my ($i) = @_;
    my $victim = "victim$i\@remote.test";
    my %r = (recipients => [{ final => $victim }]);
    my $shape = $i % 8;
    $r{recipients} = [{ final => "other$i\@remote.test", original => $victim }] if $shape == 1;
    $r{recipients} = [map { { final => "$_.$victim" } } qw(a b c)]              if $shape == 2;
    $r{original_id} = '<newsletter@example.net>'                                if $shape == 3;
    $r{headers} = "Auto-Submitted: auto-replied\nX-Postfix-Queue-ID: 809DCA881A0\n" if $shape == 4;
    $r{arrival} = 'Fri, 20 Nov 2026 15:02:18 +0000 (UTC)'                       if $shape == 5;
    my $text = $site->report(%r);
    $text =~ s/^Diagnostic-Code: .*\n//m if $shape == 6;
    $text =~ s/^/Received: from localhost (localhost [127.0.0.1])\n/ if $shape == 7;
    return $text;
}

subtest "$forgeries forged reports from a stranger" => sub {
    my $accepted = 0;
    for my $source ('127.0.0.66', '127.0.0.67') {
        my $smtp = BM::SMTP->new($pf->port, source => $source);
        for my $i (1 .. $forgeries / 2) {
            $accepted++ if $smtp->transaction('', ['app@example.net'], forgery($i))->{data} =~ /^250/;
        }
        $smtp->quit;
    }
    is $accepted, $forgeries, 'all taken: a report is mail';
    is $site->wait_counter(qr/^reports_total\{proof="none"\}/, $forgeries, 30), $forgeries, 'all counted';
    is_deeply [$site->suppressed], [], 'nobody is suppressed';
    is_deeply [$site->events], [], 'no event';
    my @ring = $site->unverified;
    cmp_ok scalar @ring, '>=', $forgeries, 'kept in a ring of their own';
    is_deeply [grep { $_->{decision} ne 'unproven' } @ring], [], 'as unproven';
    is_deeply [map { $site->keys_of($_) } qw(access transport)], [], 'no key in a table';
};

subtest 'a login, a name or an own network make no report true' => sub {
    # An own client may relay, and may be a web form with a null sender.
    my $r = $site->submit('', ['app@example.net'], $site->report(recipients => [{ final => 'own@remote.test' }]));
    like $r->{data}, qr/^250/, 'from 127.0.0.1';
    $r = $site->submit('MAILER-DAEMON@example.net', ['app@example.net'],
        $site->report(recipients => [{ final => 'own2@remote.test' }]), source => '127.0.0.66', helo => 'localhost');
    like $r->{data}, qr/^250/, 'as localhost';
    ok wait_for(sub { 1 == $site->unverified('--address', 'own@remote.test') }, 10), 'unverified';
    is_deeply [$site->suppressed], [], 'nobody is suppressed';
};

subtest 'a trusted reporter' => sub {
    my $text = $site->report(recipients => [{ final => 'gone@remote.test' }]);
    like $site->submit('', ['app@example.net'], $text, source => '127.0.0.2')->{data}, qr/^250/, 'taken';
    # 250 means that it is on the record: no wait here.
    my ($e) = $site->events('gone@remote.test');
    is $e->{decision}, 'suppress', 'acts';
    is $e->{proof},  'relay',     'proof';
    is $e->{source}, 'net',       'lane';
    is $e->{client}, '127.0.0.2', 'client';
    like $site->submit('', ['app@example.net'], $text, source => '127.0.0.2')->{data}, qr/^250/, 'replayed'
        for 1 .. 3;
    is $site->events('gone@remote.test'), 1, 'one event';
    is $site->counter(qr/^repeated_reports_total/), 3, 'three repetitions';
    like $site->submit('', ['app@example.net'], $text, source => '127.0.0.66')->{data}, qr/^250/, 'copied by a stranger';
    is $site->events('gone@remote.test'), 1, 'still one event';
};

subtest 'whose address a trusted report is about' => sub {
    my $send = sub { $site->submit('', ['app@example.net'], $site->report(@_), source => '127.0.0.2') };
    $send->(recipients => [{ final => 'rewritten@internal.remote.test', original => 'asked@remote.test' }]);
    is $site->events('asked@remote.test'), 0, 'not what a client may have typed as ORCPT';
    is $site->events('rewritten@internal.remote.test'), 0, 'nor what a relay made of it';
    $send->(recipients => [{ final => 'outside@remote.test', original => 'alias@example.net' }]);
    is $site->events('outside@remote.test'), 1, 'what we made of our own alias';
    $send->(recipients => [{ final => 'boss@example.net' }]);
    is +($site->events('boss@example.net'))[0]{decision}, 'exempt', 'never one of our own domains';
    $send->(recipients => [{ final => 'postmaster@remote.test' }]);
    is +($site->events('postmaster@remote.test'))[0]{decision}, 'exempt', 'never a postmaster';
    $send->(recipients => [{ final => 'not an address' }]);
    is_deeply [grep { !/^[^@]+@[^@]+$/ } $site->suppressed], [], 'never what is no address';
};

subtest 'our own Postfix' => sub {
    $site->send_each('app@example.net', '550.5.1.1@remote.test');
    my $e = $site->event('550.5.1.1@remote.test');
    is $e->{decision}, 'suppress', 'acts';
    is $e->{source},   'local',    'lane';
    is $e->{client},   '',         'no client';
};

sub forge_by_sendmail {
    my ($s, $victim) = @_;
    # As good as it gets: the name of the MTA, and a queue id.
    my $text = $s->report(recipients => [{ final => $victim }], headers => "Auto-Submitted: auto-replied\n");
    my ($name) = $s->pf->postconf('myhostname');
    $text =~ s/^Reporting-MTA:.*\n/Reporting-MTA: dns; $name\nX-Postfix-Queue-ID: 4711AB\n/m;
    my ($status, $err) = $s->pf->sendmail('-f', '', 'app@example.net', $text);
    is $status, 0, 'sendmail' or diag $err;
    return;
}

subtest 'sendmail(1) with a cleanup service of its own' => sub {
    forge_by_sendmail($site, 'shell1@remote.test');
    ok wait_for(sub { 1 == $site->unverified('--address', 'shell1@remote.test') }, 10), 'unverified';
    is $site->events('shell1@remote.test'), 0, 'no event';
    $site->send_each('app@example.net', 'after.550.5.1.1@remote.test');
    is $site->event('after.550.5.1.1@remote.test')->{decision}, 'suppress', "and Postfix's own still act";
};

subtest 'sendmail(1), trust-local = all' => sub {
    $daemon->configure({ 'trusted-reporters' => ['127.0.0.2'], 'trust-local' => 'all' })->reload;
    ok $daemon->wait_log(qr/configuration read again/), 'reload';
    forge_by_sendmail($site, 'shell2@remote.test');
    is $site->event('shell2@remote.test')->{decision}, 'suppress', 'acts';
};

subtest 'ordinary mail' => sub {
    my $text = "From: a\@remote.test\nTo: app\@example.net\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\nX-Odd: \t two\n  lines\n"
        . "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n.\n..dots\n\ttab  \n--x--\n";
    my %from = (own => '127.0.0.1', outside => '127.0.0.66', trusted => '127.0.0.2');
    for my $who (sort keys %from) {
        for my $sender ("$who\@remote.test", '') {
            my $rcpt = ($sender eq '' ? 'null.' : '') . "$who\@example.net";
            my $r = $site->submit($sender, [$rcpt], $text, source => $from{$who});
            like $r->{data}, qr/^250/, "$who, from <$sender>: accepted";
            my $m = $mx->message_to($rcpt, 10) || { data => '' };
            is $m->{data} =~ s/\A(?:Received:.*\n(?:\s.*\n)*|Message-Id:.*\n|Date:.*\n)+//ir =~ s/^Message-Id:.*\n//mir
                =~ s/^Date:.*\n//mr, $text, 'unchanged';
        }
    }
    my ($status) = $pf->sendmail('-i', '-f', 'local@example.net', 'bysendmail@remote.test', $text);
    is $status, 0, 'sendmail';
    my $m = $mx->message_to('bysendmail@remote.test', 10) || { data => '' };
    like $m->{data}, qr/\Q--x\E\n\n\.\n\.\.dots\n\ttab  \n--x--\n\z/, 'unchanged';
};

subtest 'the daemon says nothing it should not' => sub {
    is $daemon->stop, 0, 'a clean end';
    unlike $daemon->own_log, qr/error|alert|panic/i, 'no error' or diag $daemon->log;
};

subtest 'pickup without a cleanup service of its own, no log' => sub {
    my $plain = BM::Site->new(postfix => { separate_pickup => 0 }, main => { relay_domains => 'example.net' });
    ok $plain->daemon->wait_log(qr/sendmail\(1\) mail cannot be told from Postfix's own reports.* They act all the same/),
        'start-up warns';
    $plain->send_each('app@example.net', '550.5.1.1@remote.test');
    is $plain->event('550.5.1.1@remote.test')->{decision}, 'suppress', "Postfix's own reports act";
    forge_by_sendmail($plain, 'shell3@remote.test');
    is $plain->event('shell3@remote.test')->{decision}, 'suppress', 'and so does a forged one, as was said';
    unlike $daemon->log, qr/cannot be told/, 'with one, it does not warn';
};

subtest 'pickup without a cleanup service of its own, but a log' => sub {
    my $plain = BM::Site->new(log => 'default', postfix => { separate_pickup => 0 }, main => { relay_domains => 'example.net' });
    ok $plain->daemon->wait_log(qr/cannot be told from Postfix's own reports.* They act where the mail log confirms them/),
        'start-up says so';
    forge_by_sendmail($plain, 'shell4@remote.test');
    ok wait_for(sub { 1 == $plain->unverified('--address', 'shell4@remote.test') }, 10), 'a forged report is unverified';
    $plain->send_each('app@example.net', '550.5.1.1@remote.test');
    my $e = $plain->event('550.5.1.1@remote.test');
    is $e->{decision}, 'suppress', 'what Postfix reports acts';
    is $e->{source},   'log',      'because its log says so';
    # Both reports have passed, and the log was read to here.
    ok $plain->wait_counter(qr/^reports_total/, 2) >= 2, 'the report has passed too';
    is $plain->events, 1, 'one event, none for the forged one';
    is_deeply [$plain->suppressed], ['550.5.1.1@remote.test'], 'one suppression';
    $plain->daemon->stop;
    $plain->daemon->configure({ log => { none => 'yes' } })->start;
    forge_by_sendmail($plain, 'shell5@remote.test');
    is $plain->event('shell5@remote.test')->{decision}, 'suppress', 'without the log it acts as before';
};

done_testing;
