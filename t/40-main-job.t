#!/usr/bin/perl
# The main job at a real Postfix: what each answer of a remote server leads to.

use strict;
use warnings;
use utf8;
use Test::More;
use BM::Postfix;
use BM::Site;
use BM::Util qw(tempdir wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;
binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;

# A second hop, which refuses with the very words of our table.
my $hopdir = tempdir();
my $hop = BM::Postfix->new(dir => $hopdir, main => {
    smtpd_recipient_restrictions => 'check_recipient_access inline:{'
        . ' { marked@hop.test = 550 5.1.1 suppressed by bouncemilter (user-unknown) } }, permit_mynetworks, reject',
})->start;

my %eod = (
    'plain1@remote.test'     => '550 5.1.1 No such user here',
    'names2@remote.test'     => '550 5.1.1 <names2@remote.test>: No such user here',
    'alone@remote.test'      => '550 5.1.1 No such user here',
);
my $site = BM::Site->new(
    mx => {
        dsn      => 0,
        greeting => ['421 4.7.0 Try again later', '554 5.7.1 Blocked'],
        script   => {
            'unknown.words@remote.test' => '550 5.1.1 The sky is green today',
            'old@remote.test'           => '550 User unknown',
            'policy5.1.1@remote.test'   => '554 5.7.1 User unknown in our policy',
        },
        reply => sub {
            my ($stage, $address) = @_;
            return '550 5.1.1 User unknown' if $stage eq 'mail' && $address =~ /^refused@/;
            return $stage eq 'eod' ? $eod{$address} : undef;
        },
    },
    main => {
        mynetworks         => '127.0.0.1/32',
        relay_domains      => 'example.net',
        notify_classes     => 'bounce',
        delay_warning_time => '1s',
        transport_maps     => 'inline:{ { connect421.test = smtp:[127.0.0.1]:GREETING[0] },'
            . ' { connect554.test = smtp:[127.0.0.1]:GREETING[1] }, { discard.test = discard: },'
            . ' { hop.test = smtp:[127.0.0.1]:' . $hop->port . ' } }',
    },
    conf => { 'trusted-reporters' => ['127.0.0.2'] },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);
my $from = 0;

# A report is delivered to the sender only after its events are committed, so
# what is not on the record then never will be.
sub send_and_wait {
    my ($rcpts, %opt) = @_;
    my $sender  = $opt{sender} // sprintf 'author%d@example.net', ++$from;
    my $message = $site->message('test');
    my $r = $site->submit($sender, $rcpts, $message, %opt);
    like $r->{data}, qr/^250/, 'accepted by Postfix' or diag explain $r;
    my $dsn = $mx->message_to($sender, 10);
    ok $dsn, 'a report comes back' or diag substr $pf->log, -3000;
    return $dsn ? $dsn->{data} : '';
}

subtest 'each answer of a remote server' => sub {
    my @cases = (
        # recipient                   category            decision   code  status
        ['550.5.1.1@remote.test',      'user-unknown',     'suppress', 550, '5.1.1'],
        ['old@remote.test',            'user-unknown',     'suppress', 550, '5.0.0|'],
        ['unknown.words@remote.test',  'user-unknown',     'suppress', 550, '5.1.1'],
        ['550.5.2.1@remote.test',      'mailbox-disabled', 'suppress', 550, '5.2.1'],
        ['552.5.2.2@remote.test',      'mailbox-full',     'count',    552, '5.2.2'],
        ['550.5.7.26@remote.test',     'auth-failure',     'alert',    550, '5.7.26'],
        ['data.550.5.7.26@remote.test', 'auth-failure',    'alert',    550, '5.7.26'],
        ['550.5.7.1@remote.test',      'policy-rejected',  'alert',    550, '5.7.1'],
        ['multi.550.5.1.1@remote.test', 'user-unknown',    'suppress', 550, '5.1.1'],
        ['policy5.1.1@remote.test',    qr/./,              'exempt|alert|count', 554, '5.7.1'],
    );
    $site->send_each('table@example.net', map { $_->[0] } @cases);
    for my $c (@cases) {
        my ($rcpt, $category, $decision, $code, $status) = @$c;
        my $e = $site->event($rcpt);
        like $e->{category} // '', ref $category ? $category : qr/^\Q$category\E$/, "$rcpt: category";
        like $e->{decision} // '', qr/^(?:$decision)$/, "$rcpt: decision";
        is $e->{code}, $code, "$rcpt: code";
        like $e->{status} // '', qr/^(?:$status)$/, "$rcpt: status";
        is $e->{proof}, 'local', "$rcpt: proof";
        is !!$site->is_suppressed($rcpt), $decision eq 'suppress', "$rcpt: suppressed or not";
    }
    my $multi = $site->event('multi.550.5.1.1@remote.test');
    like $multi->{text}, qr/^550-5\.1\.1 <multi.* The email .*unnecessary spaces\.$/, 'the whole of several lines';
    is $multi->{stage}, 'rcpt', 'refused at RCPT';
    is $site->event('data.550.5.7.26@remote.test')->{stage}, 'eod', 'refused at the end of data';
    is $site->events('552.5.2.2@remote.test'), 1, 'one event for one failure, in spite of postmaster copies';
    ok $pf->wait_log(qr/postmaster non-delivery notification/), 'and there were such copies';
    ok wait_for(sub { grep { $_->{sender} =~ /^double-bounce@/ } $mx->messages }, 10), 'that reached the postmaster';
};

subtest 'answers that end nothing' => sub {
    my @rcpts = ('450.4.2.1@remote.test', '452.4.2.2@remote.test', '450.4.7.1@remote.test', 'drop@remote.test',
        'a@connect421.test', 'a@connect554.test', 'ok@remote.test');
    my $before = $site->events;
    $site->send_each('later@example.net', @rcpts);
    for (@rcpts[0 .. 5]) {
        ok $pf->wait_log(qr/to=<\Q$_\E>.*status=deferred/), "$_: deferred";
    }
    ok $mx->message_to('ok@remote.test', 10), 'delivered';
    send_and_wait(['fence.550.5.1.1@remote.test']);
    is $site->events, $before + 1, 'no event of any of them';
};

subtest 'delay notices are not failures' => sub {
    my $before = $site->events;
    my $notice = wait_for(sub {
        $pf->flush;
        select undef, undef, undef, 0.3;
        my ($m) = grep { $_->{sender} eq '' && $_->{data} =~ /^Action: delayed/m } $mx->messages;
        $m;
    }, 20);
    ok $notice, 'a notice of delay was sent' or diag $pf->log;
    cmp_ok $site->wait_counter(qr/kind="delayed"/, 1), '>=', 1, 'seen as one';
    is $site->events, $before, 'no event';
    is_deeply [grep { /^45/ } $site->suppressed], [], 'nobody suppressed';
};

subtest 'several recipients, one message' => sub {
    my $dsn = send_and_wait(['mixed.ok@remote.test', 'mixed.550.5.1.1@remote.test', 'mixed.552.5.2.2@remote.test',
        'mixed.450.4.2.1@remote.test']);
    is $site->event('mixed.550.5.1.1@remote.test')->{decision}, 'suppress', 'unknown';
    is $site->event('mixed.552.5.2.2@remote.test')->{decision}, 'count', 'full';
    is_deeply [$site->events('mixed.ok@remote.test'), $site->events('mixed.450.4.2.1@remote.test')], [],
        'nothing about the others';
};

subtest 'an answer to the end of data is about the whole message' => sub {
    send_and_wait(['plain1@remote.test', 'plain2@remote.test', 'plain3@remote.test']);
    for (1 .. 3) {
        my $e = $site->event("plain$_\@remote.test");
        is $e->{category}, 'user-unknown', "recipient $_ of three: category";
        is $e->{decision}, 'exempt', 'decision';
        is $e->{reason}, 'whole transaction', 'why';
    }
    send_and_wait(['names1@remote.test', 'names2@remote.test']);
    is $site->event('names1@remote.test')->{decision}, 'exempt', 'the words name another one';
    is $site->event('names2@remote.test')->{decision}, 'suppress', 'the words name this one';
    send_and_wait(['alone@remote.test']);
    is $site->event('alone@remote.test')->{decision}, 'suppress', 'the only recipient';
};

subtest 'refused before the recipient was named' => sub {
    send_and_wait(['innocent@remote.test'], sender => 'refused@example.net') ;
    my $e = $site->event('innocent@remote.test');
    is $e->{stage}, 'mail', 'at MAIL';
    is "$e->{category} $e->{decision}", 'sender-rejected alert', 'is about the sender, and does not suppress';
};

subtest 'headers only' => sub {
    my $dsn = send_and_wait(['hdrs.550.5.1.1@remote.test'], mail => 'RET=HDRS ENVID=campaign7');
    like $dsn, qr{^Content-Type: text/rfc822-headers}m, 'the report has only headers';
    my $e = $site->event('hdrs.550.5.1.1@remote.test');
    is $e->{decision}, 'suppress', 'suppressed';
    like $e->{message_id}, qr/^<m\d+\.$$\@example\.net>$/, 'Message-ID';
    is $e->{envelope_id}, 'campaign7', 'ENVID';
};

subtest 'addresses beyond ASCII' => sub {
    my $rcpt = 'KÄSE.550.5.1.1@remote.test';
    send_and_wait([$rcpt], smtputf8 => 1);
    my $e = $site->event('käse.550.5.1.1@remote.test');
    is $e->{category}, 'user-unknown', 'category';
    is $e->{decision}, 'suppress', 'suppressed';
    ok wait_for(sub { $site->rcpt_answer($rcpt, smtputf8 => 1) =~ /^550 5\.1\.1 .*suppressed by bouncemilter/ }, 10),
        'refused the next time';
};

subtest 'reports of success' => sub {
    my $before = $site->events;
    for my $c (['relayed.ok@remote.test', 'relayed'], ['a@discard.test', 'delivered|relayed']) {
        my $dsn = send_and_wait([$c->[0]], rcpt => 'NOTIFY=SUCCESS,FAILURE');
        like $dsn, qr/^Action: (?:$c->[1])$/m, "$c->[1]";
    }
    is $site->wait_counter(qr/kind="delivered"/, 2), 2, 'both noticed';
    is $site->events, $before, 'and no events';
};

subtest 'our own refusal, two hops away' => sub {
    my $before = $site->events;
    my $dsn = send_and_wait(['marked@hop.test']);
    like $dsn, qr/^Diagnostic-Code: smtp; 550 5\.1\.1 .*Recipient\s+address rejected:\s+suppressed\s+by\s+bouncemilter/m,
        'the other Postfix said it';
    cmp_ok $site->wait_counter(qr/kind="own-refusal"/, 1), '>=', 1, 'recognised';
    is $site->events, $before, 'no event';
    ok !$site->is_suppressed('marked@hop.test'), 'not suppressed';
};

subtest 'our own refusal, by the transport table' => sub {
    my $before = $site->events;
    my $own    = $site->counter(qr/kind="own-refusal"/);
    ok $site->wait_published('550.5.1.1@remote.test'), 'published';
    my ($status, $err) = $pf->sendmail('-f', 'local@example.net', '550.5.1.1@remote.test', 'ok3@remote.test',
        $site->message('x'));
    is $status, 0, 'sendmail' or diag $err;
    ok $pf->wait_log(qr/to=<550\.5\.1\.1\@remote\.test>, relay=none.*status=bounced \(suppressed by bouncemilter \(user-unknown\)\)/),
        'refused';
    ok $mx->message_to('ok3@remote.test', 10), 'the other one is delivered';
    ok $mx->message_to('local@example.net', 10), 'the sender is told';
    is $site->counter(qr/kind="own-refusal"/), $own + 1, 'recognised';
    is $site->events, $before, 'no event';
};

subtest 'the same report again' => sub {
    my $dsn    = send_and_wait(['twice.550.5.1.1@remote.test'], sender => 'twice@example.net');
    my $before = $site->events;
    # From the relay in our trust, as it was and under a new Message-ID.
    for my $text ($dsn, $dsn =~ s/^Message-Id: </Message-Id: <again./mir) {
        my $r = $site->submit('', ['app@example.net'], $text, source => '127.0.0.2');
        like $r->{data}, qr/^250/, 'accepted';
    }
    is $site->counter(qr/^repeated_reports_total/), 2, 'recognised both times';
    is $site->events, $before, 'one event';
    like $daemon->dump('--explain', 'twice.550.5.1.1@remote.test'), qr/^ +1 failure: user-unknown$/m, 'counted once';
};

subtest 'NOTIFY=NEVER' => sub {
    my $r = $site->submit('never@example.net', ['never.550.5.1.1@remote.test'], $site->message('x'), rcpt => 'NOTIFY=NEVER');
    like $r->{data}, qr/^250/, 'accepted';
    ok $pf->wait_log(qr/to=<never\.550\.5\.1\.1\@remote\.test>.*status=bounced/), 'bounced';
    send_and_wait(['fence2.550.5.1.1@remote.test']);
    is_deeply [$site->events('never.550.5.1.1@remote.test')], [], 'no report, no event';
};

subtest 'mail that expired in the queue' => sub {
    $pf->set(maximal_queue_lifetime => 0, bounce_queue_lifetime => 0);
    $pf->reload;
    send_and_wait(['expired.450.4.2.1@remote.test']);
    my $e = $site->event('expired.450.4.2.1@remote.test');
    is $e->{outcome}, 'expired', 'outcome';
    is $e->{category}, 'recipient-rate', 'what was said last is the cause';
    is $e->{class}, 'soft', 'not hard';
    like $e->{decision}, qr/^(?:count|exempt)$/, 'does not suppress at once';
    ok !$site->is_suppressed('expired.450.4.2.1@remote.test'), 'not suppressed';
};

subtest 'the books agree' => sub {
    my ($status, $out, $err) = $daemon->suppress('--verify');
    is $status, 0, 'verify' or diag "$out$err";
    is $daemon->stop, 0, 'a clean end' or diag $daemon->log;
    unlike $daemon->own_log, qr/error|warning/i, 'nothing to complain about' or diag $daemon->log;
};

done_testing;
