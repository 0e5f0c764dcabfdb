#!/usr/bin/perl
# Reports of strangers. 10,000 that lie, of every shape, on the milter socket:
# none is believed, whatever of a genuine message they hold. Their genuine twins
# are believed, each once, however often they come.
#
# What makes this test fail: a proof that holds without one of its conditions
# (proof/proof.h), a tag that is not compared whole, a recipient that is not the
# message's, a report that is known by what its sender can change.
#
# BM_FORGED (10000) says how many; BM_SEED begins the random numbers elsewhere.

use strict;
use warnings;
use Test::More;
use BM::Clock;
use BM::Daemon;
use BM::Proof;
use BM::Util qw(tempdir wait_for);

my $COUNT = $ENV{BM_FORGED} // 10_000;
srand($ENV{BM_SEED} // 1);

use constant { OWN => '192.0.2.1', STRANGER => '198.51.100.7' };
use constant DAY => 86400;

my $dir   = tempdir();
my $proof = BM::Proof->new(dir => $dir);
$proof->key('example.net', 's1')->key('attacker.test', 'evil')->key('provider.test', 'arf')->key('other.test', 'arf');
my $zone = $proof->zone(
    'mx.remote.test A 198.51.100.25', 'remote.test MX 10 mx.remote.test',
    'mx.remote.test TXT "v=spf1 a -all"', 'attacker.test TXT "v=spf1 +all"',
);

my $clock  = BM::Clock->new(dir => $dir);
my $daemon = BM::Daemon->new(dir => $dir, log => 'none', env => $clock->env, conf => {
    'own-clients'    => [OWN],
    'own-domains'    => ['example.net'],
    'postfix-config' => "$dir/no-postfix",
    'ledger'         => 'milter',
    'key-file'       => $proof->key_file,
    'dns-zone'       => $zone,
    'feedback-loops' => ['provider.test'],
    'max-suppressions' => '0',
})->start;
$proof->{daemon} = $daemon;

sub counter {
    my ($re) = @_;
    my $sum = 0;
    for (split /\n/, $daemon->dump('--counters')) {
        my ($name, $value) = /^(.+?) +(\d+)$/ or next;
        $sum += $value if $name =~ $re;
    }
    return $sum;
}
sub suppressed { return sort map { $_->{address} } $daemon->dump_json }
sub events     { return grep { $_->{source} ne 'operator' } $daemon->dump_json('--events') }

# Mail that has left: to one recipient each, to several, and of a list.
my $out = $proof->connect(OWN, 'app.example.net');
my @single = map { $proof->leave($out, rcpts => ["one$_\@remote.test"]) } 1 .. 20;
my @late   = map { $proof->leave($out, rcpts => ["late$_\@remote.test"]) } 1 .. 3;
my @nobody = map { $proof->leave($out, rcpts => ["silent$_\@remote.test"]) } 1 .. 3;
my $group  = $proof->leave($out, rcpts => [map { "member$_\@remote.test" } 1 .. 5], to => 'members@example.net');
my $news   = $proof->leave($out, rcpts => ['subscriber@remote.test'], list => 1);
my @verp   = map { $proof->leave($out, id => "<news.$$\@example.net>", rcpts => ["reader$_\@remote.test"],
    sender => "news+reader$_=remote.test\@example.net", list => 1) } 1 .. 4;

subtest 'outgoing mail' => sub {
    is $single[0]{answer}, 'a', 'it leaves';
    like $single[0]{token}, qr/^b1a[0-9a-f]{72}\z/, 'with a token';
    is $single[0]{envid}, $single[0]{token}, '... in the envelope too';
    my $own = $proof->leave($out, rcpts => ['own@remote.test'], parameters => ['ENVID=theirs', 'RET=HDRS']);
    is $own->{envid}, undef, 'an ENVID of the client stays';
    like $own->{token}, qr/^b1a/, '... the field is added all the same';
    my $null = $proof->leave($out, rcpts => ['null@remote.test'], sender => '');
    is $null->{token}, undef, 'nothing for the null sender';
    my $first  = $proof->leave($out, rcpts => ['twice@remote.test']);
    my %same   = (id => $first->{id}, more => "X-Bouncemilter-Tag: $first->{token}\n", sign => 0);
    my $again  = $proof->leave($out, %same, rcpts => $first->{rcpts});
    $proof->{left}--;    # the same row
    is $again->{token}, undef, 'no second one behind a content filter';
    is $again->{envid}, $first->{token}, '... but in the envelope';
    my $onward = $proof->leave($out, %same, rcpts => ['onward@remote.test']);
    like $onward->{token}, qr/^b1a/, 'a new one for who gets it next';
    my $in = $proof->connect(STRANGER, 'mx.remote.test');
    is $proof->leave($in, rcpts => ['app@example.net'])->{token}, undef, 'nothing on the mail of others';
    $proof->{left}--;    # a stranger's is none of ours
    ok $proof->wait_rows, 'the ledger has it';
    is $proof->rows, $proof->{left}, '... and nothing else';
};

# --- what a stranger may know: everything but our key ----------------------

my @victims = map { "victim$_\@remote.test" } 1 .. 50;
sub victim { return $victims[rand @victims] }
sub pick   { return $_[rand @_] }
sub bytes  { return join '', map { chr(33 + rand 94) } 1 .. $_[0] }

sub flip {
    my ($token) = @_;
    my $at = int rand length $token;
    my $c  = substr $token, $at, 1;
    my $new = pick(grep { lc $_ ne lc $c } '0' .. '9', 'a' .. 'f', 'z');
    substr($token, $at, 1) = $new;
    return $token;
}

# Bytes of a report, changed at random.
sub mutate {
    my ($report) = @_;
    for (1 .. 1 + rand 20) {
        my $at = int rand length $report;
        if (rand() < 0.5) { substr($report, $at, 1) = chr(1 + rand 255) }
        else              { substr($report, $at, int rand 30) = '' }
    }
    return $report;
}

sub without { my ($headers, $name) = @_; return $headers =~ s/^\Q$name\E:[^\n]*\n(?:[ \t][^\n]*\n)*//mgr }

my $signed_by_attacker = $proof->sign("From: App <app\@example.net>\nTo: victim1\@remote.test\n"
    . "Date: Sat, 21 Nov 2020 10:00:00 +0000\nMessage-ID: <x\@example.net>\n\nx\n", 'attacker.test', 'evil') =~ s/\n\n.*//sr;
my @kind = qw(dsn arf);
my $date = 'Date: Sat, 21 Nov 2020 10:00:00 +0000';    # of old mail, which is not waited for

my %shape = (
    'out of nothing' => sub { my $k = pick(@kind);
        return $proof->$k(rcpt => victim(), headers => "From: app\@example.net\n$date\nMessage-ID: <" . bytes(20) . '@example.net>') },
    'right message, wrong recipient' => sub { my ($k, $m) = (pick(@kind), pick(@single));
        return $proof->$k(rcpt => victim(), headers => $m->{headers}, envid => $m->{envid}) },
    'right message, wrong original recipient' => sub { my $m = pick(@single);
        return $proof->dsn(rcpt => victim(), original => victim(), headers => $m->{headers}, envid => $m->{envid}) },
    'right recipient, unknown message' => sub { my ($k, $m) = (pick(@kind), pick(@nobody));
        return $proof->$k(rcpt => $m->{rcpts}[0], headers => "From: app\@example.net\n$date\nTo: $m->{rcpts}[0]\nMessage-ID: <" . bytes(9) . '@example.net>') },
    'tag of another recipient' => sub { my ($k, $m) = (pick(@kind), pick(@single));
        return $proof->$k(rcpt => pick(@nobody)->{rcpts}[0], headers => without($m->{headers}, 'Message-ID')) },
    'envid of another recipient' => sub { my $m = pick(@single);
        return $proof->dsn(rcpt => pick(@nobody)->{rcpts}[0], envid => $m->{envid}, type => '') },
    'tag with a bit flipped' => sub { my ($k, $m) = (pick(@kind), pick(@nobody));
        return $proof->$k(rcpt => $m->{rcpts}[0], headers => "From: app\@example.net\nX-Bouncemilter-Tag: " . flip($m->{token})) },
    'envid with a bit flipped' => sub { my $m = pick(@nobody);
        return $proof->dsn(rcpt => $m->{rcpts}[0], envid => flip($m->{envid}), type => '') },
    'foreign signature' => sub { my $k = pick(@kind);
        return $proof->$k(rcpt => victim(), headers => $signed_by_attacker) },
    'a second To above the signature' => sub { my $m = pick(@single); my $v = victim();
        return $proof->dsn(rcpt => $v, headers => "To: $v\n$m->{headers}") },
    'a second Message-ID above it' => sub { my ($m, $n) = (pick(@single), pick(@nobody));
        return $proof->dsn(rcpt => victim(), headers => "Message-ID: $n->{id}\n$m->{headers}") },
    'body swapped' => sub { my ($k, $m) = (pick(@kind), pick(@single));
        return $proof->$k(rcpt => victim(), type => $k eq 'dsn' ? 'message/rfc822' : undef, headers => $m->{headers}, body => bytes(200)) },
    'nested' => sub { my $m = pick(@single);
        my $inner = $proof->dsn(rcpt => victim(), headers => $m->{headers});
        return $proof->dsn(rcpt => victim(), type => 'message/rfc822', headers => $inner =~ s/\n\n.*//sr, body => $inner =~ s/.*?\n\n//sr) },
    'by a member of the group' => sub { my $k = pick(@kind);
        return $proof->$k(rcpt => pick(@{ $group->{rcpts} }), headers => $group->{headers}, envid => $group->{envid}) },
    'of a list, about its recipient' => sub { my $k = pick(@kind);
        return $proof->$k(rcpt => 'subscriber@remote.test', headers => $news->{headers}, envid => $news->{envid}) },
    'from an archive' => sub { my $k = pick(@kind);
        return $proof->$k(rcpt => pick(@{ $group->{rcpts} }), headers => without($group->{headers}, 'X-Bouncemilter-Tag')) },
    'several, one of them true' => sub {
        return $proof->dsn(rcpt => [$group->{rcpts}[0], victim(), victim()], headers => $group->{headers}) },
    'more than a hundred' => sub {
        return $proof->dsn(rcpt => [map { "crowd$_\@remote.test" } 1 .. 120], headers => $group->{headers}) },
    'a guessed VERP path' => sub { my $i = 1 + int rand 4;
        return [$proof->dsn(rcpt => "reader$i\@remote.test", headers => pick(@verp)->{headers}),
            "news+reader$i=remote.test\@example.net"] },
    'a complaint signed by another provider' => sub {
        return $proof->sign($proof->arf(rcpt => victim(), from => 'feedback@other.test'), 'other.test', 'arf') },
    'a redacted complaint of a group' => sub { return $proof->arf(headers => $group->{headers}) },
    'mutated' => sub {
        return mutate($proof->dsn(rcpt => pick(@{ $group->{rcpts} }), headers => $group->{headers}, envid => $group->{envid})) },
    # Of a message to one alone, what is left may be about that one: who has its
    # headers is its recipient, and may say so of himself.
    'mutated with the wrong recipient' => sub {
        return mutate($proof->dsn(rcpt => victim(), headers => $group->{headers})) },
);

# Signing takes a process each: a few of those are enough.
my %few = map { $_ => 1 } 'a complaint signed by another provider';

subtest 'forged' => sub {
    my $in   = $proof->connect(STRANGER, 'mx.attacker.test');
    my @name = sort keys %shape;
    my (%sent, %answer);
    for my $n (1 .. $COUNT) {
        my $name = $name[$n % @name];
        next if $few{$name} && ($sent{$name} // 0) >= 20;
        my $report = $shape{$name}->();
        my ($text, $to) = ref $report ? @$report : ($report, 'app@example.net');
        my ($answer) = $proof->pass($in, '', [$to], $text);
        $answer{$answer}++;
        $sent{$name}++;

    }
    is join(' ', sort keys %answer), 'a', 'all are let through';
    is scalar(grep { $sent{$_} } @name), @name, 'of every shape';
    my $total = 0;
    $total += $_ for values %sent;
    # They are recorded without a hurry.
    ok wait_for(sub { counter(qr/^reports_total.*none/) > $total / 2 && counter(qr/^refused_claims_total/) > 0 }, 30),
        'most are seen to be reports, and claims about others are counted';
    is counter(qr/^reports_total.*(?:ledger|tag|envid|dkim|aligned|feedback)/), 0, 'no proof is used up';
    is scalar(events()), 0, 'no event' or diag explain [map { "$_->{recipient} $_->{proof} $_->{decision} $_->{final_recipient} $_->{original_recipient} $_->{text}" } events()];
    is join(' ', suppressed()), '', 'nobody is suppressed';
    ok $daemon->alive, 'the daemon lives';
};

subtest 'their genuine twins' => sub {
    my $in = $proof->connect('198.51.100.25', 'mx.remote.test');
    my %case = (
        'one1@remote.test'  => [$proof->dsn(rcpt => 'one1@remote.test', headers => $single[0]{headers}), 'ledger'],
        'one2@remote.test'  => [$proof->dsn(rcpt => 'one2@remote.test', headers => without($single[1]{headers}, 'Message-ID')), 'tag'],
        'one3@remote.test'  => [$proof->dsn(rcpt => 'one3@remote.test', type => '', envid => $single[2]{envid}), 'envid'],
        'one4@remote.test'  => [$proof->dsn(rcpt => 'forwarded@else.test', original => 'one4@remote.test',
            type => 'message/rfc822', headers => $single[3]{headers}, body => $single[3]{body}), 'ledger'],
        'member1@remote.test' => [$proof->dsn(rcpt => 'member1@remote.test', headers => $group->{headers}), 'ledger'],
        'subscriber@remote.test' => [$proof->dsn(rcpt => 'subscriber@remote.test', headers => $news->{headers}), 'ledger'],
    );
    for my $who (sort keys %case) {
        $proof->pass($in, '', ['app@example.net'], $case{$who}[0]);
        my ($event) = grep { $_->{recipient} eq $who } events();
        is $event && $event->{proof}, $case{$who}[1], "$who by $case{$who}[1]";
    }
    my @complaint = ($proof->sign($proof->arf(rcpt => 'annoyed@remote.test', from => 'feedback@provider.test'), 'provider.test', 'arf'),
        $proof->arf(headers => $single[4]{headers}));
    my $loop = $proof->connect('198.51.100.80', 'fbl.provider.test');
    $proof->pass($loop, 'feedback@provider.test', ['abuse@example.net'], $_) for @complaint;
    is join(' ', map { "$_->{recipient}=$_->{proof}" } grep { $_->{outcome} eq 'complaint' } events()),
        'annoyed@remote.test=feedback-loop one5@remote.test=ledger', 'complaints: of a feedback loop; of a redacted recipient';
    # Whose forwarding fails may have a copy: that counts, and no more.
    delete $case{'one4@remote.test'};
    is join(' ', suppressed()), join(' ', sort keys %case, qw(annoyed@remote.test one5@remote.test)), 'these are suppressed';
};

subtest 'the same again' => sub {
    my $in     = $proof->connect('198.51.100.25', 'mx.remote.test');
    my $before = events();
    my $same   = $proof->dsn(rcpt => 'one6@remote.test', headers => $single[5]{headers}, envid => $single[5]{envid}, id => '<same@mx.remote.test>');
    for my $n (1 .. 1000) {
        my $day = 1 + $n % 20;
        my $report = $n % 3 == 0 ? $same
            : $n % 3 == 1 ? $proof->dsn(rcpt => 'one6@remote.test', headers => $single[5]{headers}, arrival => "$day Nov 2026 10:00:00 +0000")
            :               $proof->dsn(rcpt => 'one6@remote.test', type => '', envid => $single[5]{envid});
        $proof->pass($in, '', ['app@example.net'], $report);
    }
    is scalar(events()) - $before, 1, 'one event';
};

subtest 'too late' => sub {
    my $before = events();
    $clock->set(12 * DAY);
    my $in = $proof->connect('198.51.100.25', 'mx.remote.test');
    $proof->pass($in, '', ['app@example.net'], $_) for
        $proof->dsn(rcpt => 'late1@remote.test', headers => $late[0]{headers}),
        $proof->dsn(rcpt => 'late2@remote.test', headers => without($late[1]{headers}, 'Message-ID')),
        $proof->dsn(rcpt => 'late3@remote.test', type => '', envid => $late[2]{envid});
    is scalar(events()), $before, 'neither ledger nor token hold';
};

done_testing;
