#!/usr/bin/perl
# Complaints at a real Postfix: what "this is spam" leads to, and what it does
# not touch.
#
# What makes this test fail: a complaint that gets into the tables of the other
# mail, or not into its own; a recipient who is suppressed although the report
# does not say that it was him; a report with a sender that the milter lets pass
# unread (report_is_candidate()).

use strict;
use warnings;
use Test::More;
use BM::Postfix;
use BM::Site;
use BM::Util qw(tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

use constant { REPORTER => '127.0.0.2', STRANGER => '127.0.0.3' };

my $dir  = tempdir();
my %conf = ('trusted-reporters' => [REPORTER], 'never-suppress' => ['vip@remote.test']);
my $site = BM::Site->new(
    dir     => $dir,
    postfix => { services => [{}, { opts => ['smtpd_recipient_restrictions=$bulk_restrictions'] }] },
    main    => {
        mynetworks        => '127.0.0.1/32',
        relay_domains     => 'example.net',
        bulk_restrictions => "check_recipient_access lmdb:$dir/state/access,"
            . " check_recipient_access lmdb:$dir/state/complaint-access, permit_mynetworks, reject",
    },
    conf => \%conf,
);
my ($pf, $daemon) = ($site->pf, $site->daemon);
my $words = '550 5.7.1 suppressed by bouncemilter (complaint)';

# A feedback report (RFC 5965). Options: type, rcpt (a list; Original-Rcpt-To),
# to (of the returned message), id (its Message-ID), sender (its author), fields.
my $number = 0;

sub feedback {
    my (%r) = @_;
    $number++;
    my $type   = $r{type}   // 'abuse';
    my $id     = $r{id}     // "<campaign$number.$$\@example.net>";
    my $sender = $r{sender} // 'news@example.net';
    my $fields = join '', map { "Original-Rcpt-To: <$_>\n" } @{ $r{rcpt} || [] };
    $fields .= $r{fields} // '';
    my $to = $r{to} // 'Undisclosed Recipients:;';
    return <<"END";
From: feedback\@provider.test
To: abuse\@example.net
Subject: FW: News
Message-ID: <feedback$number.$$\@provider.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b0undary"

--b0undary
Content-Type: text/plain

This is an email abuse report for an email message received from IP 192.0.2.5.

--b0undary
Content-Type: message/feedback-report

Feedback-Type: $type
User-Agent: Provider/1.0
Version: 1
Original-Mail-From: <$sender>
$fields
--b0undary
Content-Type: message/rfc822

From: News <$sender>
To: $to
Subject: News
Message-ID: $id

Hello.
--b0undary--
END
}

# Hand it in as a feedback loop does: from a trusted host, with a sender.
sub hand_in {
    my ($message, %opt) = @_;
    my $r = $site->submit($opt{from} // 'fbl@provider.test', ['abuse@example.net'], $message,
        source => $opt{source} // REPORTER);
    like $r->{data}, qr/^250/, 'accepted' or diag explain $r;
    return;
}

sub complain { my (%r) = @_; return hand_in(feedback(%r)) }

# Wait until whatever was handed in before is done.
sub fence {
    my $address = sprintf 'fence%d@remote.test', ++$number;
    complain(rcpt => [$address]);
    ok $site->event($address)->{time}, 'the next one is on the record';
    return;
}

sub table_of { my ($address) = @_; return map { $_->{table} } grep { $_->{address} eq $address } $daemon->dump_json }

subtest 'a complaint' => sub {
    my $rcpt = 'jo@remote.test';
    complain(rcpt => ['Jo@Remote.Test']);
    my $e = $site->event($rcpt);
    is_deeply [@$e{qw(outcome category class decision table proof source sender)}],
        [qw(complaint complaint complaint suppress complaint relay net news@example.net)], 'the event';
    is $e->{text}, 'abuse: This is an email abuse report for an email message received from IP 192.0.2.5.', 'its words';
    ok wait_for(sub { $site->published($rcpt, 'complaint-access') }, 10), 'published';
    is $site->published($rcpt, 'complaint-access'),    $words, 'complaint-access';
    is $site->published($rcpt, 'complaint-transport'), $words =~ s/^550 /error:/r, 'complaint-transport';
    is $site->published($rcpt, $_), undef, "not in $_" for qw(access transport);
    ok wait_for(sub { $site->rcpt_answer($rcpt, port => $pf->port(1)) =~ /^550 5\.7\.1 .*suppressed by bouncemilter \(complaint\)/ }, 10),
        'the bulk service refuses, in these words';
    like $site->rcpt_answer($rcpt), qr/^250/, 'any other mail is let through';
    like $site->submit('app@example.net', [$rcpt], $site->message('password'))->{data}, qr/^250/, '... to the end';
    ok $site->mx->message_to($rcpt, 10), '... and delivered';
    like $daemon->dump('--explain', $rcpt), qr/^jo\@remote\.test is suppressed\n +table +complaint\n/, 'dump explains';
    my ($row) = grep { $_->{domain} eq 'example.net' && $_->{provider} eq 'remote.test' } $daemon->dump_json('--rates');
    is $row->{complaints}, 1, 'it is in the rates';
};

subtest 'types and forms' => sub {
    for my $type (qw(fraud virus other opt-out miscategorized)) {
        complain(type => $type, rcpt => ["$type\@remote.test"]);
        is_deeply [@{ $site->event("$type\@remote.test") }{qw(decision table)}], [qw(suppress complaint)], $type;
    }
    complain(type => 'opt-out', rcpt => ['everybody@remote.test'],
        fields => "Removal-Recipient: out1\@remote.test\nRemoval-Recipient: out2\@remote.test\n");
    is $site->event("out$_\@remote.test")->{decision}, 'suppress', "opt-out of $_" for 1, 2;
    is_deeply [$site->events('everybody@remote.test')], [], '... and of nobody else';
    # Microsoft's has a sender, and a Content-Type as any mail.
    hand_in(<<"END");
From: <staff\@hotmail.com>
To: abuse\@example.net
Subject:  complaint about message from 192.0.2.5
Message-ID: <jmrp.$$\@provider.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b0undary"

--b0undary
Content-Type: message/rfc822

X-HmXmrOriginalRecipient: jmrp\@remote.test
From: News <news\@example.net>
To: Subscribers <list\@example.net>
Message-ID: <jmrp-campaign.$$\@example.net>

Hello.
--b0undary--
END
    is_deeply [@{ $site->event('jmrp@remote.test') }{qw(category decision table)}], [qw(complaint suppress complaint)], 'JMRP';
};

subtest 'what suppresses nobody' => sub {
    my @before = $site->suppressed;
    my $notices = $site->counter(qr/^notices_total\{kind="auth-failure"\}/);
    complain(type => 'not-spam',     rcpt => ['friend@remote.test']);
    complain(type => 'auth-failure', rcpt => ['forged@remote.test'], fields => "Auth-Failure: dmarc\n");
    complain(rcpt => ['redacted@remote.test'], sender => 'news@redacted.test');
    complain(rcpt => ['one@remote.test', 'two@remote.test']);
    complain(to => 'guess@remote.test');
    complain(rcpt => ['own@example.net']);
    complain(rcpt => ['vip@remote.test']);
    complain(rcpt => ['abuse@remote.test']);
    fence();
    my @is = grep { !/^fence/ } $site->suppressed;
    is_deeply \@is, [grep { !/^fence/ } @before], 'nobody more is suppressed';
    is_deeply [$site->events('friend@remote.test'), $site->events('forged@remote.test')], [], 'not-spam, auth-failure: no event';
    is $site->wait_counter(qr/^notices_total\{kind="auth-failure"\}/, $notices + 1), $notices + 1, '... the latter counted';
    my ($redacted) = $site->events('');
    is_deeply [@$redacted{qw(category decision reason final_recipient)}],
        ['complaint', 'exempt', 'no certain address', 'redacted@remote.test'], 'redacted: kept, and of nobody';
    my ($sum) = grep { $_->{domain} eq 'redacted.test' && $_->{provider} eq '(all)' } $daemon->dump_json('--rates');
    is $sum->{complaints}, 1, '... and in the rates';
    for my $c (['one', 'whole transaction'], ['two', 'whole transaction'], ['guess', 'recipient not named by a mail system'],
        ['vip', 'own domain or never-suppress'], ['abuse', 'own domain or never-suppress']) {
        my $e = $site->event("$c->[0]\@remote.test");
        is_deeply [@$e{qw(decision reason)}], ['exempt', $c->[1]], $c->[0];
    }
    is $site->event('own@example.net')->{decision}, 'exempt', 'a user of our own';
};

subtest 'from a stranger' => sub {
    my $before = $site->events;
    hand_in(feedback(rcpt => ['victim@remote.test']), source => STRANGER);
    hand_in(feedback(rcpt => ['victim2@remote.test']), source => STRANGER, from => '');
    for my $rcpt ('victim@remote.test', 'victim2@remote.test') {
        my ($e) = wait_for(sub { grep { $_->{recipient} eq $rcpt } $site->unverified }, 10);
        is_deeply [map { ($site->unverified('--address', $rcpt))[0]{$_} } qw(category decision)], [qw(complaint unproven)],
            'kept as unverified';
        ok !$site->is_suppressed($rcpt), 'not suppressed';
    }
    is $site->events, $before, 'no event';
};

subtest 'the same complaint again' => sub {
    my $message  = feedback(rcpt => ['twice@remote.test'], id => "<twice.$$\@example.net>");
    my $repeated = $site->counter(qr/^repeated_reports_total/);
    hand_in($message);
    is $site->event('twice@remote.test')->{decision}, 'suppress', 'the first';
    hand_in($message);
    complain(rcpt => ['twice@remote.test'], id => "<twice.$$\@example.net>");
    is $site->wait_counter(qr/^repeated_reports_total/, $repeated + 2), $repeated + 2, 'the others are recognised';
    complain(rcpt => ['twice@remote.test']);
    is $site->event('twice@remote.test', 2)->{reason}, 'already suppressed', 'one about another message is an event';
    is scalar($site->events('twice@remote.test')), 2, 'two events';
};

subtest 'a bounce and a complaint' => sub {
    my $rcpt = 'both.550.5.1.1@remote.test';
    complain(rcpt => [$rcpt]);
    is $site->event($rcpt)->{decision}, 'suppress', 'the complaint';
    $site->send_each('app@example.net', $rcpt);
    is $site->event($rcpt, 2)->{decision}, 'suppress', 'the bounce suppresses too';
    is_deeply [sort { $a cmp $b } table_of($rcpt)], [qw(complaint main)], 'each in its table';
    ok $site->wait_published($rcpt), 'published';
    like $site->published($rcpt), qr/\(user-unknown\)/, 'access';
    like $site->published($rcpt, 'complaint-access'), qr/\(complaint\)/, 'complaint-access';
};

# Until what is configured is in force.
sub configure {
    my (%more) = @_;
    $daemon->configure({ %conf, %more }, $pf);
    my $before = () = $daemon->log =~ /configuration read again/g;
    $daemon->reload;
    return wait_for(sub { (() = $daemon->log =~ /configuration read again/g) > $before }, 10);
}

subtest 'one table for all' => sub {
    ok configure('category complaint' => { table => 'main' }), 'reloaded' or diag $daemon->log;
    complain(rcpt => ['merged@remote.test']);
    is $site->event('merged@remote.test')->{table}, 'main', 'the event';
    ok $site->wait_published('merged@remote.test'), 'published';
    is $site->published('merged@remote.test'), $words, 'access';
    is $site->published('merged@remote.test', 'complaint-access'), undef, 'not in complaint-access';
};

subtest 'the brake' => sub {
    ok configure('max-suppressions' => '1/1h'), 'reloaded';
    complain(rcpt => ['last@remote.test']);
    ok $site->event('last@remote.test')->{time}, 'one is let through at most';
    complain(rcpt => ['held@remote.test']);
    is_deeply [@{ $site->event('held@remote.test') }{qw(decision reason)}], [qw(hold max-suppressions)], 'held';
    ok !$site->is_suppressed('held@remote.test'), 'not suppressed';
    my ($held) = $daemon->dump_json('--held');
    is_deeply [@$held{qw(address state table category)}], [qw(held@remote.test held complaint complaint)], 'it is shown';
    my ($status, undef, $err) = $daemon->suppress('--release');
    is $status, 0, 'released' or diag $err;
    ok wait_for(sub { $site->published('held@remote.test', 'complaint-access') eq $words }, 10), 'into complaint-access';
    is $site->published('held@remote.test'), undef, '... alone';
};

subtest 'the books agree' => sub {
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is $status, 0, 'verify' or diag "$out$err";
    is $daemon->stop, 0, 'a clean end' or diag $daemon->log;
};

done_testing;
