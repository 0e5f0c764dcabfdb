#!/usr/bin/perl
# Conversations on the daemon's socket: every order of callbacks, messages given
# up anywhere, more of everything than anybody needs. Ordinary mail is never
# refused or put off, and the daemon lives.

use strict;
use warnings;
use File::Basename qw(dirname);
use Test::More;
use BM::Daemon;
use BM::Milter;
use BM::Util qw(run tempdir top wait_for);

my $dir = tempdir();
my $daemon = BM::Daemon->new(dir => $dir, conf => {
    'trusted-reporters' => ['192.0.2.9'],
    'own-clients'       => ['192.0.2.1'],
    'own-domains'       => ['example.net'],
    'postfix-config'    => "$dir/no-postfix",
})->start;
my $here = top() . '/t/milter';
my $pid  = $daemon->pid;

sub conversation {
    my ($name, $steps) = @_;
    my ($status, $out, $err) = run({ timeout => 50 }, 'miltertest', '-D', 'sock=' . $daemon->socket,
        '-D', "steps=$steps", '-D', "dir=$here", '-s', "$here/$name.lua");
    is "$status $out", "0 complete\n", "$name, the MTA can leave out $steps" or diag $err;
    ok $daemon->alive && $daemon->pid == $pid, 'the daemon lives';
    return;
}

sub recipients { my (@what) = @_; return sort map { $_->{recipient} } $daemon->dump_json(@what) }

# 1: nothing that we ask for; 0x1fffff: everything.
for my $steps (1, 0x1fffff) {
    subtest "conversations, steps $steps" => sub {
        conversation($_, $steps) for qw(report orders);
    };
}

# A header line and a report in the form of the protocol.
my @headers = (['Message-ID', '<limits@remote.test>'],
    ['Content-Type', 'multipart/report; report-type=delivery-status; boundary="b"']);

sub report {
    my ($recipient) = @_;
    return "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; remote.test\r\n\r\n"
        . "Final-Recipient: rfc822; $recipient\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        . "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n";
}

subtest 'more of everything than anybody needs' => sub {
    my $block = ('0123456789abcdef' x 3900) . "\r\n";
    my @sizes = (
        ['3,000 header lines', [(['X-Line', 'one of many']) x 3000, @headers], [report('many@remote.test')]],
        ['a header block of 2 MB', [@headers, (['X-Long', 'x' x 2000]) x 1000], [report('long@remote.test')]],
        ['a long header name', [['X' x 30000, ''], @headers], [report('name@remote.test')]],
        ['a long parameter', [[@{ $headers[1] }[0], $headers[1][1] . '; x=y' x 5000], $headers[0]], [report('param@remote.test')]],
        ['a report, then 20 MB', \@headers, [report('big@remote.test'), ($block) x 320]],
        ['20 MB, then a report', \@headers, [($block) x 320, report('late@remote.test')]],
        ['10,000 parts', \@headers, [("--b\r\n\r\n" x 5000) x 2]],
        ['empty lines', \@headers, ["\r\n" x 30000]],
        ['bare CR', \@headers, ["\r" x 60000]],
        ['nothing', \@headers, []],
        ['no header', [], [report('none@remote.test')]],
    );
    for my $case (@sizes) {
        my ($name, $headers, $body) = @$case;
        my $m = BM::Milter->new($daemon->socket);
        $m->client('192.0.2.9', 1025);
        is $m->message('<>', ['<app@example.net>'], $headers, $body), 'a', "$name: accepted";
    }
    for my $count (1, 5000) {
        my $m = BM::Milter->new($daemon->socket);
        $m->client('192.0.2.9', 1025);
        is $m->message('<>', [map { "<r$_\@example.net>" } 1 .. $count], [['Message-ID', "<to.$count\@remote.test>"], $headers[1]],
            [report("to.$count\@remote.test")]), 'a', "$count recipients: accepted";
    }
    for my $sender ('<' . 's' x 30000 . '@remote.test>', '<', '>', '', '<<>>', '<@a,@b:c@d>', 'a b c') {
        my $m = BM::Milter->new($daemon->socket);
        $m->client('198.51.100.1', 1025);
        is $m->message($sender, ['<' . 'r' x 30000 . '@example.net>', '<>', '', '<'], [['Subject', 'x']], ["x\r\n"]), 'a',
            'sender ' . substr($sender, 0, 20) . ': accepted';
    }
    ok $daemon->alive && $daemon->pid == $pid, 'the daemon lives';
};

subtest 'what is on the record after them' => sub {
    my @wanted = qw(big bytes long many name param second to.1 to.5000 trusted);
    is_deeply [recipients('--events')], [map { "$_\@remote.test" } @wanted],
        'each report of the trusted reporter, once';
    my $ring = wait_for(sub { my @r = grep { /^victim/ } recipients('--unverified'); @r >= 8 && \@r }, 10);
    is_deeply $ring, [sort map { ("victim$_\@remote.test") x 2 } 1 .. 4], 'strangers: unverified';
    my %limits = map { $_->{recipient} => $_->{limits} } $daemon->dump_json('--events');
    like $limits{'big@remote.test'},  qr/size/,   'a report that was cut says so';
    like $limits{'long@remote.test'}, qr/header/, 'a header block that was cut says so';
    is $limits{'trusted@remote.test'}, '', 'a whole one does not';
};

# ---- without miltertest: bytes that it cannot send

my @report = (
    [H => "HELO\0"], [M => "<>\0"], [R => "<app\@example.net>\0"], ['T'],
    [L => "Message-ID\0<n\@remote.test>\0"],
    [L => "Content-Type\0multipart/report; report-type=delivery-status; boundary=b\0"], ['N'],
    [B => "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\n"
        . "Final-Recipient: rfc822; nul\@remote.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        . "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n"], ['E'],
);

subtest 'NUL bytes everywhere' => sub {
    for my $i (0 .. $#report) {
        for my $at (0, 0.3, 0.9) {
            my $m = BM::Milter->new($daemon->socket);
            $m->client('192.0.2.9', 1025);
            my $last = '';
            for my $j (0 .. $#report) {
                my ($letter, $data) = @{ $report[$j] };
                if ($i == $j && defined $data) {
                    my $place = int $at * length $data;
                    $data = substr($data, 0, $place) . "\0" . substr $data, $place;
                }
                ($last) = $m->send($letter, $data)->answer(1);
                $last =~ s/\?//;
                # libmilter itself may hang up at what is no packet of the protocol.
                last if $last !~ /^[cs]$/;
            }
            like $last, qr/^[cas]?$/, "step $i, at $at";
        }
    }
    ok $daemon->alive && $daemon->pid == $pid, 'the daemon lives';
    is scalar(grep { $_ ne 'nul@remote.test' && /nul|\0/ } recipients('--events')), 0, 'no other address comes of it';
};

subtest 'any order at all' => sub {
    srand 20261121;
    my @packets = (@report, ['A'], ['D', "Mi\0abc\0{daemon_name}\0x\0"], ['K'], ['U', "XYZ\0"], ['L', "\0\0"], ['B', ''],
        ['M', "\0"], ['R', "\0"], ['M', "<own\@example.net>\0SIZE=1\0"], ['C', "h\0U"], ['C', "h\0" . "4\0\0127.0.0.1\0"]);
    my (%answers, $wrong);
    for my $round (1 .. 150) {
        my $m = BM::Milter->new($daemon->socket, $round % 2 ? 0 : 0x1fffff);
        $m->client('198.51.100.' . ($round % 250), 1025) if $round % 3;
        for (1 .. 1 + rand 25) {
            my $packet = $packets[rand @packets];
            $m->send(@$packet);
            next if !$m->is_answered($packet->[0]);
            # Late answers are read with the next one.
            my ($answer) = $m->answer(0.02);
            $answers{$answer}++;
            last if $answer !~ /^[cas?]$/;
        }
    }
    is_deeply [grep { !/^[cas?]?$/ } keys %answers], [], 'no refusal' or diag explain \%answers;
    cmp_ok $answers{c}, '>', 100, 'most of it was heard';
    ok $daemon->alive && $daemon->pid == $pid, 'the daemon lives';
};

subtest 'garbage' => sub {
    for my $bytes ("\0", "\xff" x 100, "\0\0\0\0", pack('N', 0x7fffffff) . 'L', "GET / HTTP/1.0\r\n\r\n") {
        my $sock = IO::Socket::UNIX->new(Peer => $daemon->socket) or die "$!\n";
        local $SIG{PIPE} = 'IGNORE';
        print {$sock} $bytes;
        close $sock;
    }
    conversation('report', 1);
};

is $daemon->stop, 0, 'a clean end';
unlike $daemon->own_log, qr/panic|alert|assert/i, 'and nothing terrible in the log' or diag $daemon->log;
done_testing;
