#!/usr/bin/perl
# Genuine reports about mail that we signed and sent: every format of t/corpus that
# returns the headers, made anew around such a message, and what each kind of
# return still proves. The table of bouncemilter(8), PROOF, is made of these rows.
#
# What makes this test fail: a proof that is missed because of how the headers
# came back; one that is believed to belong to more than one recipient.

use strict;
use warnings;
use File::Basename;
use Test::More;
use BM::Daemon;
use BM::Proof;
use BM::Util qw(slurp tempdir top);

use constant { OWN => '192.0.2.1', REMOTE => '198.51.100.25', ELSEWHERE => '203.0.113.9' };

my $dir   = tempdir();
my $proof = BM::Proof->new(dir => $dir);
$proof->key('example.net', 's1');
my $zone = $proof->zone('mx.remote.test A 198.51.100.25', 'remote.test MX 10 mx.remote.test', 'mx.remote.test TXT "v=spf1 a -all"');

my %conf = (
    'own-clients'    => [OWN],
    'own-domains'    => ['example.net'],
    'postfix-config' => "$dir/no-postfix",
    'ledger'         => 'milter',
    'key-file'       => $proof->key_file,
    'dns-zone'       => $zone,
    'max-suppressions' => '0',
);
my $daemon = BM::Daemon->new(dir => $dir, log => 'none', conf => \%conf)->start;
$proof->{daemon} = $daemon;
my $out = $proof->connect(OWN, 'app.example.net');
my $n = 0;

# A message has left, and is in the ledger.
sub sent {
    my (%m) = @_;
    $m{rcpts} //= ['user' . ++$n . '@remote.test'];
    my $m = $proof->leave($out, %m);
    $proof->wait_rows;    # they are written some time soon
    return $m;
}

# Send a report in; what became of it: proof, decision and evidence.
sub reported {
    my ($report, $rcpt, $client) = @_;
    my $in = $proof->connect($client // ELSEWHERE, $client ? 'mx.remote.test' : 'mx.else.test');
    my ($answer) = $proof->pass($in, '', ['app@example.net'], $report);
    return "answered $answer" if $answer ne 'a';
    for my $what ('--events', '--unverified') {
        for (1 .. 20) {
            my ($e) = grep { $_->{recipient} eq $rcpt } $daemon->dump_json($what);
            return "$e->{proof} $e->{decision}" if $e;
            last if $what eq '--events';
            select undef, undef, undef, 0.1;
        }
    }
    return 'nothing';
}

# --- what comes back, and what it proves ------------------------------------

sub refold { return $_[0] =~ s/^(DKIM-Signature|X-Bouncemilter-Tag|Message-ID): */$1:\n\t/mgr }
my %single = (
    'whole message'          => sub { (type => 'message/rfc822', headers => $_[0]{headers}, body => $_[0]{body}) },
    'headers only'           => sub { (headers => $_[0]{headers}) },
    'headers folded anew'    => sub { (headers => refold($_[0]{headers})) },
    'To rewritten'           => sub { (headers => $_[0]{headers} =~ s/^To: .*/To: <undisclosed>/mr) },
    'nothing, ENVID kept'    => sub { (type => '', envid => $_[0]{envid}) },
    'nothing at all'         => sub { (type => '') },
);
# accept => what each return reaches.
my @table = (
    ['(default)', undef, { 'nothing, ENVID kept' => 'envid', 'nothing at all' => 'none', '' => 'ledger' }],
    ['tag',       ['tag'],   { 'nothing, ENVID kept' => 'none', 'nothing at all' => 'none', '' => 'tag' }],
    ['envid',     ['envid'], { 'nothing, ENVID kept' => 'envid', '' => 'none' }],
    ['dkim',      ['dkim'],  { 'nothing, ENVID kept' => 'none', 'nothing at all' => 'none', 'To rewritten' => 'none', '' => 'dkim' }],
);
for my $row (@table) {
    my ($name, $accept, $want) = @$row;
    subtest "accept $name" => sub {
        $daemon->stop;
        $daemon->configure({ %conf, 'accept' => $accept });
        $daemon->start;
        $out = $proof->connect(OWN, 'app.example.net');
        for my $kind (sort keys %single) {
            my $m     = sent();
            my $rcpt  = $m->{rcpts}[0];
            my $which = $want->{$kind} // $want->{''};
            is reported($proof->dsn(rcpt => $rcpt, $single{$kind}->($m)), $rcpt),
                $which eq 'none' ? 'none unproven' : "$which suppress", $kind;
        }
    };
}
$daemon->stop;
$daemon->configure(\%conf);
$daemon->start;
$out = $proof->connect(OWN, 'app.example.net');

subtest 'many, and a list' => sub {
    my @case = (
        ['several recipients', [rcpts => [map { "many$_\@remote.test" } 1 .. 3]], undef, 'none unproven'],
        ['... from the recipient\'s own server', [rcpts => [map { "more$_\@remote.test" } 1 .. 3]], REMOTE, 'ledger suppress'],
        ['mail of a list', [list => 1], undef, 'none unproven'],
        ['... from the recipient\'s own server', [list => 1], REMOTE, 'ledger suppress'],
        ['bulk', [more => "Precedence: bulk\n"], undef, 'none unproven'],
    );
    for (@case) {
        my ($name, $m, $client, $want) = @$_;
        my $sent = sent(@$m);
        is reported($proof->dsn(rcpt => $sent->{rcpts}[0], headers => $sent->{headers}), $sent->{rcpts}[0], $client), $want, $name;
    }
};

subtest 'a return path of its own' => sub {
    my %path = (guessed => 'news+%s=remote.test@example.net', secret => 'news-%s@example.net');
    for my $kind (sort keys %path) {
        my %random = (reader1 => '9f3ac2417b', reader2 => '0b27de918c');
        my %path_of = map { my $r = "$kind$_"; ($r => sprintf $path{$kind}, $kind eq 'secret' ? $random{$_} : $r) } sort keys %random;
        my @m = map { sent(id => "<$kind.$$\@example.net>", rcpts => ["$_\@remote.test"], sender => $path_of{$_}) } sort keys %path_of;
        my $rcpt = $m[0]{rcpts}[0];
        my $in = $proof->connect(ELSEWHERE, 'mx.else.test');
        $proof->pass($in, '', [$m[0]{sender}], $proof->dsn(rcpt => $rcpt, headers => $m[0]{headers}));
        my @events = grep { $_->{recipient} eq $rcpt } $daemon->dump_json('--events');
        is join(' ', map { $_->{proof} } @events), $kind eq 'secret' ? 'ledger' : '', $kind;
    }
};

# --- the formats ------------------------------------------------------------

# A case of t/corpus around another message: its recipient and the headers that it
# returns are replaced. Undef if it has not one failed recipient, or returns none.
sub anew {
    my ($case, $m) = @_;
    my $want = slurp("$case.want");
    return if $want !~ /^kind dsn$/m || $want =~ /^guessed 1$/m;
    my @recipients = $want =~ /^final-recipient (.+)$/mg;
    return if @recipients != 1 || $want !~ /^outcome (?:failed|expired)$/m || $want !~ /^message-id/m;
    my $text = slurp("$case.eml") =~ s/\r\n?/\n/gr;
    return if $text =~ /^Content-Transfer-Encoding: base64/mi;
    my ($id) = $want =~ /^message-id (.+)$/m;
    my $at = rindex $text, $id;
    return if $at < 0;
    # The block of header lines around the Message-ID, as far as they are indented alike.
    my $start = rindex($text, "\n\n", $at) + 2;
    my $end   = index $text, "\n\n", $at;
    $end = length $text if $end < 0;
    my $block = substr $text, $start, $end - $start;
    my ($indent) = $block =~ /^([> \t]*)Message-I[dD]:/m or return;
    # Something above belongs to the report: what is no header field.
    my ($fields) = $block =~ /((?:^\Q$indent\E[\w-]+:.*\n?(?:^\Q$indent\E[ \t].*\n?)*)+)\z/m or return;
    my $headers = $m->{headers} =~ s/^/$indent/mgr;
    substr($text, $end - length $fields, length $fields) = "$headers";
    $text =~ s/\Q$recipients[0]\E/$m->{rcpts}[0]/gi;
    return $text;
}

subtest 'the formats of the corpus' => sub {
    my ($all, $acts, @fails) = (0, 0);
    for my $case (map { s/\.eml\z//r } sort glob top() . '/t/corpus/*.eml') {
        my $rcpt = 'format' . ++$n . '@remote.test';
        my $m    = $proof->leave($out, rcpts => [$rcpt]);
        my $text = anew($case, $m) // next;
        my $was = reported($text, $rcpt);
        $all++;
        if ($was =~ /^(?:ledger|tag|envid|dkim) /) { $acts++ }
        else                                       { push @fails, basename($case) . ": $was" }
    }
    cmp_ok $all, '>=', 40, "$all formats that return headers";
    cmp_ok $acts, '>=', 0.95 * $all, "$acts of $all are proven";
    diag join "\n", @fails if $acts < 0.95 * $all;
};

done_testing;
