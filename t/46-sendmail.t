#!/usr/bin/perl
# Sendmail instead of Postfix: the milter refuses what is suppressed, learns from
# the reports of trusted reporters, and is in nobody's way when it is gone.

use strict;
use warnings;
use IO::Socket::INET;
use IPC::Open2;
use Test::More;
use BM::Daemon;
use BM::MX;
use BM::Sendmail;
use BM::SMTP qw(submit);
use BM::Site;
use BM::Util qw(accepts tempdir wait_for);

die BM::Sendmail->absent . "\n" if BM::Sendmail->absent;

my $dir    = tempdir();
my $mx     = BM::MX->new(dir => $dir);
my $daemon = BM::Daemon->new(dir => $dir, conf => {
    'enforce'           => 'milter',
    'own-domains'       => ['example.net'],
    'trusted-reporters' => ['127.0.0.2'],
})->start;
my $sm     = BM::Sendmail->new(dir => $dir, mx_port => $mx->port, milter => $daemon->socket)->start;
my $n      = 0;

# ---- what the subtests are told in

sub rcpt_answer { my ($rcpt, %opt) = @_; return BM::Site->rcpt_answer($rcpt, port => $sm->port, %opt) }

# Send from an address of loopback, 127.0.0.1 if no other is given.
sub send_mail {
    my ($from, $rcpts, $message, $source) = @_;
    return submit($sm->port, $from, $rcpts, $message // BM::Site->message('x'), source => $source // '127.0.0.1');
}

sub reported {
    my ($address, $source) = @_;
    return send_mail('', ['app@example.net'], BM::Site->report(recipients => [{ final => $address }]), $source);
}

sub events { my ($address) = @_; return grep { $_->{recipient} eq $address } $daemon->dump_json('--events') }

sub by_hand {
    my ($do, $address) = @_;
    my ($status, $out, $err) = $daemon->suppress($do, $address, '--reason', 'a test');
    is $status, 0, "$do $address" or diag $out, $err;
    return;
}

sub arrives { my ($rcpt) = @_; return ok $mx->message_to($rcpt, 10), "mail to $rcpt arrives" }

# Sendmail says so when a milter is not as it ought to be.
sub no_trouble {
    unlike $sm->log, qr/Milter \(bouncemilter\)|Milter: (?:timeout|error|to error)/, 'no trouble with the milter';
    return;
}

my $suppressed = qr/suppressed by bouncemilter/;

# ---- the milter

subtest 'mail passes' => sub {
    my $r = send_mail('app@example.net', ['ok1@remote.test', 'ok2@remote.test']);
    like $r->{data}, qr/^250/, 'by SMTP' or diag explain $r;
    arrives($_) for 'ok1@remote.test', 'ok2@remote.test';
    $r = send_mail('someone@remote.test', ['in@example.net'], undef, '127.0.0.66');
    like $r->{data}, qr/^250/, 'from outside' or diag explain $r;
    arrives('in@example.net');
    my ($status, $err) = $sm->sendmail('-f', 'app@example.net', 'program@remote.test', BM::Site->message('x'));
    is $status, 0, 'from a program' or diag $err;
    arrives('program@remote.test');
    is $daemon->dump_json('--events'), 0, 'and nothing is learned from it';
    no_trouble();
};

subtest 'a suppressed recipient is refused at RCPT' => sub {
    like rcpt_answer('hand@remote.test'), qr/^250/, 'accepted before';
    by_hand('--add', 'hand@remote.test');
    is rcpt_answer('hand@remote.test'), '550 5.7.1 <hand@remote.test>... suppressed by bouncemilter (manual)', 'refused';
    like rcpt_answer('HAND@Remote.TEST'), qr/^550 5\.7\.1 .*$suppressed/, 'in any case';
    like rcpt_answer('hand+x@remote.test'), qr/^250/, 'exactly this address';
    my $qid = $sm->wait_log(qr/: (\w+): Milter: to=<hand\@remote\.test>, reject=550 5\.7\.1 suppressed by bouncemilter \(manual\)$/m);
    ok $qid, 'on the log of Sendmail';

    my $r = send_mail('app@example.net', ['before@remote.test', 'hand@remote.test', 'after@remote.test']);
    like $r->{rcpt}{'hand@remote.test'}, qr/^550 5\.7\.1 .*$suppressed/, 'one of three refused';
    like $r->{data}, qr/^250/, 'the message goes to the others';
    arrives($_) for 'before@remote.test', 'after@remote.test';
    is_deeply [grep { /^hand\@/ } $mx->rcpts], [], 'and not to the one';
    no_trouble();
};

subtest 'changes are seen by the next RCPT of an open session' => sub {
    my $smtp = BM::SMTP->new($sm->port);
    $smtp->say('MAIL FROM:<app@example.net>');
    like $smtp->say('RCPT TO:<hand@remote.test>'), qr/^550 5\.7\.1 /, 'refused';
    by_hand('--remove', 'hand@remote.test');
    like $smtp->say('RCPT TO:<hand@remote.test>'), qr/^250/, 'accepted';
    $smtp->quit;
    send_mail('app@example.net', ['hand@remote.test']);
    arrives('hand@remote.test');
};

# ---- what is learned from the network

subtest 'a report of a trusted reporter' => sub {
    my $r = reported('dead@remote.test', '127.0.0.2');
    like $r->{data}, qr/^250/, 'accepted' or diag explain $r;
    arrives('app@example.net');
    my @events = events('dead@remote.test');
    is_deeply [map { "$_->{category} $_->{decision} $_->{source}" } @events], ['user-unknown suppress net'],
        'suppresses' or diag explain \@events;
    is rcpt_answer('dead@remote.test'), '550 5.1.1 <dead@remote.test>... suppressed by bouncemilter (user-unknown)',
        'the next mail is refused at RCPT';
    like rcpt_answer('alive@remote.test'), qr/^250/, 'others are not';
    by_hand('--remove', 'dead@remote.test');
    send_mail('app@example.net', ['dead@remote.test']);
    arrives('dead@remote.test');
};

subtest 'a report of a stranger' => sub {
    for my $source ('127.0.0.1', '127.0.0.66') {
        my $victim = 'victim' . ++$n . '@remote.test';
        my $r = reported($victim, $source);
        like $r->{data}, qr/^250/, "from $source: accepted";
        ok wait_for(sub { grep { $_->{recipient} eq $victim } $daemon->dump_json('--unverified') }, 10), 'seen';
        is_deeply [events($victim)], [], 'nothing follows';
        like rcpt_answer($victim), qr/^250/, 'mail to the victim is accepted';
    }
};

subtest "Sendmail's own report is not shown to its milters" => sub {
    send_mail('author@example.net', ['b1.550.5.1.1@remote.test']);
    arrives('author@example.net');
    is_deeply [events('b1.550.5.1.1@remote.test')], [], 'nothing is learned from it';
    no_trouble();
};

# ---- the daemon away

# Sessions at every stage, of ordinary mail and of reports.
sub sessions {
    my @sessions;
    for my $stage (qw(connect mail rcpt data body)) {
        for my $kind (qw(ordinary report)) {
            my $smtp = BM::SMTP->new($sm->port, source => $kind eq 'report' ? '127.0.0.2' : '127.0.0.66');
            my $s    = { smtp => $smtp, name => "$kind mail, open at $stage", rcpt => 'open' . ++$n . '@example.net', wrong => [] };
            my $text = $kind eq 'report' ? BM::Site->report(recipients => [{ final => "open$n\@remote.test" }])
                : BM::Site->message('open') . ("a line of the text\n" x 5000);
            $s->{steps} = [
                ['connect', sub { $smtp->greeting }, qr/^220/],
                ['mail', sub { $smtp->say($kind eq 'report' ? 'MAIL FROM:<>' : 'MAIL FROM:<a@remote.test>') }, qr/^250/],
                ['rcpt', sub { $smtp->say("RCPT TO:<$s->{rcpt}>") }, qr/^250/],
                ['data', sub { $smtp->say('DATA') }, qr/^354/],
                ['body', sub { $smtp->send(substr($text, 0, 500) =~ s/\n/\r\n/gr); 'sent' }, qr/^sent/],
                ['end',  sub { $smtp->text(substr $text, 500) }, qr/^250/],
            ];
            push @sessions, $s;
            1 while step($s) ne $stage;
        }
    }
    return @sessions;
}

sub step {
    my ($s) = @_;
    my ($name, $do, $want) = @{ shift @{ $s->{steps} } };
    my $answer = $do->();
    push @{ $s->{wrong} }, "$name: $answer" if $answer !~ $want;
    return $name;
}

for my $end (qw(stop kill9)) {
    subtest "$end in mid-session" => sub {
        by_hand('--add', "gone$end\@remote.test");
        like rcpt_answer("gone$end\@remote.test"), qr/^550/, 'something is refused';
        my @open = sessions();
        is $daemon->$end, $end eq 'stop' ? 0 : 137, 'the daemon ended';
        for my $s (@open) {
            step($s) while @{ $s->{steps} };
            is_deeply $s->{wrong}, [], "$s->{name}: goes through";
            $s->{smtp}->quit;
        }
        arrives($_->{rcpt}) for @open;

        for my $source ('127.0.0.1', '127.0.0.2', '127.0.0.66') {
            my $rcpt = 'away' . ++$n . '@example.net';
            like send_mail('a@remote.test', [$rcpt], undef, $source)->{data}, qr/^250/, "while it is away: mail from $source";
            arrives($rcpt);
        }
        send_mail('app@example.net', ["gone$end\@remote.test"]);
        arrives("gone$end\@remote.test");

        $daemon->start;
        like rcpt_answer("gone$end\@remote.test"), qr/^550 5\.7\.1 .*$suppressed/, 'back: refuses again, without Sendmail being told';
        reported("back$end\@remote.test", '127.0.0.2');
        is scalar(events("back$end\@remote.test")), 1, 'and learns again';
        my ($status, $out, $err) = $daemon->suppress('--verify');
        is "$status $out$err", "0 standings: right, tables: right\n", 'the books agree';
    };
}

subtest 'hanging' => sub {
    kill 'STOP', $daemon->pid;
    my $r = send_mail('a@remote.test', ['hang@example.net'], undef, '127.0.0.66');
    like $r->{data}, qr/^250/, 'mail passes after the time-outs' or diag explain $r;
    arrives('hang@example.net');
    kill 'CONT', $daemon->pid;
    like rcpt_answer('gonestop@remote.test'), qr/^550 5\.7\.1 .*$suppressed/, 'and it goes on';
};

subtest 'started before the daemon' => sub {
    my $later = tempdir();
    my $early = BM::Sendmail->new(dir => $later, mx_port => $mx->port, milter => "$later/run/milter.sock")->start;
    my @port  = (port => $early->port);
    like rcpt_answer('early@remote.test', @port), qr/^250/, 'mail passes without socket and directory';
    my $its = BM::Daemon->new(dir => $later, conf => { enforce => 'milter' })->start;
    $its->suppress('--add', 'early@remote.test', '--reason', 'a test');
    like rcpt_answer('early@remote.test', @port), qr/^550 5\.7\.1 .*$suppressed/, 'and is refused as soon as it runs';

    $early->stop;
    chmod 02770, "$later/run" or die "$!\n";
    ok !eval { $early->start }, 'Sendmail does not start with a directory that the group may write';
    like $@, qr/milter\.sock unsafe: Group writable directory/, 'and says why';
};

is $daemon->stop, 0, 'a clean end';
ok $sm->queue_empty(10), 'and nothing is left in the queue of Sendmail';

# ---- the harness itself

# The processes that work below a directory.
sub processes {
    my ($below) = @_;
    return grep { (readlink("/proc/$_/cwd") // '') =~ m{^\Q$below\E/} } map { m{(\d+)\z} } glob '/proc/[0-9]*';
}

subtest 'an access_db' => sub {
    my $other = BM::Sendmail->new(dir => tempdir(), mx_port => $mx->port,
        access => "To:blocked\@remote.test ERROR:5.1.1:550 by hand\n")->start;
    my @port = (port => $other->port);
    is rcpt_answer('blocked@remote.test', @port), '550 5.1.1 <blocked@remote.test>... by hand', 'refuses';
    $other->access("To:other\@remote.test ERROR:5.1.1:550 by hand\n");
    like rcpt_answer('blocked@remote.test', @port), qr/^250/, 'and does not when it is written anew';
};

subtest 'nothing is left of it' => sub {
    # A server that says nothing: a delivery waits in the background.
    my $mute = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, Timeout => 20) or die "$@\n";
    my $program = <<'EOF' =~ s/MUTE/$mute->sockport/er;
$| = 1;
my $dir = tempdir();
my $sm  = BM::Sendmail->new(dir => $dir, mx_port => MUTE)->start;
submit($sm->port, 'a@b.test', ['c@d.test'], 'x')->{data} =~ /^250/ or die;
print join ' ', $dir, $sm->port, "\n";
<STDIN>;
EOF
    delete local $ENV{BM_KEEP};
    for my $end ('exit 0', 'die "# as it should\n"', 'kill TERM => $$; sleep 5', 'kill INT => $$; sleep 5') {
        my $pid = open2(my $out, my $in, $^X, (map { "-I$_" } @INC), '-MBM::Sendmail', '-MBM::SMTP=submit',
            '-MBM::Util=tempdir', '-e', "$program$end");
        my ($place, $port) = split ' ', <$out> // '';
        my $held = $mute->accept;
        ok $place && processes($place) >= 2, "$end: it runs" or next;
        close $in;
        waitpid $pid, 0;
        is_deeply [processes($place)], [], 'all its processes end';
        ok !accepts($port) && !-e $place, 'no port and no file is left';
    }
};

done_testing;
