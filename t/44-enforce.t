#!/usr/bin/perl
# What a person can set and do: who refuses, the brake, changes by hand, terms
# that end, reload, and the forms in which all of it is shown.

use strict;
use warnings;
use JSON::PP qw(decode_json);
use Test::More;
use BM::Daemon;
use BM::Postfix;
use BM::SMTP qw(submit);
use BM::Site;
use BM::Util qw(prog wait_for);

die BM::Postfix->absent . "\n" if BM::Postfix->absent;

# The second smtpd asks no table: there only the milter can refuse.
my $site = BM::Site->new(
    postfix => { services => [{}, { opts => ['smtpd_recipient_restrictions=permit_mynetworks,reject',
        'syslog_name=postfix/notable'] }] },
    main => { mynetworks => '127.0.0.1/32', relay_domains => 'example.net' },
    conf => { 'trusted-reporters' => ['127.0.0.2'] },
);
my ($mx, $pf, $daemon) = ($site->mx, $site->pf, $site->daemon);
my $loads = 0;

sub settings {
    my ($more) = @_;
    $daemon->configure(ref $more ? { 'trusted-reporters' => ['127.0.0.2'], %$more }
        : "trusted-reporters = {\"127.0.0.2\"}\n$more");
    $daemon->reload;
    $loads++;
    ok wait_for(sub { $loads == (() = $daemon->log =~ /configuration read again/g) }, 10), 'reload'
        or diag $daemon->log;
    return;
}

# Trusted reports about these addresses; they are on the record afterwards.
sub reported {
    my (@addresses) = @_;
    my $smtp = BM::SMTP->new($pf->port, source => '127.0.0.2');
    for my $address (@addresses) {
        my $r = $smtp->transaction('', ['app@example.net'], $site->report(recipients => [{ final => $address }]));
        like $r->{data}, qr/^250/, "report about $address";
    }
    $smtp->quit;
    return;
}

sub decision { my ($address) = @_; return (($site->events($address))[-1] || { decision => '' })->{decision} }

my $refused = qr/^550 5\.[17]\.1 .*suppressed by bouncemilter \((?:user-unknown|manual)\)/;

subtest 'enforce = table' => sub {
    reported('dead@remote.test');
    ok $site->wait_published('dead@remote.test'), 'published';
    like $site->rcpt_answer('dead@remote.test'), qr/^550 5\.1\.1 <dead\@remote\.test>: Recipient address rejected: suppressed by bouncemilter \(user-unknown\)$/,
        'refused by the table';
    like $site->rcpt_answer('Dead@REMOTE.test'), $refused, 'in any case';
    like $site->rcpt_answer('live@remote.test'), qr/^250/, 'others are not';
    is $site->published('dead@remote.test', 'transport'), 'error:5.1.1 suppressed by bouncemilter (user-unknown)',
        'the transport table has it too';
};

subtest 'changes by hand, seen by the next RCPT of an open session' => sub {
    my $smtp = BM::SMTP->new($pf->port);
    my $rcpt = sub { $smtp->say("RCPT TO:<$_[0]>") };
    $smtp->say('MAIL FROM:<app@example.net>');
    like $rcpt->('hand@remote.test'), qr/^250/, 'accepted';
    my ($status, $out, $err) = $daemon->suppress('--add', 'Hand@Remote.TEST', '--reason', 'asked by telephone');
    is "$status $out$err", "0 hand\@remote.test is suppressed\n", '--add';
    like $rcpt->('hand@remote.test'), qr/^550 5\.7\.1 .*suppressed by bouncemilter \(manual\)$/, 'refused';
    ($status, $out) = $daemon->suppress('--add', 'hand@remote.test', '--reason', 'twice');
    is "$status $out", "1 hand\@remote.test was already suppressed\n", '--add again';
    ($status, $out, $err) = $daemon->suppress('--remove', 'hand@remote.test', '--reason', 'a mistake');
    is "$status $out$err", "0 hand\@remote.test is not suppressed any more\n", '--remove';
    like $rcpt->('hand@remote.test'), qr/^250/, 'accepted';
    ($status, $out) = $daemon->suppress('--remove', 'hand@remote.test', '--reason', 'twice');
    is "$status $out", "1 hand\@remote.test was not suppressed\n", '--remove again';
    $smtp->quit;
    like $daemon->dump('--explain', 'hand@remote.test'),
        qr/is not suppressed.*asked by telephone.*a mistake/s, 'the reasons are in its story';
    for my $bad (['--add', 'x@remote.test'], ['--add', 'no-address', '--reason', 'r'], ['--undo'], ['--frobnicate']) {
        is +($daemon->suppress(@$bad))[0], 2, "usage: @$bad";
    }
};

# A person who pages through what --verify prints does not keep anybody waiting.
subtest 'the differences are read slowly' => sub {
    my $long = 'x' x 60;
    my (undef, $postmap) = $pf->command({ stdin => join '', map {
        "wrong$_$long\@remote.test 550 5.1.1 suppressed by bouncemilter (user-unknown)\n" } 1 .. 2000 },
        'postmap', '-i', 'lmdb:' . $daemon->state_dir . '/access');
    is $postmap, '', 'a table has too much';
    my $pid = open my $out, '-|', prog('bouncemilter-suppress'), '-c', $daemon->conf_file, '--verify'
        or die "bouncemilter-suppress: $!\n";
    like scalar <$out>, qr/^access\.lmdb: \S+ is not as the store has it$/, 'the first of many';
    reported('meanwhile@remote.test');
    ok wait_for(sub { $site->published('meanwhile@remote.test') }, 40), 'publishing goes on';
    my $lines = () = <$out>;
    ok close $out, 'it ends well';
    cmp_ok $lines, '>=', 2000 - 1, 'all are told';
    like $site->rcpt_answer("wrong1$long\@remote.test"), qr/^250/, 'and taken away';
};

subtest 'a session on the other smtpd asks no table' => sub {
    like $site->rcpt_answer('dead@remote.test', port => $pf->port(1)), qr/^550 5\.1\.1 .*: suppressed by bouncemilter/,
        'but the transport table refuses there too';
    # From here on without it, so that only the milter is left.
    $pf->set(transport_maps => '');
    $pf->reload;
    ok wait_for(sub { $site->rcpt_answer('dead@remote.test', port => $pf->port(1)) =~ /^250/ }, 10), 'accepted without';
};

subtest 'enforce = milter' => sub {
    settings({ enforce => 'milter' });
    like $site->rcpt_answer('dead@remote.test', port => $pf->port(1)),
        qr/^550 5\.1\.1 .*suppressed by bouncemilter \(user-unknown\)$/, 'the milter refuses';
    like $site->rcpt_answer('DEAD@remote.test', port => $pf->port(1)), $refused, 'in any case';
    like $site->rcpt_answer('dead+x@remote.test', port => $pf->port(1)), qr/^250/, 'exactly this address';
    like $site->rcpt_answer('live@remote.test', port => $pf->port(1)), qr/^250/, 'others are not';
    my $r = submit($pf->port(1), 'app@example.net', ['dead@remote.test', 'live@remote.test'], $site->message('x'));
    like $r->{rcpt}{'dead@remote.test'}, $refused, 'one of two refused';
    like $r->{data}, qr/^250/, 'the message goes to the other';
    ok $mx->message_to('live@remote.test', 10), 'and arrives';
    is +($pf->sendmail('-f', 'app@example.net', 'dead@remote.test', $site->message('x')))[0], 0,
        'sendmail(1) mail is never refused by the milter';
    ok $mx->message_to('dead@remote.test', 10), 'and passes';
};

subtest 'enforce = both' => sub {
    settings({ enforce => 'both' });
    like $site->rcpt_answer('dead@remote.test', port => $pf->port($_)), $refused, "smtpd $_" for 0, 1;
};

subtest 'mode = observe' => sub {
    settings({ mode => 'observe', enforce => 'both' });
    reported('seen@remote.test');
    is decision('seen@remote.test'), 'suppress', 'decides and records';
    like $site->rcpt_answer('seen@remote.test', port => $pf->port($_)), qr/^250/, "smtpd $_ does not refuse" for 0, 1;
    is $site->published('seen@remote.test'), undef, 'not published';
    my (undef, $out) = $daemon->suppress('--add', 'seen2@remote.test', '--reason', 'x');
    like $out, qr/not published \(mode = observe\)/, 'the tool says it';
    is $site->published('seen2@remote.test'), undef, 'and does not publish';
    settings({});
    ok $site->wait_published($_), "enforced again: $_ is published" for 'seen@remote.test', 'seen2@remote.test';
    like $site->rcpt_answer('seen@remote.test'), $refused, 'and refused';
};

subtest 'the brake' => sub {
    # What was suppressed before counts too: seven is the fifth from now.
    my $before = grep { $_->{decision} eq 'suppress' && $_->{source} ne 'operator' } $site->events;
    settings({ 'max-suppressions' => ($before + 3) . '/10m' });
    my @burst = map { "burst$_\@remote.test" } 1 .. 6;
    reported(@burst);
    is_deeply [map { decision($_) } @burst], [qw(suppress suppress suppress hold hold hold)], 'three, then held';
    my @held = map { $_->{address} } $daemon->dump_json('--held');
    is_deeply \@held, [@burst[3 .. 5]], '--held';
    ok $site->wait_published($burst[0]), 'the first are published';
    is $site->published($burst[3]), undef, 'held ones are not';
    like $site->rcpt_answer($burst[3]), qr/^250/, 'nor refused';
    my ($status, $out) = $daemon->suppress('--release', '--address', $burst[3], '--dry-run');
    like $out, qr/^\Q$burst[3]\E .*\n1 would be changed$/m, '--release --dry-run';
    is $daemon->dump_json('--held'), 3, 'changes nothing';
    ($status, $out) = $daemon->suppress('--release', '--address', $burst[3], '--reason', 'looked at');
    is $status, 0, '--release';
    like $site->rcpt_answer($burst[3]), $refused, 'refused at once';
    ($status, $out) = $daemon->suppress('--discard', '--reason', 'not true');
    like $out, qr{^batch \d+: 2 changed$}m, '--discard';
    is $daemon->dump_json('--held'), 0, 'nothing is held any more';
    is $site->published($burst[4]), undef, 'and not published';
    like $daemon->dump('--explain', $burst[4]), qr/decision +discard/, 'on the record';
    is +($daemon->suppress('--release'))[0], 1, 'nothing to release';
};

subtest 'undo' => sub {
    settings({});
    reported(map { "undo$_\@remote.test" } 1 .. 3);
    ok $site->wait_published('undo3@remote.test'), 'published';
    my @before = $site->suppressed;
    my ($status, $out) = $daemon->suppress('--undo', '--since', '1h', '--address', 'undo1@remote.test', '--dry-run');
    like $out, qr/^1 would be changed$/m, '--dry-run';
    is_deeply [$site->suppressed], \@before, 'changes nothing';
    ($status, $out) = $daemon->suppress('--undo', '--since', '1h', '--category', 'mailbox-full');
    is $status, 1, 'another category: nothing';
    is_deeply [$site->suppressed], \@before, 'changes nothing';
    ($status, $out) = $daemon->suppress('--undo', '--since', '1h', '--category', 'user-unknown', '--reason', 'our resolver failed');
    is $status, 0, '--undo';
    is_deeply [$site->suppressed], ['seen2@remote.test'], 'all but what was entered by hand';
    like $site->rcpt_answer('undo1@remote.test'), qr/^250/, 'accepted at once';
    is_deeply [$site->keys_of('access')], ['seen2@remote.test'], 'the table follows';
    like $daemon->dump('--explain', 'undo1@remote.test'), qr/our resolver failed/, 'on the record';
};

subtest 'a term that ends' => sub {
    settings("category user-unknown {\n\tterm = 3s\n}\n");
    reported('term@remote.test');
    my ($e) = $site->events('term@remote.test');
    is $e->{decision}, 'suppress', 'suppressed';
    ok $e->{until}, 'for a while';
    ok $site->wait_published('term@remote.test'), 'published';
    my $lifted = wait_for(sub { decision('term@remote.test') eq 'lift' }, 15);
    ok $lifted, 'lifted';
    ($e) = ($site->events('term@remote.test'))[1];
    is $e->{source}, 'clock', 'by the clock';
    like $e->{reason}, qr/term/, 'which says why';
    ok wait_for(sub { !defined $site->published('term@remote.test') }, 10), 'out of the table';
    like $site->rcpt_answer('term@remote.test'), qr/^250/, 'accepted again';
    reported('term@remote.test');
    is decision('term@remote.test'), 'suppress', 'a new failure suppresses again';
};

subtest 'a bad configuration changes nothing' => sub {
    $daemon->configure("category user-unknown {\n\tterm = 5 mins\n}\n")->reload;
    ok $daemon->wait_log(qr/bouncemilter\.conf:\d+: .*; the old configuration stays in force/), 'said, with file and line';
    ok $daemon->alive, 'and it runs on';
    settings({});
};

subtest 'what the dump prints' => sub {
    $daemon->suppress('--add', q{"odd, \"quoted\""@remote.test}, '--reason', 'a reason, with "quotes"');
    $site->send_each('app@example.net', 'csv.550.5.7.26@remote.test');
    $site->event('csv.550.5.7.26@remote.test');
    my @events = $daemon->dump_json('--events');
    is_deeply [map { $_->{event} } @events], [1 .. @events], '--json: every event, in order';
    my %fields = map { $_ => 1 } map { keys %$_ } @events;
    ok $fields{$_}, "--json: $_" for qw(event time source recipient outcome stage code status class category rule proof
        decision reason text message_id queue_id sender);
    is +($daemon->dump_json('--address', 'seen2@remote.test'))[0]{category}, 'manual', 'filter: address';
    is_deeply [map { $_->{recipient} } $daemon->dump_json('--events', '--status', '5.7')], ['csv.550.5.7.26@remote.test'],
        'filter: status';
    is_deeply [map { $_->{category} } $daemon->dump_json('--events', '--category', 'auth-failure')], ['auth-failure'],
        'filter: category';
    is $daemon->dump_json('--events', '--domain', 'example.com'), 0, 'filter: domain';
    # A bounce of what was sent before may come in between.
    ok wait_for(sub { $daemon->dump_json('--events') == $daemon->dump_json('--events', '--since', '1h') }, 10), 'filter: since';
    is $daemon->dump_json('--events', '--until', '1h'), 0, 'filter: until';

    for my $what ([], ['--events'], ['--held']) {
        my $text = $daemon->dump('--csv', @$what);
        next if $text eq '';
        my @rows = csv($text);
        my ($head) = @rows;
        is_deeply [grep { @$_ != @$head } @rows], [], "--csv @$what: every row has " . @$head . ' fields';
    }
    my ($odd) = grep { $_->[0] =~ /odd/ } csv($daemon->dump('--csv'));
    is $odd->[0], q{"odd, \"quoted\""@remote.test}, '--csv: quotes and commas';

    my %postmap = map { /^("(?:[^"\\]|\\.)*"@\S+|\S+) (.*)$/ } split /\n/, $daemon->dump('--postmap');
    is_deeply [sort keys %postmap], [sort $site->keys_of('access')], '--postmap: the keys of the table';
    is $postmap{$_}, $site->published($_), "--postmap: the value of $_" for sort keys %postmap;
    is +($daemon->tool('bouncemilter-dump', '--address', 'nobody@remote.test'))[0], 1, 'nothing found: status 1';
    is +($daemon->tool('bouncemilter-dump', '--json', '--frob'))[0], 2, 'usage: status 2';
};

# RFC 4180.
sub csv {
    my ($text) = @_;
    my (@rows, @row);
    while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^",\n]*))(,|\n)/gc) {
        my ($quoted, $plain, $end) = ($1, $2, $3);
        push @row, defined $quoted ? $quoted =~ s/""/"/gr : $plain;
        if ($end eq "\n") { push @rows, [@row]; @row = () }
    }
    push @rows, ['garbage'] if (pos($text) // 0) != length $text;
    return @rows;
}

subtest 'tools while the daemon is stopped' => sub {
    is $daemon->stop, 0, 'stopped';
    my @events = $site->events;
    my ($status, $out, $err) = $daemon->suppress('--add', 'quiet@remote.test', '--reason', 'at night');
    is $status, 0, '--add' or diag $err;
    like $site->rcpt_answer('quiet@remote.test'), $refused, 'refused at once';
    is $site->events, @events + 1, 'on the record';
    ($status, $out, $err) = $daemon->suppress('--remove', 'quiet@remote.test', '--reason', 'by day');
    is $status, 0, '--remove' or diag $err;
    like $site->rcpt_answer('quiet@remote.test'), qr/^250/, 'accepted at once';
    ($status, $out, $err) = $daemon->suppress('--verify');
    is "$status $out$err", "0 standings: right, tables: right\n", '--verify';
    $daemon->start;
    ok $site->is_suppressed('seen2@remote.test'), 'and it starts with the same';
    is +($daemon->suppress('--verify'))[0], 0, '--verify';
    is $daemon->stop, 0, 'a clean end';
};

done_testing;
